// Defaults. The numbers are Nomad's.

#include <algorithm>

#include "scheduler/job_rules.h"

namespace weir::scheduler {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMinute = 60 * kSecond;
constexpr int64_t kHour = 60 * kMinute;

void set_default(std::string& field, const char* value) {
  if (field.empty()) field = value;
}

/// Fields of `over` win, then those of `under`.
void merge(UpdateStrategy& over, const UpdateStrategy& under) {
  over.stagger_ns.set_default(under.stagger_ns);
  over.max_parallel.set_default(under.max_parallel);
  set_default(over.health_check, under.health_check.c_str());
  over.min_healthy_time_ns.set_default(under.min_healthy_time_ns);
  over.healthy_deadline_ns.set_default(under.healthy_deadline_ns);
  over.progress_deadline_ns.set_default(under.progress_deadline_ns);
  over.canary.set_default(under.canary);
  over.auto_revert.set_default(under.auto_revert);
  over.auto_promote.set_default(under.auto_promote);
}

void merge(ReschedulePolicy& over, const ReschedulePolicy& under) {
  over.attempts.set_default(under.attempts);
  over.interval_ns.set_default(under.interval_ns);
  over.delay_ns.set_default(under.delay_ns);
  set_default(over.delay_function, under.delay_function.c_str());
  over.max_delay_ns.set_default(under.max_delay_ns);
  over.unlimited.set_default(under.unlimited);
}

void merge(MigrateStrategy& over, const MigrateStrategy& under) {
  over.max_parallel.set_default(under.max_parallel);
  set_default(over.health_check, under.health_check.c_str());
  over.min_healthy_time_ns.set_default(under.min_healthy_time_ns);
  over.healthy_deadline_ns.set_default(under.healthy_deadline_ns);
}

void merge(RestartPolicy& over, const RestartPolicy& under) {
  over.attempts.set_default(under.attempts);
  over.interval_ns.set_default(under.interval_ns);
  over.delay_ns.set_default(under.delay_ns);
  set_default(over.mode, under.mode.c_str());
  over.render_templates.set_default(under.render_templates);
}

RestartPolicy default_restart(const Job& job) {
  bool runs_to_its_end = job.type == "batch" || job.type == "sysbatch";
  RestartPolicy policy;
  policy.attempts = runs_to_its_end ? 3 : 2;
  policy.interval_ns = runs_to_its_end ? 24 * kHour : 30 * kMinute;
  policy.delay_ns = 15 * kSecond;
  policy.mode = "fail";
  policy.render_templates = false;
  return policy;
}

ReschedulePolicy default_reschedule(const Job& job) {
  bool is_batch = job.type == "batch";
  ReschedulePolicy policy;
  policy.attempts = is_batch ? 1 : 0;
  policy.interval_ns = is_batch ? 24 * kHour : 0;
  policy.delay_ns = is_batch ? 5 * kSecond : 30 * kSecond;
  policy.delay_function = is_batch ? "constant" : "exponential";
  policy.max_delay_ns = is_batch ? 0 : kHour;
  policy.unlimited = !is_batch;
  return policy;
}

UpdateStrategy default_update() {
  return UpdateStrategy{30 * kSecond, 1, "checks", 10 * kSecond, 5 * kMinute, 10 * kMinute, 0, false, false};
}

MigrateStrategy default_migrate() { return MigrateStrategy{1, "checks", 10 * kSecond, 5 * kMinute}; }

void canonicalize(std::vector<Constraint>& constraints) {
  for (Constraint& constraint : constraints) set_default(constraint.operand, "=");
}

void canonicalize(std::vector<Affinity>& affinities) {
  for (Affinity& affinity : affinities) {
    set_default(affinity.operand, "=");
    affinity.weight.set_default(50);
  }
}

void canonicalize(std::vector<Spread>& spreads) {
  for (Spread& spread : spreads) spread.weight.set_default(50);
}

void canonicalize(std::vector<NetworkResource>& networks) {
  for (NetworkResource& network : networks) {
    set_default(network.mode, "host");
    for (auto* ports : {&network.reserved_ports, &network.dynamic_ports}) {
      for (Port& port : *ports) set_default(port.host_network, "default");
    }
  }
}

void canonicalize(Service& service, const std::string& default_name) {
  set_default(service.name, default_name.c_str());
  set_default(service.address_mode, "auto");
  set_default(service.on_update, "require_healthy");
  set_default(service.provider, "consul");
  set_default(service.cluster, "default");
  if (service.check_restart) service.check_restart->grace_ns.set_default(kSecond);
  for (ServiceCheck& check : service.checks) {
    set_default(check.name, ("service: \"" + service.name + "\" check").c_str());
    set_default(check.on_update, service.on_update.c_str());
    if (!check.check_restart) {
      check.check_restart = service.check_restart;
    } else {
      if (check.check_restart->limit == 0 && service.check_restart)
        check.check_restart->limit = service.check_restart->limit;
      if (service.check_restart) check.check_restart->grace_ns.set_default(service.check_restart->grace_ns);
      check.check_restart->grace_ns.set_default(kSecond);
    }
  }
}

void canonicalize(Template& file) {
  set_default(file.change_mode, "restart");
  file.splay_ns.set_default(5 * kSecond);
  set_default(file.perms, "0644");
  set_default(file.left_delim, "{{");
  set_default(file.right_delim, "}}");
  file.envvars.set_default(false);
}

void canonicalize(Task& task, const Job& job, const TaskGroup& group) {
  task.resources.cores.set_default(0);
  task.resources.cpu_mhz.set_default(100);
  task.resources.memory_mb.set_default(300);
  task.resources.memory_max_mb.set_default(0);
  canonicalize(task.resources.networks);
  merge(task.restart_policy, group.restart_policy);
  task.kill_timeout_ns.set_default(5 * kSecond);
  task.log_config.max_files.set_default(10);
  task.log_config.max_file_size_mb.set_default(10);
  task.log_config.disabled.set_default(false);
  canonicalize(task.constraints);
  canonicalize(task.affinities);
  for (Service& service : task.services) {
    canonicalize(service, job.name + "-" + group.name + "-" + task.name);
    set_default(service.task_name, task.name.c_str());
  }
  for (Template& file : task.templates) canonicalize(file);
  for (Artifact& artifact : task.artifacts) {
    set_default(artifact.getter_mode, "any");
    set_default(artifact.relative_dest, "local/");
  }
  for (VolumeMount& mount : task.volume_mounts) set_default(mount.propagation_mode, "private");
}

void canonicalize_reschedule(TaskGroup& group, const Job& job) {
  if (job.type != "service" && job.type != "batch") return;  // validate() refuses a policy the user gave
  ReschedulePolicy policy = group.reschedule_policy.value_or(ReschedulePolicy{});
  if (job.reschedule) merge(policy, *job.reschedule);
  // Who counts attempts does not mean "unlimited", though that is the default for services.
  if (policy.attempts.given() && policy.attempts > 0) policy.unlimited.set_default(false);
  merge(policy, default_reschedule(job));
  group.reschedule_policy = policy;
}

void canonicalize_update(TaskGroup& group, const Job& job) {
  bool is_system = job.type == "system";
  bool is_given = group.update || job.update;
  if (job.type != "service" && !(is_system && is_given)) {
    group.update.reset();
    return;
  }
  UpdateStrategy update = group.update.value_or(UpdateStrategy{});
  if (job.update) merge(update, *job.update);
  merge(update, default_update());
  group.update = update;
}

void canonicalize(TaskGroup& group, const Job& job) {
  if (group.scaling) {
    if (group.scaling->min.given()) group.count.set_default(group.scaling->min);
    group.scaling->enabled.set_default(true);
    set_default(group.scaling->type, "horizontal");
  }
  group.count.set_default(1);
  if (group.scaling) {
    group.scaling->min.set_default(group.count);
    group.scaling->max.set_default(std::max(group.count.value(), group.scaling->min.value()));
  }
  merge(group.restart_policy, default_restart(job));
  canonicalize_reschedule(group, job);
  canonicalize_update(group, job);
  if (job.type == "service") {
    MigrateStrategy migrate = group.migrate.value_or(MigrateStrategy{});
    if (job.migrate) merge(migrate, *job.migrate);
    merge(migrate, default_migrate());
    group.migrate = migrate;
  } else {
    group.migrate.reset();
  }
  group.ephemeral_disk.sticky.set_default(false);
  group.ephemeral_disk.migrate.set_default(false);
  group.ephemeral_disk.size_mb.set_default(300);
  canonicalize(group.networks);
  canonicalize(group.constraints);
  canonicalize(group.affinities);
  canonicalize(group.spreads);
  for (Service& service : group.services) canonicalize(service, job.name + "-" + group.name);
  for (auto& [name, volume] : group.volumes) set_default(volume.name, name.c_str());
  for (Task& task : group.tasks) canonicalize(task, job, group);
}

}  // namespace

void canonicalize(Job& job) {
  set_default(job.region, "global");
  set_default(job.namespace_, "default");
  set_default(job.name, job.id.c_str());
  set_default(job.type, "service");
  set_default(job.node_pool, "default");
  job.priority.set_default(50);
  job.all_at_once.set_default(false);
  if (!job.datacenters) job.datacenters.emplace(1, "*");
  canonicalize(job.constraints);
  canonicalize(job.affinities);
  canonicalize(job.spreads);
  for (TaskGroup& group : job.task_groups) canonicalize(group, job);
}

}  // namespace weir::scheduler

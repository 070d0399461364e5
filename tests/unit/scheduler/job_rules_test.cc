// Defaults, validation and the question whether a job changed.
#include "scheduler/job_rules.h"

#include <algorithm>

#include "catch.h"
#include "job_fixture.h"

using namespace weir::scheduler;

namespace {

constexpr int64_t kMinute = 60 * kTestSecond;

/// The fields that validate() complains about after `change`.
template <typename Change>
std::vector<std::string> errors_after(Change change) {
  Job job = sparse_job();
  change(job);
  canonicalize(job);
  std::vector<std::string> fields;
  for (const JobFinding& finding : validate(job).errors) fields.push_back(finding.field);
  return fields;
}

template <typename Change>
std::vector<std::string> warnings_after(Change change) {
  Job job = sparse_job();
  change(job);
  canonicalize(job);
  std::vector<std::string> fields;
  for (const JobFinding& finding : validate(job).warnings) fields.push_back(finding.field);
  return fields;
}

using Fields = std::vector<std::string>;

}  // namespace

TEST_CASE("job rules: a service job gets Nomad's defaults") {
  Job job = canonical_job();
  CHECK(job.region == "global");
  CHECK(job.namespace_ == "default");
  CHECK(job.name == "web");
  CHECK(job.type == "service");
  CHECK(job.priority == 50);
  CHECK(job.datacenters == std::vector<std::string>{"*"});
  const TaskGroup& group = job.task_groups[0];
  CHECK(group.restart_policy == RestartPolicy{2, 30 * kMinute, 15 * kTestSecond, "fail", false});
  CHECK(group.reschedule_policy == ReschedulePolicy{0, 0, 30 * kTestSecond, "exponential", 60 * kMinute, true});
  CHECK(group.update ==
        UpdateStrategy{30 * kTestSecond, 1, "checks", 10 * kTestSecond, 5 * kMinute, 10 * kMinute, 0, false, false});
  CHECK(group.migrate == MigrateStrategy{1, "checks", 10 * kTestSecond, 5 * kMinute});
  CHECK(group.ephemeral_disk == EphemeralDisk{false, false, 300});
  CHECK(group.networks[0].mode == "host");
  CHECK(group.services[0].checks[0].name == "service: \"web\" check");
  CHECK(group.services[0].provider == "consul");
  const Task& task = group.tasks[0];
  CHECK(task.resources.cpu_mhz == 100);
  CHECK(task.resources.memory_mb == 300);
  CHECK(task.kill_timeout_ns == 5 * kTestSecond);
  CHECK(task.log_config == LogConfig{10, 10, false});
  CHECK(task.restart_policy == group.restart_policy);
}

TEST_CASE("job rules: making a job canonical twice changes nothing") {
  Job once = canonical_job();
  Job twice = once;
  canonicalize(twice);
  CHECK(once == twice);
}

TEST_CASE("job rules: job policies merge into groups field by field, group policies into tasks") {
  Job job = sparse_job();
  job.update.emplace();
  job.update->max_parallel = 3;
  job.update->canary = 1;
  job.task_groups[0].update.emplace();
  job.task_groups[0].update->max_parallel = 2;
  job.task_groups[0].restart_policy.attempts = 7;
  job.task_groups[0].tasks[0].restart_policy.mode = "delay";
  canonicalize(job);
  CHECK(job.task_groups[0].update->max_parallel == 2);
  CHECK(job.task_groups[0].update->canary == 1);
  CHECK(job.task_groups[0].update->healthy_deadline_ns == 5 * kMinute);
  CHECK(job.task_groups[0].tasks[0].restart_policy.attempts == 7);
  CHECK(job.task_groups[0].tasks[0].restart_policy.mode == "delay");
  CHECK(job.task_groups[0].restart_policy.mode == "fail");
}

TEST_CASE("job rules: counting attempts switches unlimited rescheduling off") {
  Job job = sparse_job();
  job.reschedule.emplace();
  job.reschedule->attempts = 3;
  job.reschedule->interval_ns = 60 * kMinute;
  canonicalize(job);
  CHECK(job.task_groups[0].reschedule_policy->unlimited == false);
}

TEST_CASE("job rules: types have their own policies") {
  Job job = sparse_job();
  job.type = "system";
  job.task_groups[0].count = 1;
  canonicalize(job);
  CHECK_FALSE(job.task_groups[0].reschedule_policy);
  CHECK_FALSE(job.task_groups[0].update);
  CHECK_FALSE(job.task_groups[0].migrate);
  Job batch = sparse_job();
  batch.type = "batch";
  canonicalize(batch);
  CHECK(batch.task_groups[0].restart_policy.attempts == 3);
  CHECK(batch.task_groups[0].reschedule_policy ==
        ReschedulePolicy{1, 24 * 60 * kMinute, 5 * kTestSecond, "constant", 0, false});
}

TEST_CASE("job rules: a good job has neither errors nor warnings") {
  JobVerdict verdict = validate(canonical_job());
  CHECK(verdict.error_text() == "");
  CHECK(verdict.warning_text() == "");
}

TEST_CASE("job rules: all errors come at once, with their paths") {
  Job job;
  job.id = "a b";
  job.type = "daemon";
  job.priority = 500;
  job.datacenters.emplace();
  canonicalize(job);
  CHECK(validate(job).error_text() ==
        "5 errors occurred:"
        "\n\t* ID: must not hold spaces"
        "\n\t* Type: \"daemon\" is not one of: service, system, batch"
        "\n\t* Priority: must be 1 to 100"
        "\n\t* Datacenters: at least one is needed; \"*\" stands for all"
        "\n\t* TaskGroups: a job needs at least one group");
}

TEST_CASE("job rules: each wrong field is named") {
  CHECK(errors_after([](Job& j) { j.namespace_ = "team"; }) == Fields{"Namespace"});
  CHECK(errors_after([](Job& j) { j.node_pool = "gpu"; }) == Fields{"NodePool"});
  CHECK(errors_after([](Job& j) { j.task_groups.push_back(j.task_groups[0]); }) == Fields{"TaskGroups[g].Name"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].count = -1; }) == Fields{"TaskGroups[g].Count"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].tasks.clear(); }) == Fields{"TaskGroups[g].Tasks"});
  CHECK(errors_after([](Job& j) { j.type = "system"; }) == Fields{"TaskGroups[g].Count"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].restart_policy.mode = "never"; }) ==
        Fields{"TaskGroups[g].RestartPolicy.Mode", "TaskGroups[g].Tasks[t].RestartPolicy.Mode"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].update.emplace().healthy_deadline_ns = kTestSecond; }) ==
        Fields{"TaskGroups[g].Update.HealthyDeadline"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].update.emplace().auto_promote = true; }) ==
        Fields{"TaskGroups[g].Update.AutoPromote"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].networks[0].mode = "bridge"; }) ==
        Fields{"TaskGroups[g].Networks[0].Mode"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].networks[0].dynamic_ports[0].label = "a b"; }).front() ==
        "TaskGroups[g].Networks[0].DynamicPorts[a b].Label");
  CHECK(errors_after([](Job& j) {
          j.constraints.push_back({"${attr.x}", "1", "~"});
        }) == Fields{"Constraints[0].Operand"});
  CHECK(errors_after([](Job& j) {
          j.affinities.push_back({"${attr.x}", "1", "=", 0});
        }) == Fields{"Affinities[0].Weight"});
}

TEST_CASE("job rules: each wrong field of a task is named") {
  auto task_errors = [](auto change) { return errors_after([&](Job& j) { change(j.task_groups[0].tasks[0]); }); };
  const std::string path = "TaskGroups[g].Tasks[t].";
  CHECK(task_errors([](Task& t) { t.driver = ""; }) == Fields{path + "Driver"});
  CHECK(task_errors([](Task& t) { t.config = Value(Value::Object{}); }) == Fields{path + "Config"});
  CHECK(task_errors([](Task& t) { t.config.as_object()["comand"] = Value("x"); }) == Fields{path + "Config"});
  CHECK(task_errors([](Task& t) { t.config.as_object()["args"] = Value("x"); }) == Fields{path + "Config"});
  CHECK(task_errors([](Task& t) { t.resources.cores = 2; }) == Fields{path + "Resources.Cores"});
  CHECK(task_errors([](Task& t) { t.resources.memory_mb = 9; }) == Fields{path + "Resources.MemoryMB"});
  CHECK(task_errors([](Task& t) { t.kill_signal = "SIGNOPE"; }) == Fields{path + "KillSignal"});
  CHECK(task_errors([](Task& t) { t.log_config.max_files = 100; }) == Fields{path + "LogConfig"});
  CHECK(task_errors([](Task& t) { t.user = "root"; }) == Fields{path + "User"});
  CHECK(task_errors([](Task& t) { t.env["A=B"] = "1"; }) == Fields{path + "Env[A=B]"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].tasks[0].name = "a/b"; }) ==
        Fields{"TaskGroups[g].Tasks[a/b].Name"});
}

TEST_CASE("job rules: a hook is one of three, and there is a task that it is a hook of") {
  auto with_hook = [](const std::string& hook, bool sidecar = false) {
    return [=](Job& j) {
      Task task = j.task_groups[0].tasks[0];
      task.name = "u";
      task.lifecycle = Lifecycle{.hook = hook, .sidecar = sidecar};
      j.task_groups[0].tasks.push_back(task);
    };
  };
  const std::string path = "TaskGroups[g].Tasks[u].";
  for (const char* hook : {"prestart", "poststart"}) {
    CHECK(errors_after(with_hook(hook)).empty());
    CHECK(errors_after(with_hook(hook, true)).empty());
    CHECK(warnings_after(with_hook(hook, true)).empty());
  }
  CHECK(errors_after(with_hook("poststop")).empty());
  CHECK(errors_after(with_hook("")) == Fields{path + "Lifecycle.Hook"});
  CHECK(errors_after(with_hook("prestop")) == Fields{path + "Lifecycle.Hook"});
  CHECK(warnings_after(with_hook("poststop", true)) == Fields{path + "Lifecycle.Sidecar"});
  CHECK(errors_after([&](Job& j) {
          with_hook("poststop")(j);
          j.task_groups[0].tasks[1].services = j.task_groups[0].services;
          j.task_groups[0].tasks[1].services[0].name = "late";
        }) == Fields{path + "Services"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].tasks[0].lifecycle = Lifecycle{.hook = "prestart"}; }) ==
        Fields{"TaskGroups[g].Tasks"});
  const auto led_by = [&](const std::string& hook, bool sidecar = false) {
    return errors_after([&](Job& j) {
      with_hook(hook, sidecar)(j);
      j.task_groups[0].tasks[1].leader = true;
    });
  };
  CHECK(led_by("prestart") == Fields{path + "Leader"});  // no main task would ever run
  CHECK(led_by("poststop") == Fields{path + "Leader"});  // nor itself
  CHECK((led_by("prestart", true).empty() && led_by("poststart").empty()));
}

TEST_CASE("job rules: each wrong field of a service is named") {
  auto service_errors = [](auto change) { return errors_after([&](Job& j) { change(j.task_groups[0].services[0]); }); };
  const std::string path = "TaskGroups[g].Services[0].";
  CHECK(service_errors([](Service& s) { s.name = "a_b"; }) == Fields{path + "Name"});
  CHECK(service_errors([](Service& s) { s.port_label = "nope"; }) == Fields{path + "PortLabel"});
  CHECK(service_errors([](Service& s) { s.provider = "eureka"; }) == Fields{path + "Provider"});
  CHECK(service_errors([](Service& s) { s.checks[0].type = "script"; }) == Fields{path + "Checks[0].Type"});
  CHECK(service_errors([](Service& s) { s.checks[0].type = "grpc"; }).empty());
  CHECK(service_errors([](Service& s) {
          s.checks[0].type = "grpc";
          s.provider = "nomad";
        }) == Fields{path + "Checks[0].Type"});
  CHECK(warnings_after([](Job& j) { j.task_groups[0].services[0].provider = "nomad"; }) == Fields{path + "Provider"});
  CHECK(service_errors([](Service& s) { s.checks[0].interval_ns = 1; }) == Fields{path + "Checks[0].Interval"});
  CHECK(service_errors([](Service& s) { s.checks[0].path = ""; }) == Fields{path + "Checks[0].Path"});
  CHECK(service_errors([](Service& s) { s.checks[0].port_label = "nope"; }) == Fields{path + "Checks[0].PortLabel"});
  CHECK(errors_after([](Job& j) { j.task_groups[0].services.push_back(j.task_groups[0].services[0]); }) ==
        Fields{"TaskGroups[g].Services[1].Name"});
  CHECK(service_errors([](Service& s) { s.name = "${TASK}"; }).empty());
}

TEST_CASE("job rules: two static ports of one number are an error, also across tasks") {
  CHECK(errors_after([](Job& j) {
          j.task_groups[0].networks[0].reserved_ports = {Port{"a", 80}, Port{"b", 80}};
        }) == Fields{"TaskGroups[g].Networks"});
  CHECK(errors_after([](Job& j) {
          Task second = j.task_groups[0].tasks[0];
          second.name = "u";
          j.task_groups[0].tasks.push_back(second);
          for (Task& task : j.task_groups[0].tasks)
            task.resources.networks.emplace_back().reserved_ports = {Port{"a", 80}};
        }) == Fields{"TaskGroups[g].Networks"});
}

TEST_CASE("job rules: what we do not model is refused when it would change the meaning, else a warning") {
  auto with = [](const std::string& path) { return [path](Job& j) { j.not_modelled = {path}; }; };
  CHECK(errors_after(with("TaskGroups[g].Tasks[t].Vault")) == Fields{"TaskGroups[g].Tasks[t].Vault"});
  CHECK(errors_after(with("Periodic")) == Fields{"Periodic"});
  CHECK(errors_after(with("TaskGroups[g].Scaling.Policy")).empty());
  CHECK(warnings_after(with("TaskGroups[g].Scaling.Policy")) == Fields{"TaskGroups[g].Scaling.Policy"});
}

TEST_CASE("job rules: dangerous but allowed specs are warned about") {
  CHECK(warnings_after([](Job& j) { j.task_groups[0].services[0].checks.clear(); }) ==
        Fields{"TaskGroups[g].Services[0].Checks"});
  CHECK(warnings_after([](Job& j) { j.task_groups[0].count = 1; }) == Fields{"TaskGroups[g].Count"});
  CHECK(warnings_after([](Job& j) { j.task_groups[0].shutdown_delay_ns.reset(); }) ==
        Fields{"TaskGroups[g].Services[0].Tags"});
  CHECK(warnings_after([](Job& j) { j.task_groups[0].tasks[0].kill_timeout_ns = kMinute; }) ==
        Fields{"TaskGroups[g].Tasks[t].KillTimeout"});
  CHECK(warnings_after([](Job& j) { j.task_groups[0].services[0].checks[0].interval_ns = 10 * kMinute; }) ==
        Fields{"TaskGroups[g].Services[0].Checks"});
  CHECK(warnings_after([](Job& j) {
          j.task_groups[0].update.emplace().canary = 1;
          j.task_groups[0].networks[0].reserved_ports = {Port{"s", 8080}};
        }) == Fields{"TaskGroups[g].Update.Canary"});
  CHECK(warnings_after([](Job& j) { j.task_groups[0].networks[0].mbits = 10; }) ==
        Fields{"TaskGroups[g].Networks[0].MBits"});
}

TEST_CASE("job rules: server fields do not make a new version, anything else does") {
  Job before = canonical_job();
  Job after = before;
  after.version = 3;
  after.status = "running";
  after.modify_index = 17;
  after.stable = true;
  CHECK_FALSE(spec_changed(before, after));
  after.task_groups[0].services[0].tags.push_back("x");
  CHECK(spec_changed(before, after));
  Job sparse = before;
  sparse.update.emplace().max_parallel = 9;  // the groups have their own already
  canonicalize(sparse);
  CHECK_FALSE(spec_changed(before, sparse));
}

#include "scheduler/job_validate.h"

#include <algorithm>

#include "weir/base/duration.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

/// Parts we do not model. Refused is what would change meaning or security if it were ignored; the rest is advice.
struct NotModelled {
  std::string_view name;
  bool is_refused;
};
constexpr NotModelled kNotModelled[] = {
    {"Periodic", true},
    {"ParameterizedJob", true},
    {"Multiregion", true},
    {"Payload", true},
    {"Vault", true},
    {"Consul", true},
    {"Connect", true},
    {"Identity", true},
    {"Identities", true},
    {"Secrets", true},
    {"Devices", true},
    {"NUMA", true},
    {"CNI", true},
    {"CSIPluginConfig", true},
    {"DispatchPayload", true},
    {"Schedule", true},
    {"ChangeScript", true},
    {"MountOptions", true},
    {"Kind", true},
    {"Uid", true},
    {"Gid", true},
    {"SecretsMB", true},
    {"Policy", false},
    {"ScalingPolicies", false},
    {"Actions", false},
    {"UI", false},
    {"Disconnect", false},
    {"MaxClientDisconnect", false},
    {"Wait", false},
    {"VaultToken", false},
    {"ConsulToken", false},
    {"VaultNamespace", false},
    {"ConsulNamespace", false},
    {"StopAfterClientDisconnect", false},
    {"PreventRescheduleOnLost", false},
};

constexpr const char* kOperands[] = {"=",
                                     "==",
                                     "is",
                                     "!=",
                                     "not",
                                     "<",
                                     "<=",
                                     ">",
                                     ">=",
                                     "is_set",
                                     "is_not_set",
                                     "regexp",
                                     "version",
                                     "semver",
                                     "set_contains",
                                     "set_contains_all",
                                     "set_contains_any",
                                     "distinct_hosts",
                                     "distinct_property"};

bool is_operand(const std::string& text) {
  return std::find(std::begin(kOperands), std::end(kOperands), text) != std::end(kOperands);
}

}  // namespace

JobVerdict validate(const Job& job) {
  JobCheck check(job);
  check.check_job();
  return std::move(check.verdict);
}

void JobCheck::check_job() {
  check_names();
  is_one_of("", "Type", job_.type, {"service", "system", "batch"});
  if (job_.priority < 1 || job_.priority > 100) error("", "Priority", "must be 1 to 100");
  if (job_.all_at_once) error("", "AllAtOnce", "is not supported: groups are placed one by one");
  if (job_.region != "global") error("", "Region", "there is only the region \"global\"");
  if (job_.namespace_ != "default") error("", "Namespace", "there is only the namespace \"default\"");
  if (job_.node_pool != "default") error("", "NodePool", "there is only the node pool \"default\"");
  if (!job_.datacenters || job_.datacenters->empty()) {
    error("", "Datacenters", "at least one is needed; \"*\" stands for all");
  } else if (std::count(job_.datacenters->begin(), job_.datacenters->end(), "") > 0) {
    error("", "Datacenters", "a datacenter's name must not be empty");
  }
  check_not_modelled();
  check_placement(job_.constraints, job_.affinities, job_.spreads, "");
  bool runs_everywhere = job_.type == "system";
  if (runs_everywhere && job_.reschedule)
    error("", "Reschedule", "a system job runs on every node: it is not rescheduled");
  if (job_.task_groups.empty()) error("", "TaskGroups", "a job needs at least one group");
  std::set<std::string> seen;
  for (const TaskGroup& group : job_.task_groups) {
    std::string path = path_to("", "TaskGroups", group.name);
    if (!seen.insert(group.name).second) error(path, "Name", "is used by another group of this job");
    check_group(group, path);
    warn_group(group, path);
  }
}

void JobCheck::check_names() {
  if (job_.id.empty()) error("", "ID", "a job needs an id");
  if (job_.name.empty()) error("", "Name", "a job needs a name");
  for (const auto& [field, text] : {std::pair("ID", &job_.id), std::pair("Name", &job_.name)}) {
    if (text->find('\0') != std::string::npos) error("", field, "holds a zero byte");
    if (text->size() > 256) error("", field, "is longer than 256 bytes");
  }
  if (job_.id.find(' ') != std::string::npos) error("", "ID", "must not hold spaces");
}

void JobCheck::check_not_modelled() {
  for (const std::string& path : job_.not_modelled) {
    size_t dot = path.rfind('.');
    std::string name = dot == std::string::npos ? path : path.substr(dot + 1);
    auto known = std::find_if(std::begin(kNotModelled), std::end(kNotModelled),
                              [&](const NotModelled& entry) { return entry.name == name; });
    bool is_refused = known == std::end(kNotModelled) || known->is_refused;
    (is_refused ? verdict.errors : verdict.warnings)
        .push_back({path, is_refused ? "is not supported" : "is not supported and has no effect"});
  }
}

void JobCheck::check_group(const TaskGroup& group, const std::string& path) {
  if (group.name.empty()) error(path, "Name", "a group needs a name");
  at_least(path, "Count", group.count, 0);
  if (job_.type == "system" && group.count > 1) error(path, "Count", "a system job runs once on every node: 0 or 1");
  if (group.tasks.empty()) error(path, "Tasks", "a group needs at least one task");
  at_least(path, "ShutdownDelay", group.shutdown_delay_ns.value_or(0), 0);
  check_policies(group, path);
  check_placement(group.constraints, group.affinities, group.spreads, path);
  check_networks(group, path);
  check_services(group, path);
  for (const auto& [name, volume] : group.volumes)
    error(path_to(path, "Volumes", name), "Type", "volumes are not supported");
  std::set<std::string> seen;
  int leaders = 0;
  bool has_main = false;
  for (const Task& task : group.tasks) {
    std::string task_path = path_to(path, "Tasks", task.name);
    if (!seen.insert(task.name).second) error(task_path, "Name", "is used by another task of this group");
    if (task.leader) ++leaders;
    has_main = has_main || !task.lifecycle;
    check_task(group, task, task_path);
  }
  if (!group.tasks.empty() && !has_main) error(path, "Tasks", "a group needs a task without lifecycle");
  if (leaders > 1) error(path, "Tasks", "only one task of a group may be its leader");
  if (group.scaling && group.scaling->min > group.scaling->max) {
    error(path, "Scaling", "min must not be greater than max");
  } else if (group.scaling && (group.count < group.scaling->min || group.count > group.scaling->max)) {
    error(path, "Count", "does not lie between scaling's min and max");
  }
}

void JobCheck::check_policies(const TaskGroup& group, const std::string& path) {
  check_restart(group.restart_policy, path + ".RestartPolicy");
  if (group.reschedule_policy) check_reschedule(*group.reschedule_policy, path + ".ReschedulePolicy");
  if (group.update) check_update(*group.update, path + ".Update");
  if (group.ephemeral_disk.size_mb < 10) error(path, "EphemeralDisk.SizeMB", "must be at least 10");
}

void JobCheck::check_restart(const RestartPolicy& policy, const std::string& path) {
  is_one_of(path, "Mode", policy.mode, {"fail", "delay"});
  at_least(path, "Attempts", policy.attempts, 0);
  at_least(path, "Delay", policy.delay_ns, 0);
  if (policy.attempts <= 0) return;
  if (policy.interval_ns < 5 * kSecond) error(path, "Interval", "must be at least 5s");
  // Attempts that cannot all happen within the interval would never be exceeded.
  long double needed_ns =
      static_cast<long double>(policy.attempts.value()) * static_cast<long double>(policy.delay_ns.value());
  if (needed_ns > static_cast<long double>(policy.interval_ns.value())) {
    error(path, "Interval",
          std::to_string(policy.attempts) + " attempts with a delay of " + format_duration(policy.delay_ns) +
              " do not fit in " + format_duration(policy.interval_ns));
  }
}

void JobCheck::check_reschedule(const ReschedulePolicy& policy, const std::string& path) {
  if (job_.type == "system") return error(path, "", "a system job runs on every node: it is not rescheduled");
  if (policy.attempts <= 0 && !policy.unlimited) return;  // switched off
  is_one_of(path, "DelayFunction", policy.delay_function, {"constant", "exponential", "fibonacci"});
  if (policy.delay_ns < 5 * kSecond) error(path, "Delay", "must be at least 5s");
  if (policy.delay_function != "constant" && policy.max_delay_ns < policy.delay_ns) {
    error(path, "MaxDelay", "must not be less than the delay");
  }
  if (!policy.unlimited && policy.interval_ns <= 0) error(path, "Interval", "must be given with attempts");
}

void JobCheck::check_update(const UpdateStrategy& update, const std::string& path) {
  at_least(path, "MaxParallel", update.max_parallel, 0);
  if (update.stagger_ns <= 0) error(path, "Stagger", "must be greater than 0");
  if (job_.type == "system") return;  // the rest has no meaning there
  is_one_of(path, "HealthCheck", update.health_check, {"checks", "task_states", "manual"});
  at_least(path, "Canary", update.canary, 0);
  at_least(path, "MinHealthyTime", update.min_healthy_time_ns, 0);
  at_least(path, "ProgressDeadline", update.progress_deadline_ns, 0);
  if (update.healthy_deadline_ns <= update.min_healthy_time_ns) {
    error(path, "HealthyDeadline",
          "must be greater than min_healthy_time (" + format_duration(update.min_healthy_time_ns) + ")");
  }
  if (update.progress_deadline_ns != 0 && update.progress_deadline_ns <= update.healthy_deadline_ns) {
    error(path, "ProgressDeadline",
          "must be greater than healthy_deadline (" + format_duration(update.healthy_deadline_ns) + "), or 0");
  }
  if (update.auto_promote && update.canary == 0) error(path, "AutoPromote", "needs canary to be greater than 0");
}

void JobCheck::check_placement(const std::vector<Constraint>& constraints, const std::vector<Affinity>& affinities,
                               const std::vector<Spread>& spreads, const std::string& path) {
  for (size_t i = 0; i < constraints.size(); ++i) {
    const Constraint& constraint = constraints[i];
    std::string place = path_to(path, "Constraints", std::to_string(i));
    if (!is_operand(constraint.operand)) error(place, "Operand", "unknown operator \"" + constraint.operand + "\"");
    if (constraint.l_target.empty() && constraint.operand != "distinct_hosts") error(place, "LTarget", "is missing");
    bool needs_value = constraint.operand != "is_set" && constraint.operand != "is_not_set" &&
                       constraint.operand != "distinct_hosts" && constraint.operand != "distinct_property";
    if (needs_value && constraint.r_target.empty()) error(place, "RTarget", "is missing");
  }
  bool runs_everywhere = job_.type == "system" || job_.type == "sysbatch";
  if (runs_everywhere && !affinities.empty()) error(path, "Affinities", "have no place in a system job");
  if (runs_everywhere && !spreads.empty()) error(path, "Spreads", "have no place in a system job");
  for (size_t i = 0; i < affinities.size(); ++i) {
    std::string place = path_to(path, "Affinities", std::to_string(i));
    const Affinity& affinity = affinities[i];
    if (!is_operand(affinity.operand)) error(place, "Operand", "unknown operator \"" + affinity.operand + "\"");
    if (affinity.weight == 0 || affinity.weight < -100 || affinity.weight > 100) {
      error(place, "Weight", "must be -100 to 100 and not 0");
    }
  }
  check_spreads(spreads, path);
}

void JobCheck::check_spreads(const std::vector<Spread>& spreads, const std::string& path) {
  for (size_t i = 0; i < spreads.size(); ++i) {
    std::string place = path_to(path, "Spreads", std::to_string(i));
    if (spreads[i].attribute.empty()) error(place, "Attribute", "is missing");
    if (spreads[i].weight < 0 || spreads[i].weight > 100) error(place, "Weight", "must be 0 to 100");
    int64_t sum = 0;
    for (const SpreadTarget& target : spreads[i].targets) {
      if (target.percent < 0 || target.percent > 100) error(place, "SpreadTarget", "percent must be 0 to 100");
      sum += std::clamp<int64_t>(target.percent, 0, 100);
    }
    if (sum > 100) error(place, "SpreadTarget", "the percents sum to " + std::to_string(sum) + ", more than 100");
  }
}

void JobCheck::error(const std::string& path, const char* field, std::string message) {
  std::string dot = path.empty() || *field == '\0' ? "" : ".";
  verdict.errors.push_back({path + dot + field, std::move(message)});
}

void JobCheck::warn(const std::string& path, const char* field, std::string message) {
  std::string dot = path.empty() || *field == '\0' ? "" : ".";
  verdict.warnings.push_back({path + dot + field, std::move(message)});
}

bool JobCheck::is_one_of(const std::string& path, const char* field, const std::string& value,
                         std::initializer_list<const char*> allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return true;
  error(path, field,
        "\"" + value + "\" is not one of: " + join(std::vector<std::string>(allowed.begin(), allowed.end()), ", "));
  return false;
}

void JobCheck::at_least(const std::string& path, const char* field, int64_t value, int64_t least, const char* unit) {
  if (value < least) error(path, field, "must be at least " + std::to_string(least) + unit);
}

std::string path_to(const std::string& path, const char* list, const std::string& key) {
  return path + (path.empty() ? "" : ".") + list + "[" + key + "]";
}

}  // namespace weir::scheduler

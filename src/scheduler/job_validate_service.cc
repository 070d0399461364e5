// Services and their checks, and what is allowed but dangerous. See job_validate.h.

#include <algorithm>
#include <limits>

#include "scheduler/job_validate.h"
#include "weir/base/duration.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kAgentKillTimeoutMaxNs = 30 * kSecond;

bool is_dns_name(const std::string& text) {
  bool fits = !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-';
  for (char c : text) {
    bool is_letter = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
    fits = fits && (is_letter || (c >= '0' && c <= '9') || c == '-');
  }
  return fits;
}

bool is_token(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return c > ' ' && c < 127 && c != '"' && c != '(' && c != ')'; });
}

/// Tags by which an edge routes to the service.
bool is_proxied(const Service& service) {
  return std::any_of(service.tags.begin(), service.tags.end(), [](const std::string& tag) {
    return tag.starts_with("weir.") || tag.starts_with("traefik.") || tag.starts_with("urlprefix-");
  });
}

bool has_static_port(const TaskGroup& group) {
  auto is_static = [](const NetworkResource& network) { return !network.reserved_ports.empty(); };
  bool in_group = std::any_of(group.networks.begin(), group.networks.end(), is_static);
  return in_group || std::any_of(group.tasks.begin(), group.tasks.end(), [&](const Task& task) {
           return std::any_of(task.resources.networks.begin(), task.resources.networks.end(), is_static);
         });
}

}  // namespace

void JobCheck::check_services(const TaskGroup& group, const std::string& path) {
  std::set<std::string> providers;
  std::set<std::string> seen;
  auto check = [&](const Task* task, const Service& service, const std::string& place) {
    providers.insert(service.provider);
    std::string key = (task == nullptr ? "" : task->name) + "\n" + service.name + "\n" + service.port_label;
    if (!seen.insert(key).second) error(place, "Name", "there is another service of this name and port in the group");
    check_service(group, task, service, place);
    warn_service(group, task, service, place);
  };
  for (size_t i = 0; i < group.services.size(); ++i) {
    check(nullptr, group.services[i], path_to(path, "Services", std::to_string(i)));
  }
  for (const Task& task : group.tasks) {
    for (size_t i = 0; i < task.services.size(); ++i) {
      check(&task, task.services[i], path_to(path_to(path, "Tasks", task.name), "Services", std::to_string(i)));
    }
  }
  if (providers.size() > 1)
    error(path, "Services", "Multiple service providers used: a group's services share one provider");
}

void JobCheck::check_service(const TaskGroup& group, const Task* task, const Service& service,
                             const std::string& path) {
  check_service_name(service, path);
  is_one_of(path, "Provider", service.provider, {"consul", "nomad"});
  is_one_of(path, "OnUpdate", service.on_update, {"require_healthy", "ignore_warnings", "ignore"});
  if (is_one_of(path, "AddressMode", service.address_mode, {"auto", "host", "driver", "alloc"}) &&
      service.address_mode != "auto" && service.address_mode != "host") {
    error(path, "AddressMode", "\"" + service.address_mode + "\" is not supported: tasks share the host's network");
  }
  if (service.cluster != "default") error(path, "Cluster", "there is only the cluster \"default\"");
  const std::string& port = service.port_label;
  if (!port.empty() && !parse_u64(port) && !has_port(group, task, port)) {
    error(path, "PortLabel",
          "there is no port \"" + port + "\" in the group's network" + (task == nullptr ? "" : " or the task's"));
  }
  if (task == nullptr && !service.task_name.empty() && group.find_task(service.task_name) == nullptr) {
    error(path, "TaskName", "there is no task \"" + service.task_name + "\" in the group");
  }
  for (size_t i = 0; i < service.checks.size(); ++i) {
    check_check(group, task, service, service.checks[i], path_to(path, "Checks", std::to_string(i)));
  }
}

void JobCheck::check_service_name(const Service& service, const std::string& path) {
  if (service.name.find("${") != std::string::npos) return;  // only the agent knows it
  if (!is_dns_name(service.name)) {
    error(path, "Name", "\"" + service.name + "\" must be 1 to 63 letters, digits and -, and not begin or end with -");
  }
}

void JobCheck::check_check(const TaskGroup& group, const Task* task, const Service& service, const ServiceCheck& check,
                           const std::string& path) {
  if (!is_one_of(path, "Type", check.type, {"http", "tcp", "script", "grpc"})) return;
  if (check.type == "script") {
    return error(path, "Type", "\"script\" checks are not supported; use http, tcp or grpc");
  }
  if (check.type == "grpc" && service.provider == "nomad") {
    return error(path, "Type", "\"grpc\" checks need the provider \"consul\"");
  }
  if (check.expose) error(path, "Expose", "is not supported: it needs Consul Connect");
  at_least(path, "Interval", check.interval_ns / kSecond, 1, "s");
  at_least(path, "Timeout", check.timeout_ns / kSecond, 1, "s");
  is_one_of(path, "InitialStatus", check.initial_status, {"", "passing", "warning", "critical"});
  is_one_of(path, "OnUpdate", check.on_update, {"require_healthy", "ignore_warnings", "ignore"});
  at_least(path, "SuccessBeforePassing", check.success_before_passing, 0);
  at_least(path, "FailuresBeforeCritical", check.failures_before_critical, 0);
  at_least(path, "FailuresBeforeWarning", check.failures_before_warning, 0);
  if (check.check_restart) {
    at_least(path, "CheckRestart.Limit", check.check_restart->limit, 0);
    at_least(path, "CheckRestart.Grace", check.check_restart->grace_ns, 0);
  }
  const std::string& port = check.port_label.empty() ? service.port_label : check.port_label;
  if (port.empty()) {
    error(path, "PortLabel", "neither the check nor its service has a port");
  } else if (!check.port_label.empty() && !parse_u64(port) && !has_port(group, task, port)) {
    error(path, "PortLabel", "there is no port \"" + port + "\"");
  }
  check_probe(service, check, path);
}

void JobCheck::check_probe(const Service& service, const ServiceCheck& check, const std::string& path) {
  if (check.type == "http") {
    if (check.path.empty()) error(path, "Path", "an http check needs a path");
    if (check.path.find("://") != std::string::npos) error(path, "Path", "must be a path such as /health, not a URL");
    if (!check.method.empty() && !is_token(check.method)) error(path, "Method", "is no HTTP method");
    is_one_of(path, "Protocol", check.protocol, {"", "http", "https"});
  }
  bool has_thresholds = check.success_before_passing > 0 || check.failures_before_critical > 0;
  if (service.provider == "nomad" && has_thresholds) {
    error(path, "", "success_before_passing and failures_before_critical need the provider \"consul\"");
  }
}

void JobCheck::warn_service(const TaskGroup& group, const Task* task, const Service& service, const std::string& path) {
  if (service.provider == "nomad") {
    warn(path, "Provider", "\"nomad\": it is registered in the registry too, which runs its checks");
  }
  if (service.checks.empty()) {
    warn(path, "Checks", "a service without a check gets requests before its process listens");
  }
  bool waits = group.shutdown_delay_ns.value_or(0) > 0 || (task != nullptr && task->shutdown_delay_ns > 0);
  for (const Task& other : group.tasks) waits = waits || (task == nullptr && other.shutdown_delay_ns > 0);
  if (is_proxied(service) && !waits) {
    warn(path, "Tags", "without shutdown_delay a proxy may still send requests to a task that is being stopped");
  }
  if (!group.update || job_.type != "service") return;
  for (const ServiceCheck& check : service.checks) {
    int64_t runs = std::clamp<int64_t>(check.success_before_passing, 0, 1000) + 1;
    int64_t interval_ns = std::clamp<int64_t>(check.interval_ns, 0, std::numeric_limits<int64_t>::max() / 2000);
    int64_t needed_ns = interval_ns * runs +
                        std::min(group.update->min_healthy_time_ns.value(), group.update->healthy_deadline_ns.value());
    if (group.update->healthy_deadline_ns >= needed_ns) continue;
    warn(path, "Checks",
         "healthy_deadline is too short for this check: it takes up to " + format_duration(needed_ns) +
             " until an allocation counts as healthy");
  }
}

void JobCheck::warn_group(const TaskGroup& group, const std::string& path) {
  bool has_service = !group.services.empty();
  for (const Task& task : group.tasks) {
    has_service = has_service || !task.services.empty();
    if (task.kill_timeout_ns > kAgentKillTimeoutMaxNs) {
      warn(path_to(path, "Tasks", task.name), "KillTimeout",
           "agents kill after 30s at the latest, unless configured otherwise");
    }
  }
  if (job_.type != "service" || !group.update) return;
  if (has_service && group.count == 1 && group.update->canary == 0) {
    warn(path, "Count", "with count 1 and no canary nothing serves while an update replaces the allocation");
  }
  if (group.update->canary > 0 && has_static_port(group)) {
    warn(path, "Update.Canary", "a canary with a static port cannot be placed on a node that runs the old allocation");
  }
}

}  // namespace weir::scheduler

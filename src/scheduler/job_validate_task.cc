// Tasks, their resources and ports. See job_validate.h.

#include <algorithm>
#include <map>

#include "scheduler/agent/signal_names.h"
#include "scheduler/job_validate.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

/// What a driver takes in its config; others have none here and are not checked.
struct DriverConfig {
  std::string_view driver;
  std::string_view required;
  std::vector<std::string_view> known;
};
const std::vector<DriverConfig>& driver_configs() {
  static const std::vector<DriverConfig> configs = {
      {"raw_exec",
       "command",
       {"command", "args", "work_dir", "cgroup_v2_override", "cgroup_v1_override", "oom_score_adj"}},
      {"exec",
       "command",
       {"command", "args", "pid_mode", "ipc_mode", "cap_add", "cap_drop", "work_dir", "oom_score_adj"}},
  };
  return configs;
}

bool is_label(const std::string& text) {
  bool fits = !text.empty() && text.size() <= 63;
  for (char c : text) {
    bool is_letter = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
    fits = fits && (is_letter || (c >= '0' && c <= '9') || c == '_' || c == '-');
  }
  return fits;
}

bool names_port(const std::vector<NetworkResource>& networks, const std::string& label) {
  for (const NetworkResource& network : networks) {
    for (const auto* ports : {&network.reserved_ports, &network.dynamic_ports}) {
      for (const Port& port : *ports) {
        if (port.label == label) return true;
      }
    }
  }
  return false;
}

}  // namespace

bool has_port(const TaskGroup& group, const Task* task, const std::string& label) {
  return (task != nullptr && names_port(task->resources.networks, label)) || names_port(group.networks, label);
}

void JobCheck::check_task(const TaskGroup& group, const Task& task, const std::string& path) {
  if (task.name.empty()) error(path, "Name", "a task needs a name");
  if (task.name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
    error(path, "Name", "must not hold / or \\: it names a folder");
  }
  if (task.name == "." || task.name == ".." || task.name == "alloc") error(path, "Name", "cannot name a task's folder");
  if (task.driver.empty()) error(path, "Driver", "a task needs a driver, such as \"raw_exec\"");
  if (!task.user.empty()) error(path, "User", "is not supported: tasks run as the agent's user");
  at_least(path, "KillTimeout", task.kill_timeout_ns, 0);
  at_least(path, "ShutdownDelay", task.shutdown_delay_ns, 0);
  if (!task.kill_signal.empty() && !parse_signal(task.kill_signal)) {
    error(path, "KillSignal", "unknown signal \"" + task.kill_signal + "\"; known are " + std::string(signal_names()));
  }
  for (const auto& [name, value] : task.env) {
    bool is_name = !name.empty() && name.find_first_of(std::string_view("=\0", 2)) == std::string::npos;
    if (!is_name) error(path_to(path, "Env", name), "", "is no name of an environment variable");
    if (value.find('\0') != std::string::npos) error(path_to(path, "Env", name), "", "holds a zero byte");
  }
  at_least(path, "LogConfig.MaxFiles", task.log_config.max_files, 1);
  at_least(path, "LogConfig.MaxFileSizeMB", task.log_config.max_file_size_mb, 1);
  // Both factors are bounded by the disk, so the product cannot overflow.
  int64_t disk_mb = group.ephemeral_disk.size_mb;
  const LogConfig& logs = task.log_config;
  bool fits =
      logs.max_files <= disk_mb && logs.max_file_size_mb <= disk_mb && logs.max_files * logs.max_file_size_mb < disk_mb;
  if (!fits && !logs.disabled) {
    error(path, "LogConfig",
          "the logs' " + std::to_string(logs.max_files) + " x " + std::to_string(logs.max_file_size_mb) +
              " MB do not fit in the group's ephemeral disk of " + std::to_string(disk_mb) + " MB");
  }
  check_restart(task.restart_policy, path + ".RestartPolicy");
  check_placement(task.constraints, task.affinities, {}, path);
  check_resources(task, path);
  check_config(task, path);
  check_unsupported(task, path);
  check_lifecycle(task, path);
}

void JobCheck::check_resources(const Task& task, const std::string& path) {
  const Resources& resources = task.resources;
  at_least(path, "Resources.CPU", resources.cpu_mhz, 1, " MHz");
  at_least(path, "Resources.MemoryMB", resources.memory_mb, 10);
  if (resources.cores != 0) error(path, "Resources.Cores", "is not supported: give cpu in MHz");
  if (resources.memory_max_mb != 0 && resources.memory_max_mb < resources.memory_mb) {
    error(path, "Resources.MemoryMaxMB", "must not be less than memory");
  } else if (resources.memory_max_mb != 0) {
    warn(path, "Resources.MemoryMaxMB", "has no effect: memory is not oversubscribed");
  }
  if (resources.networks.size() > 1) error(path, "Resources.Networks", "a task has at most one network");
  for (const NetworkResource& network : resources.networks) check_network(network, path + ".Resources.Networks[0]");
}

void JobCheck::check_config(const Task& task, const std::string& path) {
  for (const DriverConfig& driver : driver_configs()) {
    if (driver.driver != task.driver) continue;
    for (const auto& [name, value] : task.config.as_object()) {
      if (std::find(driver.known.begin(), driver.known.end(), name) != driver.known.end()) continue;
      error(path, "Config", "unsupported argument \"" + name + "\" for driver " + task.driver);
    }
    const Value* command = task.config.find(driver.required);
    bool is_given = command != nullptr && command->is_string() && !command->as_string().empty();
    if (!is_given) error(path, "Config", "\"" + std::string(driver.required) + "\" is missing or no string");
    const Value* args = task.config.find("args");
    if (args == nullptr) continue;
    bool fits = args->is_list();
    if (fits) {
      for (const Value& arg : args->as_list()) fits = fits && !arg.is_list() && !arg.is_object() && !arg.is_null();
    }
    if (!fits) error(path, "Config", "\"args\" must be a list of strings");
  }
}

void JobCheck::check_unsupported(const Task& task, const std::string& path) {
  if (!task.templates.empty()) error(path, "Templates", "are not supported");
  if (!task.artifacts.empty()) error(path, "Artifacts", "are not supported: the node must have the files");
  if (!task.volume_mounts.empty()) error(path, "VolumeMounts", "are not supported");
}

void JobCheck::check_lifecycle(const Task& task, const std::string& path) {
  if (!task.lifecycle) return;
  if (!is_one_of(path, "Lifecycle.Hook", task.lifecycle->hook, {"prestart", "poststart", "poststop"})) return;
  if (task.leader && task.lifecycle->hook == "prestart" && !task.lifecycle->sidecar) {
    error(path, "Leader", "must not be true in a prestart task: its end would stop the group before the others begin");
  }
  if (task.lifecycle->hook != "poststop") return;
  if (task.leader) error(path, "Leader", "must not be true in a poststop task: it would be stopped before it begins");
  if (task.lifecycle->sidecar) warn(path, "Lifecycle.Sidecar", "has no effect: a poststop task runs once");
  if (!task.services.empty()) {
    error(path, "Services", "are not supported in a poststop task: the allocation's services are gone by then");
  }
}

void JobCheck::check_networks(const TaskGroup& group, const std::string& path) {
  if (group.networks.size() > 1) error(path, "Networks", "a group has at most one network");
  for (size_t i = 0; i < group.networks.size(); ++i) {
    check_network(group.networks[i], path_to(path, "Networks", std::to_string(i)));
  }
  check_static_ports(group, path);
}

void JobCheck::check_network(const NetworkResource& network, const std::string& path) {
  if (network.mode != "host") {
    error(path, "Mode", "\"" + network.mode + "\" is not supported: tasks share the host's network (mode = \"host\")");
  }
  if (network.dns) error(path, "DNS", "is not supported in host mode");
  if (network.mbits != 0) warn(path, "MBits", "has no effect: bandwidth is not counted");
  std::set<std::string> seen;
  for (const auto* ports : {&network.reserved_ports, &network.dynamic_ports}) {
    for (const Port& port : *ports) {
      std::string port_path =
          path + "." + (ports == &network.reserved_ports ? "ReservedPorts[" : "DynamicPorts[") + port.label + "]";
      if (!seen.insert(port.label).second) error(port_path, "Label", "is used by another port");
      check_port(port, ports == &network.reserved_ports, port_path);
    }
  }
}

void JobCheck::check_port(const Port& port, bool is_static, const std::string& path) {
  if (!is_label(port.label)) error(path, "Label", "must be 1 to 63 letters, digits, _ or -");
  if (is_static && (port.value < 1 || port.value > 65535)) error(path, "Value", "a static port must be 1 to 65535");
  if (!is_static && port.value != 0) error(path, "Value", "a dynamic port has no number; list it in ReservedPorts");
  if (port.to < -1 || port.to > 65535) error(path, "To", "must be -1 (same as the host port) to 65535");
  if (port.host_network != "default") error(path, "HostNetwork", "there is only the host network \"default\"");
}

void JobCheck::check_static_ports(const TaskGroup& group, const std::string& path) {
  std::map<int64_t, std::string> owners;
  auto add = [&](const std::vector<NetworkResource>& networks, const std::string& owner) {
    for (const NetworkResource& network : networks) {
      for (const Port& port : network.reserved_ports) {
        auto [entry, is_new] = owners.try_emplace(port.value, owner);
        if (is_new || port.ignore_collision) continue;
        error(path, "Networks",
              "the static port " + std::to_string(port.value) + " is reserved twice, by " + entry->second + " and by " +
                  owner);
      }
    }
  };
  add(group.networks, "the group");
  for (const Task& task : group.tasks) add(task.resources.networks, "task " + task.name);
}

}  // namespace weir::scheduler

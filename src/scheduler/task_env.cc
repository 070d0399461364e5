#include "scheduler/task_env.h"

#include <array>
#include <utility>

#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

// The agent's own rights are not its tasks'.
constexpr std::array<std::string_view, 14> kCredentials = {
    "CONSUL_TOKEN",          "CONSUL_HTTP_TOKEN", "CONSUL_HTTP_AUTH", "NOMAD_TOKEN",
    "NOMAD_HTTP_AUTH",       "VAULT_TOKEN",       "ATLAS_TOKEN",      "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_METADATA_URL", "GOOGLE_APPLICATION_CREDENTIALS",
    "CONSUL_CLIENT_KEY",     "NOMAD_CLIENT_KEY"};

bool is_credential(std::string_view name) {
  for (std::string_view credential : kCredentials) {
    if (name == credential) return true;
  }
  return false;
}

bool is_name_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/// A label as part of a variable's name.
std::string cleaned(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (!is_name_part(c)) c = '_';
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return text;
}

std::string address(const std::string& ip, int64_t port) {
  bool is_v6 = ip.find(':') != std::string::npos;
  return (is_v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

const std::string* find(const TextMap& map, const std::string& name) {
  auto found = map.find(name);
  return found == map.end() ? nullptr : &found->second;
}

/// Calls replace(name) for each ${name}; what it returns takes its place, null leaves it.
template <typename Replace>
std::string replace_names(std::string_view text, Replace replace) {
  std::string out;
  while (true) {
    size_t begin = text.find("${");
    if (begin == std::string_view::npos) return out.append(text);
    size_t end = begin + 2;
    while (end < text.size() && (is_name_part(text[end]) || text[end] == '-')) ++end;
    bool is_name = end < text.size() && text[end] == '}' && end > begin + 2;
    const std::string* value = is_name ? replace(std::string(text.substr(begin + 2, end - begin - 2))) : nullptr;
    size_t used = is_name ? end + 1 : begin + 2;
    out += text.substr(0, value != nullptr ? begin : used);
    if (value != nullptr) out += *value;
    text.remove_prefix(used);
  }
}

std::string replace_from(std::string_view text, const TextMap& first, const TextMap& second) {
  return replace_names(text, [&](const std::string& name) {
    const std::string* value = find(first, name);
    return value != nullptr ? value : find(second, name);
  });
}

void add_allocation(const Job& job, const TaskGroup& group, const TaskIdentity& identity, const NodeVariables& node,
                    TextMap& env) {
  if (!identity.alloc_dir.empty()) env["NOMAD_ALLOC_DIR"] = identity.alloc_dir;
  env["NOMAD_ALLOC_ID"] = identity.alloc_id;
  env["NOMAD_SHORT_ALLOC_ID"] = identity.alloc_id.substr(0, 8);
  env["NOMAD_ALLOC_NAME"] = identity.alloc_name;
  env["NOMAD_ALLOC_INDEX"] = std::to_string(allocation_index(identity.alloc_name));
  env["NOMAD_GROUP_NAME"] = group.name;
  env["NOMAD_JOB_ID"] = job.id;
  env["NOMAD_JOB_NAME"] = job.name;
  env["NOMAD_NAMESPACE"] = job.namespace_;
  env["NOMAD_REGION"] = job.region;
  if (const std::string* datacenter = find(node, "node.datacenter")) env["NOMAD_DC"] = *datacenter;
}

void add_task(const Task& task, const TaskIdentity& identity, TextMap& env) {
  env["NOMAD_TASK_DIR"] = identity.task_dir;
  env["NOMAD_SECRETS_DIR"] = identity.secrets_dir;
  env["NOMAD_TASK_NAME"] = task.name;
  env["NOMAD_CPU_LIMIT"] = std::to_string(task.resources.cpu_mhz);
  env["NOMAD_MEMORY_LIMIT"] = std::to_string(task.resources.memory_mb);
  if (task.resources.memory_max_mb > 0) env["NOMAD_MEMORY_MAX_LIMIT"] = std::to_string(task.resources.memory_max_mb);
}

/// A port that the driver maps inside a container: docker's legacy port_map { label = number }.
int64_t mapped_port(const Task& task, const std::string& label) {
  const Value* map = task.config.find("port_map");
  if (map == nullptr) return 0;
  auto ports = merged_object(*map);
  auto found = ports.find(label);
  return found == ports.end() ? 0 : static_cast<int64_t>(parse_u64(found->second.to_text()).value_or(0));
}

void add_port(const Task& task, const AssignedPort& port, TextMap& env) {
  bool is_legacy = !port.task_name.empty();
  std::string label = cleaned(port.label);
  std::string host_address = address(port.host_ip, port.value);
  if (is_legacy) {
    std::string owner = cleaned(port.task_name + "_" + port.label);
    env["NOMAD_ADDR_" + owner] = host_address;
    env["NOMAD_IP_" + owner] = port.host_ip;
    env["NOMAD_PORT_" + owner] = std::to_string(port.value);
    if (port.task_name != task.name) return;
  }
  int64_t inside = is_legacy ? mapped_port(task, port.label) : port.to;
  std::string inside_port = std::to_string(inside > 0 ? inside : port.value);
  env["NOMAD_IP_" + label] = port.host_ip;
  env["NOMAD_PORT_" + label] = inside_port;
  env["NOMAD_ADDR_" + label] = host_address;
  env["NOMAD_HOST_PORT_" + label] = std::to_string(port.value);
  // Nomad does not clean the label in these: both forms are there.
  for (const std::string& name : {label, port.label}) {
    env["NOMAD_HOST_IP_" + name] = port.host_ip;
    env["NOMAD_HOST_ADDR_" + name] = host_address;
    env["NOMAD_ALLOC_PORT_" + name] = inside_port;
  }
}

void add_meta(const Job& job, const TaskGroup& group, const Task& task, const NodeVariables& node, TextMap& env) {
  TextMap known = env;  // meta may speak of the variables above, not of other meta
  for (const TextMap* meta : {&job.meta, &group.meta, &task.meta}) {
    for (const auto& [key, text] : *meta) {
      std::string value = replace_from(text, node, known);
      env["NOMAD_META_" + cleaned(key)] = value;
      env["NOMAD_META_" + upper(cleaned(key))] = value;
    }
  }
}

}  // namespace

TextMap build_task_env(const Job& job, const TaskGroup& group, const Task& task, const TaskIdentity& identity,
                       const NodeVariables& node) {
  TextMap env;
  add_allocation(job, group, identity, node, env);
  add_task(task, identity, env);
  for (const AssignedPort& port : identity.ports) add_port(task, port, env);
  add_meta(job, group, task, node, env);
  for (const auto& [name, value] : identity.host_env) {
    if (!is_credential(name)) env.try_emplace(name, value);
  }
  for (const auto& [name, text] : task.env) env[name] = replace_from(text, node, env);
  return env;
}

TextMap build_group_env(const Job& job, const TaskGroup& group, const TaskIdentity& identity,
                        const NodeVariables& node) {
  const Task none;
  TextMap env;
  add_allocation(job, group, identity, node, env);
  for (const AssignedPort& port : identity.ports) add_port(none, port, env);
  add_meta(job, group, none, node, env);
  return env;
}

std::string interpolate(std::string_view text, const TextMap& env, const NodeVariables& node) {
  return replace_from(text, env, node);
}

std::optional<std::string> unknown_variable(std::string_view text, const TextMap& env, const NodeVariables& node) {
  std::optional<std::string> unknown;
  replace_names(text, [&](const std::string& name) -> const std::string* {
    if (!unknown && find(env, name) == nullptr && find(node, name) == nullptr) unknown = name;
    return nullptr;
  });
  return unknown;
}

std::string service_name(std::string_view text, const Job& job, const TaskGroup& group, std::string_view task_name) {
  std::string task(task_name.empty() ? "group" : task_name);  // Nomad's word for a group's own services
  TextMap names = {
      {"JOB", job.name}, {"TASKGROUP", group.name}, {"TASK", task}, {"BASE", job.name + "-" + group.name + "-" + task}};
  return replace_from(text, names, {});
}

uint64_t allocation_index(std::string_view alloc_name) {
  size_t open = alloc_name.rfind('[');
  if (open == std::string_view::npos || !alloc_name.ends_with(']')) return 0;
  return parse_u64(alloc_name.substr(open + 1, alloc_name.size() - open - 2)).value_or(0);
}

}  // namespace weir::scheduler

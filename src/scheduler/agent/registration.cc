#include "scheduler/agent/registration.h"

#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

struct Endpoint {
  std::string ip;
  int64_t port = 0;
};

class Builder {
 public:
  explicit Builder(const RegistrationContext& context) : context_(context) {}

  Result<ServiceRegistration> build(const Service& service) const {
    auto endpoint = find_endpoint(service.port_label);
    if (!endpoint) return fail(endpoint.error().code, "service \"" + service.name + "\": " + endpoint.error().message);
    bool canary = context_.alloc.deployment_status && context_.alloc.deployment_status->canary;
    std::string owner = context_.task == nullptr ? "group-" + context_.group.name : context_.task->name;
    ServiceRegistration out;
    std::string named = service_name(service.name, *context_.alloc.job, context_.group,
                                     context_.task == nullptr ? "" : context_.task->name);
    out.name = replaced(named);
    out.id =
        std::string(kServiceIdPrefix) + context_.alloc.id + "-" + owner + "-" + out.name + "-" + service.port_label;
    const auto& tags = canary && !service.canary_tags.empty() ? service.canary_tags : service.tags;
    for (const std::string& tag : tags) out.tags.push_back(replaced(tag));
    out.meta = replaced(canary && !service.canary_meta.empty() ? service.canary_meta : service.meta);
    out.meta["external-source"] = "nomad";
    out.meta[std::string(kNodeMetaKey)] = context_.node_id;
    out.address = service.address.empty() ? endpoint->ip : replaced(service.address);
    out.port = endpoint->port;
    out.tagged_addresses = replaced(service.tagged_addresses);
    out.enable_tag_override = service.enable_tag_override;
    out.provider = service.provider;
    out.weights = service.weights.value_or(ServiceWeights{});
    for (const ServiceCheck& check : service.checks) {
      if (check.type == "script") continue;  // refused by validation; nobody would run it
      auto built = build_check(check, service, out);
      if (!built) return fail(built.error().code, "service \"" + service.name + "\": " + built.error().message);
      out.checks.push_back(std::move(*built));
    }
    return out;
  }

 private:
  Result<CheckRegistration> build_check(const ServiceCheck& check, const Service& service,
                                        const ServiceRegistration& registration) const {
    const std::string& label = check.port_label.empty() ? service.port_label : check.port_label;
    auto endpoint = find_endpoint(label);
    if (!endpoint) return fail(endpoint.error().code, "check \"" + check.name + "\": " + endpoint.error().message);
    bool v6 = endpoint->ip.find(':') != std::string::npos;
    std::string authority = (v6 ? "[" + endpoint->ip + "]" : endpoint->ip) + ":" + std::to_string(endpoint->port);
    CheckRegistration out{.name = replaced(check.name),
                          .notes = replaced(check.notes),
                          .tls_server_name = replaced(check.tls_server_name),
                          .tls_skip_verify = check.tls_skip_verify,
                          .interval_ns = check.interval_ns,
                          .timeout_ns = check.timeout_ns,
                          .initial_status = replaced(check.initial_status),
                          .success_before_passing = check.success_before_passing,
                          .failures_before_critical = check.failures_before_critical,
                          .on_update = check.on_update.empty() ? service.on_update : check.on_update,
                          .restart = check.check_restart ? check.check_restart : service.check_restart,
                          .task = task_of(check, service)};
    if (check.type == "tcp") out.tcp = authority;
    if (check.type == "grpc") {
      out.grpc = check.grpc_service.empty() ? authority : authority + "/" + replaced(check.grpc_service);
      out.grpc_use_tls = check.grpc_use_tls;
    }
    if (check.type == "http") {
      std::string protocol = check.protocol.empty() ? "http" : replaced(check.protocol);
      std::string path = replaced(check.path);
      out.http = protocol + "://" + authority + (path.starts_with('/') ? "" : "/") + path;
      out.method = replaced(check.method);
      out.body = replaced(check.body);
      for (const auto& [name, values] : check.header) {
        for (const std::string& value : values) out.header[replaced(name)].push_back(replaced(value));
      }
    }
    out.id = check_id(out, registration.id);
    return out;
  }

  /// Who answers the check: the task that has the service, or the one named, or the group's first.
  [[nodiscard]] std::string task_of(const ServiceCheck& check, const Service& service) const {
    if (context_.task != nullptr) return context_.task->name;
    if (!check.task_name.empty()) return check.task_name;
    if (!service.task_name.empty()) return service.task_name;
    return context_.group.tasks.empty() ? "" : context_.group.tasks.front().name;
  }

  /// Stable over runs, different for each check of a service, and another one when the check changes.
  static std::string check_id(const CheckRegistration& check, const std::string& service_id) {
    std::string all = service_id;
    for (const std::string& part : {check.name, check.http, check.method, check.body, check.tcp, check.grpc,
                                    std::to_string(check.interval_ns), std::to_string(check.timeout_ns)}) {
      all.append("\n").append(part);
    }
    std::string id(kCheckIdPrefix);
    for (uint64_t hash : {fnv1a(all), fnv1a(all, 0x9e3779b97f4a7c15ULL)}) {
      for (int shift = 60; shift >= 0; shift -= 4) id.push_back("0123456789abcdef"[(hash >> shift) & 15]);
    }
    return id;
  }

  Result<Endpoint> find_endpoint(const std::string& label) const {
    if (label.empty()) return Endpoint{.ip = context_.node_ip};
    const AllocatedPort* found = nullptr;
    for (const AllocatedPort& port : context_.alloc.resources.ports) {
      if (port.label != label) continue;
      bool own = context_.task != nullptr && port.task == context_.task->name;
      if (own || (found == nullptr && (port.task.empty() || context_.task == nullptr))) found = &port;
    }
    if (found != nullptr) return Endpoint{found->host_ip.empty() ? context_.node_ip : found->host_ip, found->value};
    // A number is a port of the host. The address is ours, not the registry's: it may serve several nodes.
    auto number = parse_u64(label);
    if (number && *number > 0 && *number < 65536) return Endpoint{context_.node_ip, static_cast<int64_t>(*number)};
    return fail(ErrorCode::not_found, "the allocation has no port \"" + label + "\"");
  }

  [[nodiscard]] std::string replaced(std::string_view text) const {
    return interpolate(text, context_.env, context_.node);
  }
  [[nodiscard]] TextMap replaced(const TextMap& map) const {
    TextMap out;
    for (const auto& [name, value] : map) out[replaced(name)] = replaced(value);
    return out;
  }

  const RegistrationContext& context_;
};

}  // namespace

TaskIdentity allocation_identity(const Allocation& alloc, const std::string& node_ip) {
  TaskIdentity identity{.alloc_id = alloc.id, .alloc_name = alloc.name};
  for (const AllocatedPort& port : alloc.resources.ports) {
    identity.ports.push_back({.label = port.label,
                              .task_name = port.task,
                              .host_ip = port.host_ip.empty() ? node_ip : port.host_ip,
                              .value = port.value,
                              .to = port.to});
  }
  return identity;
}

Result<std::vector<ServiceRegistration>> build_registrations(const RegistrationContext& context) {
  std::vector<ServiceRegistration> out;
  const auto& services = context.task == nullptr ? context.group.services : context.task->services;
  for (const Service& service : services) {
    auto built = Builder(context).build(service);
    if (!built) return fail(built.error());
    out.push_back(std::move(*built));
  }
  return out;
}

}  // namespace weir::scheduler

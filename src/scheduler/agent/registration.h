#pragma once
// What the agent writes into the Consul-compatible registry for an allocation. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/task_env.h"
#include "weir/base/result.h"
#include "weir/scheduler/job.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

inline constexpr std::string_view kServiceIdPrefix = "_nomad-task-";
inline constexpr std::string_view kCheckIdPrefix = "_nomad-check-";
/// The service meta key with the node's id: several agents may share one registry, and each cleans up only its own.
inline constexpr std::string_view kNodeMetaKey = "weir-node-id";

struct CheckRegistration {
  std::string id;
  std::string name;
  std::string notes;
  std::string http;  // a URL; with method, header, body and the TLS members
  std::string method;
  std::map<std::string, std::vector<std::string>> header;
  std::string body;
  std::string tcp;   // "ip:port"
  std::string grpc;  // "ip:port/service"
  bool grpc_use_tls = false;
  std::string tls_server_name;
  bool tls_skip_verify = false;
  int64_t interval_ns = 0;
  int64_t timeout_ns = 0;
  std::string initial_status;
  int64_t success_before_passing = 0;
  int64_t failures_before_critical = 0;
  std::string on_update;                // not sent: how health takes its results
  std::optional<CheckRestart> restart;  // not sent
  std::string task;                     // not sent: whom `restart` concerns

  bool operator==(const CheckRegistration&) const = default;
};

struct ServiceRegistration {
  std::string id;
  std::string name;
  std::vector<std::string> tags;
  std::string address;
  int64_t port = 0;
  TextMap meta;
  TextMap tagged_addresses;
  bool enable_tag_override = false;
  ServiceWeights weights;
  std::vector<CheckRegistration> checks;
  std::string provider;  // not sent

  bool operator==(const ServiceRegistration&) const = default;
};

/// Where registrations come from besides the service itself.
struct RegistrationContext {
  const Allocation& alloc;
  const TaskGroup& group;
  const Task* task = nullptr;  // nullptr: the group's services
  const TextMap& env;
  const NodeVariables& node;
  std::string node_id;
  std::string node_ip;
};

/// What variables tell of the allocation, but for folders, which only its agent knows.
TaskIdentity allocation_identity(const Allocation& alloc, const std::string& node_ip);

/// One entry per service, whatever its provider: only the registry runs checks. ${...} are replaced. An error names the
/// service: a port label that the allocation does not have.
Result<std::vector<ServiceRegistration>> build_registrations(const RegistrationContext& context);

/// The body of PUT /v1/agent/service/register, checks included.
std::string encode_registration_body(const ServiceRegistration& service);

/// A row of GET /v1/agent/services, as far as it is compared.
struct RegisteredService {
  std::string id;
  std::string node_id;  // Meta[kNodeMetaKey]
  bool same = false;    // as `wanted` says; false when there is no such
};
/// Compares each row of ours with `wanted` (by id). Tags are left out of it where the registry may override them.
Result<std::vector<RegisteredService>> decode_registered_services(
    std::string_view body, const std::map<std::string, const ServiceRegistration*>& wanted);

struct CheckStatus {
  std::string status;  // passing | warning | critical
  std::string output;
};
/// GET /v1/agent/checks: by id, only those with our prefix.
Result<std::map<std::string, CheckStatus>> decode_check_statuses(std::string_view body);

}  // namespace weir::scheduler

#pragma once
// Every endpoint, by the file it is in. Each gets a call whose method is allowed and answers it, now or later.

#include <optional>
#include <string>
#include <string_view>

#include "registry/api.h"

namespace weir::registry::endpoints {

using Endpoint = void (*)(Api&, Call);

/// Scripts sent by clients are never run here.
inline Reply scripts_disabled() {
  return Reply::text(500,
                     "Scripts are disabled on this agent from remote calls; to enable, configure "
                     "'enable_script_checks' to true");
}

inline constexpr size_t kKvValueBytesMax = 512 * 1024;
/// 413 for a body that is larger than a value may be. A transaction may not be larger either, nor so a key in it.
/// `option` is Consul's for this limit.
inline std::optional<Reply> refuse_body_size(const Call& call, std::string_view option) {
  size_t bytes = call.request.body.size();
  if (bytes <= kKvValueBytesMax) return std::nullopt;
  return Reply::text(413, "Request body(" + std::to_string(bytes) +
                              " bytes) too large, max size: " + std::to_string(kKvValueBytesMax) +
                              " bytes. See https://www.consul.io/docs/agent/options.html#" + std::string(option) + ".");
}

// agent_self_endpoints.cc
void agent_self(Api&, Call);
void agent_members(Api&, Call);
void agent_version(Api&, Call);
void agent_host(Api&, Call);
void agent_metrics(Api&, Call);
void agent_accept(Api&, Call);
void agent_join(Api&, Call);
void agent_force_leave(Api&, Call);

// agent_service_endpoints.cc
void agent_services(Api&, Call);
void agent_service(Api&, Call);
void agent_service_register(Api&, Call);
void agent_service_deregister(Api&, Call);
void agent_service_maintenance(Api&, Call);
void agent_node_maintenance(Api&, Call);

// agent_health_endpoints.cc
void agent_health_by_id(Api&, Call);
void agent_health_by_name(Api&, Call);

// agent_check_endpoints.cc
void agent_checks(Api&, Call);
void agent_check_register(Api&, Call);
void agent_check_deregister(Api&, Call);
void agent_check_pass(Api&, Call);
void agent_check_warn(Api&, Call);
void agent_check_fail(Api&, Call);
void agent_check_update(Api&, Call);

// catalog_endpoints.cc
void catalog_register(Api&, Call);
void catalog_deregister(Api&, Call);
void catalog_datacenters(Api&, Call);
void catalog_nodes(Api&, Call);
void catalog_services(Api&, Call);
void catalog_service(Api&, Call);
void catalog_node(Api&, Call);
void catalog_node_services(Api&, Call);

// health_endpoints.cc
void health_service(Api&, Call);
void health_state(Api&, Call);
void health_node(Api&, Call);
void health_checks(Api&, Call);

// kv_endpoints.cc
void kv(Api&, Call);

// session_endpoints.cc
void session_create(Api&, Call);
void session_destroy(Api&, Call);
void session_renew(Api&, Call);
void session_info(Api&, Call);
void session_node(Api&, Call);
void session_list(Api&, Call);

// txn_endpoint.cc
void txn(Api&, Call);

// event_endpoints.cc
void event_fire(Api&, Call);
void event_list(Api&, Call);

// server_endpoints.cc
void status_leader(Api&, Call);
void status_peers(Api&, Call);
void operator_raft(Api&, Call);
void operator_autopilot(Api&, Call);
void query_list(Api&, Call);
void coordinate_nodes(Api&, Call);
void coordinate_datacenters(Api&, Call);
void acl_disabled(Api&, Call);
void root(Api&, Call);

}  // namespace weir::registry::endpoints

#include "registry/routes.h"

#include "weir/base/text.h"

namespace weir::registry {
namespace {

namespace ep = endpoints;

constexpr Route kRoutes[] = {
    {"/v1/acl/", "GET,PUT,POST,DELETE", ep::acl_disabled},
    {"/v1/agent/check/deregister/", "PUT", ep::agent_check_deregister, true},
    {"/v1/agent/check/fail/", "PUT", ep::agent_check_fail, true},
    {"/v1/agent/check/pass/", "PUT", ep::agent_check_pass, true},
    {"/v1/agent/check/register", "PUT", ep::agent_check_register},
    {"/v1/agent/check/update/", "PUT", ep::agent_check_update},
    {"/v1/agent/check/warn/", "PUT", ep::agent_check_warn, true},
    {"/v1/agent/checks", "GET", ep::agent_checks},
    {"/v1/agent/force-leave/", "PUT", ep::agent_force_leave, true},
    {"/v1/agent/health/service/id/", "GET", ep::agent_health_by_id},
    {"/v1/agent/health/service/name/", "GET", ep::agent_health_by_name},
    {"/v1/agent/host", "GET", ep::agent_host},
    {"/v1/agent/join/", "PUT", ep::agent_join, true},
    {"/v1/agent/leave", "PUT", ep::agent_accept},
    {"/v1/agent/maintenance", "PUT", ep::agent_node_maintenance},
    {"/v1/agent/members", "GET", ep::agent_members},
    {"/v1/agent/metrics", "GET", ep::agent_metrics},
    {"/v1/agent/reload", "PUT", ep::agent_accept},
    {"/v1/agent/self", "GET", ep::agent_self},
    {"/v1/agent/service/", "GET", ep::agent_service},
    {"/v1/agent/service/deregister/", "PUT", ep::agent_service_deregister, true},
    {"/v1/agent/service/maintenance/", "PUT", ep::agent_service_maintenance},
    {"/v1/agent/service/register", "PUT", ep::agent_service_register},
    {"/v1/agent/services", "GET", ep::agent_services},
    {"/v1/agent/version", "GET", ep::agent_version},
    {"/v1/catalog/datacenters", "GET", ep::catalog_datacenters},
    {"/v1/catalog/deregister", "PUT", ep::catalog_deregister},
    {"/v1/catalog/node-services/", "GET", ep::catalog_node_services},
    {"/v1/catalog/node/", "GET", ep::catalog_node},
    {"/v1/catalog/nodes", "GET", ep::catalog_nodes},
    {"/v1/catalog/register", "PUT", ep::catalog_register},
    {"/v1/catalog/service/", "GET", ep::catalog_service},
    {"/v1/catalog/services", "GET", ep::catalog_services},
    {"/v1/coordinate/datacenters", "GET", ep::coordinate_datacenters},
    {"/v1/coordinate/nodes", "GET", ep::coordinate_nodes},
    {"/v1/event/fire/", "PUT", ep::event_fire},
    {"/v1/event/list", "GET", ep::event_list},
    {"/v1/health/checks/", "GET", ep::health_checks},
    {"/v1/health/node/", "GET", ep::health_node},
    {"/v1/health/service/", "GET", ep::health_service},
    {"/v1/health/state/", "GET", ep::health_state},
    {"/v1/kv/", "GET,PUT,DELETE", ep::kv},
    {"/v1/operator/autopilot/health", "GET", ep::operator_autopilot},
    {"/v1/operator/raft/configuration", "GET", ep::operator_raft},
    {"/v1/query", "GET", ep::query_list},
    {"/v1/session/create", "PUT", ep::session_create},
    {"/v1/session/destroy/", "PUT", ep::session_destroy},
    {"/v1/session/info/", "GET", ep::session_info},
    {"/v1/session/list", "GET", ep::session_list},
    {"/v1/session/node/", "GET", ep::session_node},
    {"/v1/session/renew/", "PUT", ep::session_renew},
    {"/v1/status/leader", "GET", ep::status_leader},
    {"/v1/status/peers", "GET", ep::status_peers},
    {"/v1/txn", "PUT", ep::txn},
};

constexpr Route kRoot = {"/", "GET", ep::root};

}  // namespace

bool Route::allows(std::string_view method) const {
  for (std::string_view allowed : split(methods, ',')) {
    if (allowed == method) return true;
  }
  return false;
}

const Route* find_route(std::string_view path) {
  if (path == "/") return &kRoot;
  const Route* best = nullptr;
  for (const Route& route : kRoutes) {
    bool matches = route.path.ends_with('/') ? path.starts_with(route.path) : path == route.path;
    if (matches && (best == nullptr || route.path.size() > best->path.size())) best = &route;
  }
  return best;
}

}  // namespace weir::registry

#pragma once
// Writes through the agent API: to the own node, with the agent's rules for what a repeated registration keeps.

#include <string>
#include <string_view>
#include <vector>

#include "registry/catalog_writes.h"
#include "registry/definitions.h"
#include "registry/identity.h"
#include "registry/transaction.h"
#include "weir/base/result.h"

namespace weir::registry {

inline constexpr std::string_view kSerfHealth = "serfHealth";
inline constexpr std::string_view kServerService = "consul";
inline constexpr std::string_view kNodeMaintenance = "_node_maintenance";
inline constexpr std::string_view kServiceMaintenancePrefix = "_service_maintenance:";

/// The own node, its serfHealth and the server's own service.
Status put_own_node(Transaction& tx, const Identity& self);

/// Check ids that are there already keep status and output. Gives the ids of the service's checks.
Result<std::vector<std::string>> put_agent_service(Transaction& tx, const Identity& self, ServiceRequest request,
                                                   bool replace_checks);
Status put_agent_check(Transaction& tx, const Identity& self, CheckRequest request);

/// The server's own records are its node, its service "consul" and serfHealth. What the catalog says of them does not
/// last: in Consul agent and leader put them back, here they stay.
[[nodiscard]] bool is_own_node(const Identity& self, std::string_view node);
[[nodiscard]] bool is_own_service(const Identity& self, std::string_view node, std::string_view id);
[[nodiscard]] bool is_own_check(const Identity& self, std::string_view node, std::string_view id);
void leave_out_own(const Identity& self, Registration& registration);

/// Maintenance of one service, or of the node when `service_id` is "".
Status put_maintenance(Transaction& tx, const Identity& self, const std::string& service_id, const std::string& reason);
void remove_maintenance(Transaction& tx, const Identity& self, const std::string& service_id);

/// What the agent lists as its own: everything on its node but the built-in service and check.
[[nodiscard]] std::vector<Ref<Service>> agent_services(const Tables& tables, const Identity& self);
[[nodiscard]] Ref<Service> agent_service(const Tables& tables, const Identity& self, std::string_view id);
[[nodiscard]] std::vector<Ref<Check>> agent_checks(const Tables& tables, const Identity& self);
[[nodiscard]] Ref<Check> agent_check(const Tables& tables, const Identity& self, std::string_view id);

}  // namespace weir::registry

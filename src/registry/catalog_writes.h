#pragma once
// Writes to nodes, services and checks, and which indexes each of them moves. Identical writes move nothing.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/records.h"
#include "registry/transaction.h"
#include "weir/base/result.h"

namespace weir::registry {

/// What PUT /v1/catalog/register carries. Stamps in it are ignored; node names in service and checks are set from node.
struct Registration {
  Node node;
  bool skip_node_update = false;
  std::optional<Service> service;
  std::vector<Check> checks;
};

/// Errors carry Consul's text.
Status register_all(Transaction& tx, Registration registration);
void put_node(Transaction& tx, Node node);
Status put_service(Transaction& tx, Service service);
/// Sets the service's name and tags in the check. A check that is critical ends the sessions that depend on it.
Status put_check(Transaction& tx, Check check);

/// Absent things are removed already. A service takes its checks along, a node everything on it.
void remove_service(Transaction& tx, std::string_view node, std::string_view id);
void remove_check(Transaction& tx, std::string_view node, std::string_view id);
void remove_node(Transaction& tx, std::string_view name);

}  // namespace weir::registry

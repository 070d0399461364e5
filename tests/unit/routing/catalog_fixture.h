#pragma once
// Catalog services for tests, and the parts of what was decoded from them.

#include <string>
#include <vector>

#include "weir/routing/catalog_definitions.h"

namespace weir::routing::testing {

/// An instance on a node of its own, at 10.0.0.<first letter of id>:8000.
inline catalog::Instance instance(const std::string& id, std::vector<std::string> tags = {},
                                  uint64_t modify_index = 1) {
  catalog::Instance out;
  out.id = id;
  out.node = "node-" + id;
  out.address = "10.0.0." + std::to_string(static_cast<int>(id[0]));
  out.port = 8000;
  out.tags = std::move(tags);
  out.modify_index = modify_index;
  out.has_checks = true;
  out.check_states = {catalog::Health::passing};
  return out;
}

inline catalog::Service service(std::string name, std::vector<catalog::Instance> instances) {
  return {std::move(name), std::move(instances)};
}

inline ServiceDefinitions decode(const catalog::Service& service, const CatalogOptions& options = {}) {
  return decode_service(service, options);
}

inline ServiceDefinition pool(const ServiceDefinitions& definitions, const std::string& name) {
  for (const ServiceDefinitions::Pool& each : definitions.pools) {
    if (each.definition.name == name) return each.definition;
  }
  return {};
}

inline catalog::CatalogSnapshot snapshot(std::vector<catalog::Service> services) {
  catalog::CatalogSnapshot out;
  out.provider = "consul";
  for (catalog::Service& each : services) {
    out.services.put(std::make_shared<const catalog::Service>(std::move(each)));
  }
  return out;
}

}  // namespace weir::routing::testing

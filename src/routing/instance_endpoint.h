#pragma once
// From an instance of the catalog to an endpoint: where it is, and whether it may serve. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weir/catalog/catalog.h"
#include "weir/routing/catalog_definitions.h"

namespace weir::routing {

/// "web-1 on node-a", for messages.
[[nodiscard]] std::string instance_label(const catalog::Instance& instance);

/// Passing or warning exactly where strict_checks lets the instance serve, else critical: who reads definitions takes
/// passing and warning as "may serve".
[[nodiscard]] catalog::Health serving_health(const catalog::Instance& instance, const CatalogOptions& options);

/// The same as fabio decides it: by the instance's own checks, one or all of which must have an allowed status. One
/// without any check never serves, nor does one on a node that is lost; other checks of the node count for nothing.
[[nodiscard]] catalog::Health fabio_health(const catalog::Instance& instance, const CatalogOptions& options);

struct EndpointForm {
  std::string scheme = "http";
  uint16_t port = 0;               // 0: the instance's own
  std::optional<uint32_t> weight;  // else the catalog's
};

/// Nothing where the instance is in maintenance or says no address.
[[nodiscard]] std::optional<EndpointDefinition> make_endpoint(const catalog::Instance& instance,
                                                              const EndpointForm& form, catalog::Health health);

/// The instances that are read at all: all of them, or without empty_routes only those that serve.
[[nodiscard]] std::vector<const catalog::Instance*> readable(const std::vector<const catalog::Instance*>& instances,
                                                             const CatalogOptions& options, bool by_fabio);

/// How many of them may serve.
[[nodiscard]] size_t count_living(const std::vector<const catalog::Instance*>& instances, const CatalogOptions& options,
                                  bool by_fabio);

}  // namespace weir::routing

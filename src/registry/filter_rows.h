#pragma once
// Records in the shapes that filters of each endpoint may select from.

#include <string>
#include <string_view>
#include <vector>

#include "registry/filter.h"
#include "registry/records.h"

namespace weir::registry {

/// catalog/nodes
FilterValue node_row(const Node& node, std::string_view datacenter);
/// agent/services and the Service of health/service
FilterValue service_row(const Service& service);
/// checks of any endpoint
FilterValue check_row(const Check& check);
/// health/service
FilterValue instance_row(const Node& node, const Service& service, const std::vector<Ref<Check>>& checks,
                         std::string_view datacenter);
/// catalog/service and catalog/services
FilterValue catalog_row(const Node& node, const Service& service, std::string_view datacenter);

}  // namespace weir::registry

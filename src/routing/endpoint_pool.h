#pragma once
// The endpoints of one service, put together from the catalog services that take part in it.

#include <span>
#include <string_view>
#include <vector>

#include "routing/edit_index.h"
#include "weir/routing/catalog_definitions.h"

namespace weir::routing {

/// Sorts by host, port and scheme. A place registered twice serves once, by its better health.
void sort_endpoints(ServiceDefinitions::Pool& pool);

/// Of a pool of fabio's `source`: what commands have added before goes, what they add now comes. Not sorted.
void set_commanded(ServiceDefinitions::Pool& pool, std::string_view source, const EditIndex& edits);

/// The endpoints of all pools, sorted; each pool is sorted already. Where shares are given, weights come from them:
/// a fixed share of all requests, the rest in equal parts to those without one. Fixed shares of 1 and more together
/// leave nothing for the others.
std::vector<EndpointDefinition> merge_endpoints(std::span<const ServiceDefinitions::Pool* const> pools);

}  // namespace weir::routing

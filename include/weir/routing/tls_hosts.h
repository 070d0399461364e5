#pragma once
// Which hosts want which TLS options.

#include <string>
#include <unordered_map>

#include "weir/routing/table.h"

namespace weir::routing {

/// Host ("a.example", or "*.example" for all names one label below) -> the options that its routers name. A host whose
/// routers disagree is left out, as is a router whose rule names no host, or all names below one ("**.example"): their
/// requests are refused (421) unless the connection has their options anyway. Pure; a walk over the routers.
[[nodiscard]] std::unordered_map<std::string, std::string> tls_options_by_host(const RoutingTable& table);

}  // namespace weir::routing

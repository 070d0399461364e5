#pragma once
// What a table wants of TLS: options of hosts, and transports of Consul Connect.

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "weir/routing/table.h"

namespace weir::routing {

/// Host ("a.example", or "*.example" for all names one label below) -> the options that its routers name. A host whose
/// routers disagree is left out, as is a router whose rule names no host, or all names below one ("**.example"): their
/// requests are refused (421) unless the connection has their options anyway. Pure; a walk over the routers.
[[nodiscard]] std::unordered_map<std::string, std::string> tls_options_by_host(const RoutingTable& table);
/// Whether options can be agreed on for all requests of that rule: each of its places is a host, or one label below
/// one.
[[nodiscard]] bool names_tls_hosts(const std::string& rule);

/// The transport of the service's endpoints of Consul Connect; "" where it has none.
[[nodiscard]] std::string_view mesh_transport_of(const Service& service);
/// By transport, as endpoints name them: whom they speak to in Consul Connect. Pure; a walk over the services.
[[nodiscard]] std::map<std::string, std::string> mesh_transports(const RoutingTable& table);

}  // namespace weir::routing

#include "weir/routing/tls_hosts.h"

#include <algorithm>

#include "routing/expression.h"
#include "routing/place.h"
#include "weir/routing/catalog_definitions.h"

namespace weir::routing {
namespace {

constexpr size_t kPlacesMax = 1024;

std::string server_name_of(const HostKey& host) {
  switch (host.kind) {
    case HostKey::Kind::any: return "";
    case HostKey::Kind::exact: return host.name;
    case HostKey::Kind::wildcard: return "*." + host.name;
    case HostKey::Kind::suffix: return "";  // a handshake looks up one label below a name, not all
  }
  return "";
}

}  // namespace

bool names_tls_hosts(const std::string& rule) {
  auto expression = parse_expression(rule);
  if (!expression) return true;  // refused anyway
  const auto places = cover(*expression, kPlacesMax);
  return std::none_of(places.begin(), places.end(),
                      [](const Place& place) { return server_name_of(place.host).empty(); });
}

std::unordered_map<std::string, std::string> tls_options_by_host(const RoutingTable& table) {
  std::unordered_map<std::string, std::string> options;
  if (table.tls_options_count() == 0) return options;  // asked for with every change
  for (const auto& router : table.routers()) {
    if (router->tls_options().empty()) continue;
    auto expression = parse_expression(router->rule());
    if (!expression) continue;
    for (const Place& place : cover(*expression, kPlacesMax)) {
      std::string name = server_name_of(place.host);
      if (name.empty()) continue;
      auto [known, added] = options.emplace(name, router->tls_options());
      if (!added && known->second != router->tls_options()) known->second.clear();
    }
  }
  std::erase_if(options, [](const auto& entry) { return entry.second.empty(); });
  return options;
}

std::string_view mesh_transport_of(const Service& service) {
  auto of_mesh = [](const Endpoint& endpoint) { return endpoint.transport.ends_with(kMeshTransport); };
  auto found = std::find_if(service.endpoints.begin(), service.endpoints.end(), of_mesh);
  return found == service.endpoints.end() ? std::string_view() : std::string_view(found->transport);
}

std::map<std::string, std::string> mesh_transports(const RoutingTable& table) {
  std::map<std::string, std::string> out;
  if (table.mesh_count() == 0) return out;  // asked for with every change
  for (const auto& service : table.services()) {
    std::string_view transport = mesh_transport_of(*service);
    if (!transport.empty()) out.emplace(transport, transport.substr(0, transport.size() - kMeshTransport.size()));
  }
  return out;
}

}  // namespace weir::routing

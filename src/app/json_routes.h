#pragma once
// Routers and endpoints as JSON, and the answers to questions about a table. For *_json.cc files.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/ip.h"
#include "weir/config/config.h"
#include "weir/provider/endpoint_checker.h"
#include "weir/routing/table.h"

namespace weir::app {

/// Pretty-printed. Catalogs may hold any bytes; what is no UTF-8 is shown as the replacement character, never thrown
/// at.
std::string print(const nlohmann::ordered_json& document);
nlohmann::ordered_json router_object(const routing::Router& router);
/// With what its checks have found, where there is who knows it (null: nobody), and why it is not up.
nlohmann::ordered_json endpoint_object(const routing::Service& service, const routing::Endpoint& endpoint,
                                       const provider::EndpointChecker* checker);
nlohmann::ordered_json check_object(const routing::HealthCheck& check);
nlohmann::ordered_json sticky_object(const routing::StickyCookie& cookie);

/// A request that somebody asks about.
struct RouteQuestion {
  std::string url;
  std::string method = "GET";
  std::vector<std::string> headers;  // "Name: value"
  std::string entry_point = "web";
  std::string client_ip = "127.0.0.1";
};
/// An error where the question cannot be read. `config` says whom its entry point trusts with forwarded headers.
Result<nlohmann::ordered_json> explain_route(const routing::RoutingTable& table, const RouteQuestion& question,
                                             const config::Config& config, const provider::EndpointChecker* checker);
/// What lint finds in a table; with `config`, also routers on entry points that it does not have.
nlohmann::ordered_json lint_routes(const routing::RoutingTable& table, const config::Config& config);
std::vector<std::string> entry_point_names(const config::Config& config);

}  // namespace weir::app

#pragma once
// Tables in the rule language, and questions to them. For the tests of routing.

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/text.h"
#include "weir/routing/table.h"

namespace weir::routing::fixture {

/// "name: rule", "name 7: rule" with a priority. The service is "s".
inline RouterDefinition router(std::string_view text, std::string service = "s") {
  size_t colon = text.find(": ");
  std::string_view head = text.substr(0, colon);
  RouterDefinition out;
  out.name = head.substr(0, head.find(' '));
  out.rule = text.substr(colon + 2);
  if (head.size() > out.name.size()) out.priority = parse_i64(head.substr(out.name.size() + 1)).value();
  out.service = std::move(service);
  out.origin.text = "test: " + out.name;
  return out;
}

inline ServiceDefinition service(std::string name, const std::vector<uint16_t>& ports = {9001}) {
  ServiceDefinition out;
  out.name = std::move(name);
  for (uint16_t port : ports) {
    EndpointDefinition endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = port;
    out.endpoints.push_back(endpoint);
  }
  return out;
}

inline MiddlewareDefinition middleware(std::string name, std::string type, std::map<std::string, std::string> options) {
  return {std::move(name), std::move(type), std::move(options), {}};
}

/// The routers of the texts, and the service they use.
inline Definitions definitions(const std::vector<std::string>& routers, std::string provider = "file") {
  Definitions out;
  out.provider = std::move(provider);
  for (const std::string& text : routers) out.routers.push_back(router(text));
  out.services.push_back(service("s"));
  return out;
}

using Table = std::shared_ptr<const RoutingTable>;

inline BuildOutcome build_all(const std::vector<Definitions>& providers, const Table& previous = nullptr) {
  std::vector<std::shared_ptr<const Definitions>> shared;
  for (const Definitions& one : providers) shared.push_back(std::make_shared<const Definitions>(one));
  return build_table(shared, previous);
}

inline Table build(const std::vector<std::string>& routers) { return build_all({definitions(routers)}).table; }

inline RequestView request(std::string_view host, std::string_view path) {
  RequestView out;
  out.method = "GET";
  out.host = host;
  out.path = path;
  out.entry_point = "web";
  return out;
}

/// The name of the router that wins, without "@file"; "" for none.
inline std::string match(const Table& table, const RequestView& asked) {
  const Router* found = table->match(asked);
  if (found == nullptr) return "";
  return found->name.ends_with("@file") ? found->name.substr(0, found->name.size() - 5) : found->name;
}
inline std::string match(const Table& table, std::string_view host, std::string_view path) {
  return match(table, request(host, path));
}

inline std::shared_ptr<const Router> find_router(const Table& table, std::string_view name) {
  for (const auto& one : table->routers()) {
    if (one->name == name) return one;
  }
  return nullptr;
}
inline std::shared_ptr<const Service> find_service(const Table& table, std::string_view name) {
  for (const auto& one : table->services()) {
    if (one->name == name) return one;
  }
  return nullptr;
}

/// "name: reason" of each, for messages in failed tests.
inline std::vector<std::string> reasons(const BuildOutcome& outcome) {
  std::vector<std::string> out;
  for (const Rejection& one : outcome.rejected) out.push_back(one.kind + " " + one.name + ": " + one.reason);
  return out;
}

}  // namespace weir::routing::fixture

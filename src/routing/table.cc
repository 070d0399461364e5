#include "weir/routing/qualified_name.h"
#include "weir/routing/table.h"

#include <algorithm>
#include <array>

#include "routing/matcher.h"
#include "routing/middleware.h"
#include "routing/slot_table.h"
#include "routing/table_state.h"

namespace weir::routing {

namespace {

void dump_header(std::string_view what, const std::string& name, const std::string& value, std::string& out) {
  out.append(what).append(name).append(": ").append(value).append("\n");
}

constexpr std::array<std::string_view, 5> kPrecedence = {"file", "consulkv", "consul", "nomad", "http"};

size_t provider_rank(std::string_view provider) {
  return static_cast<size_t>(std::find(kPrecedence.begin(), kPrecedence.end(), provider) - kPrecedence.begin());
}

std::string_view path_in_name(const Router& router) {
  const std::string_view name = router.definition->name;
  return name.substr(std::min(name.find('/'), name.size()));
}

void dump_router(const Router& router, std::string& out) {
  out +=
      "router " + router.name + "\n  rule " + router.rule() + "\n  priority " + std::to_string(router.priority) + "\n";
  for (const std::string& entry_point : router.entry_points()) out += "  entry point " + entry_point + "\n";
  if (router.tls) out += "  tls" + (router.tls_options().empty() ? "" : " " + router.tls_options()) + "\n";
  if (router.plain) out += "  plain\n";
  if (router.tombstone) out += "  tombstone\n";
  for (const auto& middleware : router.middlewares) out += "  middleware " + middleware->name + "\n";
  out += "  service " + router.service->name + "\n";
  if (!router.problem().empty()) out.append("  problem ").append(router.problem()).append("\n");
}

void dump_middleware(const Middleware& middleware, std::string& out) {
  out.append("middleware ").append(middleware.name).append(" ").append(middleware_type_name(middleware.type));
  out += middleware.permanent ? " permanent\n" : "\n";
  for (const std::string& value : middleware.values) out += "  value " + value + "\n";
  if (middleware.status != 0) out += "  status " + std::to_string(middleware.status) + "\n";
  for (const Cidr& network : middleware.networks) {
    out += (middleware.deny ? "  deny " : "  allow ") + network.base.text() + "/" +
           std::to_string(network.prefix_bits) + "\n";
  }
  for (const auto& [name, value] : middleware.request_headers) dump_header("  request header ", name, value, out);
  for (const auto& [name, value] : middleware.response_headers) dump_header("  response header ", name, value, out);
}

void dump_check(const HealthCheck& check, std::string& out) {
  out += std::string("  check ") + (check.mode == HealthCheck::Mode::grpc ? "grpc" : check.method) + " " +
         check.scheme + "://" + check.hostname + ":" + std::to_string(check.port) + check.path + " every " +
         std::to_string(check.interval_ms) + "/" + std::to_string(check.unhealthy_interval_ms) + " within " +
         std::to_string(check.timeout_ms) + " status " + std::to_string(check.status) +
         (check.follow_redirects ? "\n" : " no redirects\n");
  for (const auto& [name, value] : check.headers) dump_header("  check header ", name, value, out);
}

void dump_sticky(const StickyCookie& cookie, std::string& out) {
  out += "  sticky " + cookie.name + " path " + cookie.path + " domain " + cookie.domain + " for " +
         std::to_string(cookie.max_age_s) + " " + cookie.same_site + (cookie.secure ? " secure" : "") +
         (cookie.http_only ? " http only\n" : "\n");
}

void dump_service(const Service& service, std::string& out) {
  out += "service " + service.name + " " + service.strategy + (service.pass_host_header ? "" : " no host header") +
         (service.proxy_protocol > 0 ? " PROXY v" + std::to_string(service.proxy_protocol) : "") + "\n";
  if (service.sticky) dump_sticky(*service.sticky, out);
  if (service.health_check) dump_check(*service.health_check, out);
  for (const Endpoint& one : service.endpoints) {
    out += "  endpoint " + one.id + " weight " + std::to_string(one.weight) + (one.live ? " live" : " down");
    if (one.state == Endpoint::State::probing || one.state == Endpoint::State::unhealthy) {
      out.append(" ").append(to_string(one.state));
    }
    if (!one.node.empty()) out += " node " + one.node;
    if (!one.instance_id.empty()) out += " instance " + one.instance_id;
    out += "\n";
  }
}

}  // namespace

std::string_view provider_of(const Router& router) { return provider_of(std::string_view(router.name)); }

std::string_view to_string(Endpoint::State state) {
  switch (state) {
    case Endpoint::State::up: return "up";
    case Endpoint::State::probing: return "probing";
    case Endpoint::State::unhealthy: return "unhealthy";
    case Endpoint::State::failing: return "failing";
    case Endpoint::State::stale: return "stale";
  }
  return "unknown";
}

bool ranks_before(const Router& a, const Router& b) {
  if (a.priority != b.priority) return a.priority > b.priority;
  const PathOrder order_a = a.definition->path_order;
  const PathOrder order_b = b.definition->path_order;
  if ((order_a == PathOrder::none) != (order_b == PathOrder::none)) return order_a == PathOrder::none;
  if (order_a != PathOrder::none) {
    const std::string_view path_a = path_in_name(a);
    const std::string_view path_b = path_in_name(b);
    if (path_a != path_b) return path_a > path_b;
    if (order_a != order_b) return order_a < order_b;
  }
  if (a.tombstone != b.tombstone) return b.tombstone;
  std::string_view provider_a = provider_of(a);
  std::string_view provider_b = provider_of(b);
  if (provider_a != provider_b) {
    size_t rank_a = provider_rank(provider_a);
    size_t rank_b = provider_rank(provider_b);
    return rank_a != rank_b ? rank_a < rank_b : provider_a < provider_b;
  }
  return a.name < b.name;
}

RoutingTable::RoutingTable() = default;
RoutingTable::~RoutingTable() = default;

const Router* RoutingTable::match(const RequestView& request) const {
  return matcher_ != nullptr ? matcher_->find(request, *slots_) : nullptr;
}

MatchAhead::MatchAhead(const RoutingTable* table, std::string_view host) : table_(table) {
  const bool is_empty = table == nullptr || table->matcher_ == nullptr;
  step_ = is_empty ? Step::done : Step::routes;
  if (!is_empty) hash_ = table->matcher_->prefetch_host(host);
}

void MatchAhead::advance() {
  switch (step_) {
    case Step::routes:
      routes_ = table_->matcher_->prefetch_routes(hash_, *table_->slots_);
      step_ = routes_ != nullptr ? Step::routers : Step::done;
      return;
    case Step::routers:
      routes_->prefetch_routers(*table_->slots_);
      step_ = Step::done;
      return;
    case Step::done: return;
  }
}

std::vector<const Router*> RoutingTable::match_all(const RequestView& request) const {
  if (matcher_ == nullptr) return {};
  auto out = matcher_->find_all(request, *slots_);
  std::erase_if(out, [&](const Router* router) { return !admits(*router, request); });
  return out;
}

const DefinitionSet* RoutingTable::set_of(std::string_view provider) const {
  auto found = state_->parts.find(provider);
  return found != state_->parts.end() ? found->second->set.get() : nullptr;
}

std::string RoutingTable::dump() const {
  std::string out;
  for (const auto& router : routers_) dump_router(*router, out);
  for (const auto& middleware : middlewares_) dump_middleware(*middleware, out);
  for (const auto& service : services_) dump_service(*service, out);
  return out;
}

}  // namespace weir::routing

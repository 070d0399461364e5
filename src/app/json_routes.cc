#include "app/json_routes.h"

#include "weir/base/text.h"
#include "weir/base/url.h"
#include "weir/proxy/path.h"
#include "weir/routing/explain.h"
#include "weir/routing/lint.h"

namespace weir::app {

using nlohmann::ordered_json;

std::string print(const ordered_json& document) {
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json router_object(const routing::Router& router) {
  ordered_json out{{"name", router.name},
                   {"rule", router.rule()},
                   {"priority", router.priority},
                   {"service", router.service->name},
                   {"entryPoints", router.entry_points()},
                   {"tls", router.tls}};
  out["middlewares"] = ordered_json::array();
  for (const auto& middleware : router.middlewares) out["middlewares"].push_back(middleware->name);
  if (!router.tls_options().empty()) out["tlsOptions"] = router.tls_options();
  if (router.plain) out["plain"] = true;
  if (router.tombstone) out["tombstone"] = true;
  if (!router.problem().empty()) out["problem"] = router.problem();
  return out;
}

ordered_json endpoint_object(const routing::Endpoint& endpoint) {
  ordered_json out{{"url", endpoint.id}, {"live", endpoint.live}, {"weight", endpoint.weight}};
  if (!endpoint.node.empty()) out["node"] = endpoint.node;
  if (!endpoint.instance_id.empty()) out["instance"] = endpoint.instance_id;
  return out;
}

Result<ordered_json> explain_route(const routing::RoutingTable& table, const RouteQuestion& question) {
  auto url = Url::parse(question.url);
  if (!url) return fail(url.error());
  auto client = IpAddress::parse(question.client_ip);
  if (!client) return fail(client.error());
  std::vector<Header> headers;
  for (const std::string& header : question.headers) {
    size_t colon = header.find(':');
    if (colon == std::string::npos) return fail(ErrorCode::invalid, "header \"" + header + "\": expected Name: value");
    headers.push_back(
        {trim(std::string_view(header).substr(0, colon)), trim(std::string_view(header).substr(colon + 1))});
  }
  // As the edge does with a request, so that the answer is about the same host and path.
  std::string path_storage;
  std::string host_storage;
  const std::string authority = url->authority();
  const proxy::NormalTarget target = proxy::normalise_target(url->target, path_storage);
  routing::RequestView view;
  view.method = question.method;
  view.host = proxy::normalise_host(authority, host_storage);
  view.port = proxy::port_of(authority);
  view.path = target.path;
  view.query = target.query;
  view.headers = headers;
  view.client_ip = *client;
  view.entry_point = question.entry_point;
  view.tls = url->scheme == "https";
  auto explanation = routing::explain(table, view);
  ordered_json out{{"url", question.url}, {"method", view.method}, {"entryPoint", view.entry_point}};
  if (target.rewritten) out["path"] = target.path;
  out["winner"] = explanation.winner != nullptr ? ordered_json(explanation.winner->name) : ordered_json(nullptr);
  out["candidates"] = ordered_json::array();
  for (const auto& candidate : explanation.candidates) {
    ordered_json object = router_object(*candidate.router);
    object["verdict"] = routing::to_string(candidate.verdict);
    object["reason"] = candidate.reason;
    out["candidates"].push_back(std::move(object));
  }
  if (explanation.winner != nullptr) {
    out["endpoints"] = ordered_json::array();
    for (const auto& endpoint : explanation.winner->service->endpoints) {
      out["endpoints"].push_back(endpoint_object(endpoint));
    }
  }
  return out;
}

ordered_json lint_routes(const routing::RoutingTable& table) {
  ordered_json out = ordered_json::array();
  for (const auto& finding : routing::lint(table)) {
    ordered_json object{{"kind", routing::to_string(finding.kind)},
                        {"router", finding.router},
                        {"reason", finding.reason},
                        {"origin", finding.origin}};
    if (!finding.other.empty()) object["other"] = finding.other;
    out.push_back(std::move(object));
  }
  return out;
}

}  // namespace weir::app

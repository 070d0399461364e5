#include "app/json_routes.h"

#include "weir/base/clock.h"
#include "weir/base/duration.h"
#include "weir/base/text.h"
#include "weir/base/url.h"
#include "weir/proxy/rule_view.h"
#include "weir/routing/explain.h"
#include "weir/routing/lint.h"
#include "weir/routing/qualified_name.h"

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
  if (!router.problem().empty()) {
    // None of them is run; what was asked for is still told.
    for (const std::string& name : router.definition->middlewares) {
      out["middlewares"].push_back(routing::qualify(name, provider_of(router)));
    }
  }
  if (!router.tls_options().empty()) out["tlsOptions"] = router.tls_options();
  if (router.plain) out["plain"] = true;
  if (router.tombstone) out["tombstone"] = true;
  if (!router.problem().empty()) out["problem"] = router.problem();
  return out;
}

namespace {

using State = routing::Endpoint::State;

/// Why an endpoint is not up; "" = it is.
std::string state_reason(const routing::Endpoint& endpoint, const provider::EndpointReport* report) {
  switch (endpoint.state) {
    case State::up: return endpoint.weight == 0 ? "its weight is 0" : "";
    case State::probing:
      return endpoint.live ? "its first health check has not ended; it serves because nobody is known to be up"
                           : "its first health check has not ended, and others are up";
    case State::unhealthy: {
      std::string error = report != nullptr && !report->error.empty() ? ": " + report->error : "";
      return (endpoint.live ? "it serves because too few are up; its health check failed" : "its health check failed") +
             error;
    }
    case State::failing:
      return endpoint.live ? "it serves because too few are up; it fails by the catalog" : "it fails by the catalog";
    case State::stale: return "its provider could not confirm it for longer than safety.last_good_age_ms_max";
  }
  return "";
}

}  // namespace

ordered_json endpoint_object(const routing::Service& service, const routing::Endpoint& endpoint,
                             const provider::EndpointChecker* checker) {
  const provider::EndpointReport* report = checker != nullptr ? checker->report(service.name, endpoint.id) : nullptr;
  ordered_json out{{"url", endpoint.id},
                   {"live", endpoint.live},
                   {"state", routing::to_string(endpoint.state)},
                   {"weight", endpoint.weight}};
  if (std::string why = state_reason(endpoint, report); !why.empty()) out["why"] = why;
  if (report != nullptr && report->checked_wall_ns != 0) {
    ordered_json& check = out["check"];
    check["passed"] = report->result == provider::EndpointReport::Result::passed;
    check["at"] = format_rfc3339(report->checked_wall_ns);
    check["since"] = format_rfc3339(report->changed_wall_ns);
    if (!report->error.empty()) check["error"] = report->error;
  }
  if (!endpoint.node.empty()) out["node"] = endpoint.node;
  if (!endpoint.instance_id.empty()) out["instance"] = endpoint.instance_id;
  return out;
}

ordered_json sticky_object(const routing::StickyCookie& cookie) {
  ordered_json object{{"path", cookie.path}, {"secure", cookie.secure}, {"httpOnly", cookie.http_only}};
  if (!cookie.name.empty()) object["name"] = cookie.name;
  if (!cookie.domain.empty()) object["domain"] = cookie.domain;
  if (!cookie.same_site.empty()) object["sameSite"] = to_lower(cookie.same_site);
  if (cookie.max_age_s != 0) object["maxAge"] = cookie.max_age_s;
  return ordered_json{{"cookie", std::move(object)}};
}

ordered_json check_object(const routing::HealthCheck& check) {
  const bool grpc = check.mode == routing::HealthCheck::Mode::grpc;
  auto duration = [](uint64_t ms) { return format_duration(static_cast<int64_t>(ms) * 1'000'000); };
  ordered_json out{{"mode", grpc ? "grpc" : "http"}};
  if (!check.scheme.empty()) out["scheme"] = check.scheme;
  if (!grpc) out["path"] = check.path;
  if (!grpc) out["method"] = check.method;
  if (check.status != 0) out["status"] = check.status;
  if (check.port != 0) out["port"] = check.port;
  out["interval"] = duration(check.interval_ms);
  if (check.unhealthy_interval_ms != 0) out["unhealthyInterval"] = duration(check.unhealthy_interval_ms);
  out["timeout"] = duration(check.timeout_ms);
  if (!check.hostname.empty()) out["hostname"] = check.hostname;
  if (!grpc) out["followRedirects"] = check.follow_redirects;
  for (const auto& [name, value] : check.headers) out["headers"][name] = value;
  return out;
}

Result<ordered_json> explain_route(const routing::RoutingTable& table, const RouteQuestion& question,
                                   const config::Config& config, const provider::EndpointChecker* checker) {
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
  // As the edge does with a request, so that the answer is about the same host, path and fields.
  const std::string authority = url->authority();
  const proxy::RuleView seen({.method = question.method,
                              .authority = authority,
                              .target = url->target,
                              .headers = headers,
                              .client_ip = *client,
                              .entry_point = question.entry_point,
                              .tls = url->scheme == "https"},
                             config);
  const routing::RequestView& view = seen.request();
  auto explanation = routing::explain(table, view);
  ordered_json out{{"url", question.url}, {"method", view.method}, {"entryPoint", view.entry_point}};
  if (seen.target().rewritten) out["path"] = view.path;
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
    const routing::Service& service = *explanation.winner->service;
    for (const auto& endpoint : service.endpoints) {
      out["endpoints"].push_back(endpoint_object(service, endpoint, checker));
    }
    if (const auto answer = seen.answer_of(*explanation.winner); answer.status != 0) {
      out["answer"]["status"] = answer.status;
      if (!answer.location.empty()) out["answer"]["location"] = answer.location;
    }
  }
  return out;
}

std::vector<std::string> entry_point_names(const config::Config& config) {
  std::vector<std::string> out;
  for (const config::EntryPointConfig& one : config.entry_points) out.push_back(one.name);
  return out;
}

ordered_json lint_routes(const routing::RoutingTable& table, const config::Config& config) {
  ordered_json out = ordered_json::array();
  std::vector<routing::LintFinding> findings = routing::find_unknown_entry_points(table, entry_point_names(config));
  for (routing::LintFinding& finding : routing::lint(table)) findings.push_back(std::move(finding));
  for (const auto& finding : findings) {
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

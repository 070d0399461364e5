#include "app/admin_json.h"

#include <nlohmann/json.hpp>

#include "app/version.h"
#include "weir/base/clock.h"
#include "weir/base/text.h"
#include "weir/base/url.h"
#include "weir/routing/explain.h"

namespace weir::app {
namespace {

using nlohmann::ordered_json;

// Catalogs may hold any bytes; what is no UTF-8 is shown as the replacement character, never thrown at.
std::string print(const ordered_json& document) {
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ordered_json router_object(const routing::Router& router) {
  ordered_json out{{"name", router.name},
                   {"rule", router.rule},
                   {"priority", router.priority},
                   {"service", router.service->name},
                   {"entryPoints", router.entry_points},
                   {"tls", router.tls}};
  out["middlewares"] = ordered_json::array();
  for (const auto& middleware : router.middlewares) out["middlewares"].push_back(middleware->name);
  if (!router.problem.empty()) out["problem"] = router.problem;
  return out;
}

ordered_json endpoint_object(const routing::Endpoint& endpoint) {
  ordered_json out{{"url", endpoint.id}, {"live", endpoint.live}, {"weight", endpoint.weight}};
  if (!endpoint.node.empty()) out["node"] = endpoint.node;
  if (!endpoint.instance_id.empty()) out["instance"] = endpoint.instance_id;
  return out;
}

ordered_json provider_object(const provider::ProviderStatus& status) {
  ordered_json out{{"name", status.name},
                   {"source", provider::to_string(status.source)},
                   {"synced", status.synced_once},
                   {"ageMs", status.age_ms},
                   {"index", status.index},
                   {"services", status.services},
                   {"liveEndpoints", status.live_endpoints}};
  if (!status.address.empty()) out["address"] = status.address;
  if (status.last_good_wall_ns != 0) out["lastGood"] = format_rfc3339(status.last_good_wall_ns);
  if (!status.error.empty()) out["error"] = status.error;
  if (!status.held.empty()) out["held"] = status.held;
  if (!status.skipped.empty()) out["skipped"] = status.skipped;
  return out;
}

ordered_json providers_array(const provider::TableAssembler& assembler) {
  ordered_json out = ordered_json::array();
  for (const auto& status : assembler.statuses()) out.push_back(provider_object(status));
  return out;
}

/// The stats of an endpoint, summed over the services that name it.
proxy::EndpointStats stats_of(const proxy::Stats& stats, const std::string& service, const std::string& id) {
  auto found = stats.endpoints.find({service, id});
  return found == stats.endpoints.end() ? proxy::EndpointStats{} : found->second;
}

}  // namespace

std::string version_json() { return print({{"Version", kVersion}, {"Codename", "weir"}}); }

std::string ready_json(const provider::TableAssembler& assembler, bool draining) {
  auto readiness = assembler.readiness();
  ordered_json out{{"ready", readiness.ready && !draining}, {"reason", draining ? "draining" : readiness.reason}};
  out["generation"] = assembler.table() ? assembler.table()->generation() : 0;
  out["providers"] = providers_array(assembler);
  return print(out);
}

std::string routers_json(const provider::TableAssembler& assembler) {
  ordered_json out = ordered_json::array();
  if (assembler.table()) {
    for (const auto& router : assembler.table()->routers()) out.push_back(router_object(*router));
  }
  return print(out);
}

std::string services_json(const provider::TableAssembler& assembler) {
  ordered_json out = ordered_json::array();
  if (assembler.table()) {
    for (const auto& service : assembler.table()->services()) {
      ordered_json object{
          {"name", service->name}, {"strategy", service->strategy}, {"passHostHeader", service->pass_host_header}};
      object["endpoints"] = ordered_json::array();
      for (const auto& endpoint : service->endpoints) object["endpoints"].push_back(endpoint_object(endpoint));
      out.push_back(std::move(object));
    }
  }
  return print(out);
}

std::string endpoints_json(const provider::TableAssembler& assembler, const proxy::Stats& stats) {
  ordered_json out = ordered_json::array();
  if (assembler.table()) {
    for (const auto& service : assembler.table()->services()) {
      for (const auto& endpoint : service->endpoints) {
        ordered_json object = endpoint_object(endpoint);
        object["service"] = service->name;
        auto counted = stats_of(stats, service->name, endpoint.id);
        uint64_t requests = 0;
        for (const auto& [status, times] : counted.requests.by_status) requests += times;
        object["requests"] = requests;
        object["inFlight"] = counted.in_flight;
        object["idleConnections"] = counted.idle_connections;
        object["connects"] = counted.connects;
        object["connectFailures"] = counted.connect_failures;
        out.push_back(std::move(object));
      }
    }
  }
  return print(out);
}

std::string rejected_json(const provider::TableAssembler& assembler) {
  ordered_json out = ordered_json::array();
  for (const auto& rejection : assembler.rejected()) {
    out.push_back({{"kind", rejection.kind},
                   {"name", rejection.name},
                   {"reason", rejection.reason},
                   {"origin", rejection.origin}});
  }
  return print(out);
}

std::string providers_json(const provider::TableAssembler& assembler) { return print(providers_array(assembler)); }

ExplainAnswer explain_json(const provider::TableAssembler& assembler, const http::Request& request) {
  auto refuse = [](std::string_view why) { return ExplainAnswer{400, print({{"error", why}})}; };
  const std::string* text = request.parameter("url");
  if (text == nullptr) return refuse("the parameter url is missing: /api/explain?url=http://host/path");
  auto url = Url::parse(*text);
  if (!url) return refuse(url.error().message);
  if (!assembler.table()) return ExplainAnswer{503, print({{"error", "no routes yet"}})};
  const std::string* method = request.parameter("method");
  const std::string* entry_point = request.parameter("entrypoint");
  std::vector<routing::HeaderView> headers;
  for (const auto& parameter : request.query) {
    size_t colon = parameter.value.find(':');
    if (parameter.name != "header" || colon == std::string::npos) continue;
    headers.push_back({trim(std::string_view(parameter.value).substr(0, colon)),
                       trim(std::string_view(parameter.value).substr(colon + 1))});
  }
  size_t question = url->target.find('?');
  routing::RequestView view;
  view.method = method != nullptr ? std::string_view(*method) : "GET";
  view.host = url->host;
  view.path = std::string_view(url->target).substr(0, question);
  if (question != std::string::npos) view.query = std::string_view(url->target).substr(question + 1);
  view.headers = headers;
  view.client_ip = request.peer.ip;
  view.entry_point = entry_point != nullptr ? std::string_view(*entry_point) : "web";
  view.tls = url->scheme == "https";
  auto explanation = routing::explain(*assembler.table(), view);
  ordered_json out{{"url", *text}, {"method", view.method}, {"entryPoint", view.entry_point}};
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
    for (const auto& endpoint : explanation.winner->service->endpoints)
      out["endpoints"].push_back(endpoint_object(endpoint));
  }
  return {200, print(out)};
}

}  // namespace weir::app

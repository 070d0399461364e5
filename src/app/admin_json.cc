#include "app/admin_json.h"

#include <algorithm>

#include "app/json_routes.h"
#include "app/version.h"
#include "weir/base/clock.h"
#include "weir/base/text.h"
#include "weir/routing/lint.h"

namespace weir::app {
namespace {

using nlohmann::ordered_json;

ordered_json provider_object(const provider::ProviderStatus& status) {
  ordered_json out{{"name", status.name},
                   {"source", provider::to_string(status.source)},
                   {"synced", status.synced_once},
                   {"ageMs", status.age_ms},
                   {"index", status.index},
                   {"services", status.services},
                   {"liveEndpoints", status.live_endpoints},
                   {"staleServices", status.stale.size()}};
  if (!status.address.empty()) out["address"] = status.address;
  if (status.last_good_wall_ns != 0) out["lastGood"] = format_rfc3339(status.last_good_wall_ns);
  if (!status.error.empty()) out["error"] = status.error;
  if (!status.held.empty()) out["held"] = status.held;
  if (!status.skipped.empty()) out["skipped"] = status.skipped;
  if (!status.stale.empty()) out["stale"] = status.stale;
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

std::string services_json(const provider::TableAssembler& assembler, const provider::EndpointChecker& checker) {
  ordered_json out = ordered_json::array();
  if (assembler.table()) {
    for (const auto& service : assembler.table()->services()) {
      ordered_json object{
          {"name", service->name}, {"strategy", service->strategy}, {"passHostHeader", service->pass_host_header}};
      object["endpoints"] = ordered_json::array();
      for (const auto& endpoint : service->endpoints) {
        object["endpoints"].push_back(endpoint_object(*service, endpoint, &checker));
        object["serverStatus"][endpoint.id] = routing::is_up(endpoint) ? "UP" : "DOWN";
      }
      if (service->health_check) object["healthCheck"] = check_object(*service->health_check);
      if (service->sticky) object["sticky"] = sticky_object(*service->sticky);
      out.push_back(std::move(object));
    }
  }
  return print(out);
}

std::string endpoints_json(const provider::TableAssembler& assembler, const provider::EndpointChecker& checker,
                           const proxy::Stats& stats) {
  ordered_json out = ordered_json::array();
  if (assembler.table()) {
    for (const auto& service : assembler.table()->services()) {
      for (const auto& endpoint : service->endpoints) {
        ordered_json object = endpoint_object(*service, endpoint, &checker);
        object["service"] = service->name;
        auto counted = stats_of(stats, service->name, endpoint.id);
        object["requests"] = counted.requests.requests();
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

std::string rejected_json(const provider::TableAssembler& assembler, const config::Config& config) {
  ordered_json out = ordered_json::array();
  for (const auto& rejection : assembler.rejected()) {
    out.push_back({{"kind", rejection.kind},
                   {"name", rejection.name},
                   {"reason", rejection.reason},
                   {"origin", rejection.origin}});
  }
  if (!assembler.table()) return print(out);
  for (const auto& finding : routing::find_unknown_entry_points(*assembler.table(), entry_point_names(config))) {
    out.push_back({{"kind", "tag"}, {"name", finding.router}, {"reason", finding.reason}, {"origin", finding.origin}});
  }
  return print(out);
}

std::string providers_json(const provider::TableAssembler& assembler) { return print(providers_array(assembler)); }

std::string tls_json(const proxy::TlsStatus& status) {
  ordered_json certificates = ordered_json::array();
  for (const proxy::CertificateStatus& one : status.certificates) {
    ordered_json item = {{"file", one.file}, {"default", one.is_default}, {"inUse", one.in_use}};
    if (one.in_use) {
      item["names"] = one.facts.names;
      item["subject"] = one.facts.subject;
      item["issuer"] = one.facts.issuer;
      item["serial"] = one.facts.serial;
      item["keyType"] = one.facts.key_type;
      item["notBefore"] = format_rfc3339(one.facts.not_before_s * 1'000'000'000);
      item["notAfter"] = format_rfc3339(one.facts.not_after_s * 1'000'000'000);
    }
    if (one.staple_until_s != 0) item["stapleUntil"] = format_rfc3339(one.staple_until_s * 1'000'000'000);
    if (!one.staple_problem.empty()) item["stapleProblem"] = one.staple_problem;
    if (!one.problem.empty()) item["problem"] = one.problem;
    certificates.push_back(std::move(item));
  }
  ordered_json out = {{"certificates", std::move(certificates)},
                      {"serversTransports", status.transports},
                      {"reloads", status.reloads},
                      {"reloadFailures", status.reload_failures}};
  if (status.mesh) {
    out["mesh"] = {{"uri", status.mesh->uri},
                   {"serial", status.mesh->facts.serial},
                   {"notBefore", format_rfc3339(status.mesh->facts.not_before_s * 1'000'000'000)},
                   {"notAfter", format_rfc3339(status.mesh->facts.not_after_s * 1'000'000'000)}};
  }
  for (const auto& [name, problem] : status.transport_problems) out["serversTransportProblems"][name] = problem;
  if (!status.problem.empty()) out["problem"] = status.problem;
  return print(out);
}

RouteAnswer explain_json(const provider::TableAssembler& assembler, const provider::EndpointChecker& checker,
                         const config::Config& config, const http::Request& request) {
  const std::string* url = request.parameter("url");
  if (url == nullptr) {
    return {400, print({{"error", "the parameter url is missing: /api/explain?url=http://host/path"}})};
  }
  if (!assembler.table()) return {503, print({{"error", "no routes yet"}})};
  RouteQuestion question;
  question.url = *url;
  if (const auto* method = request.parameter("method")) question.method = *method;
  const auto entry_points = entry_point_names(config);
  const auto* entry_point = request.parameter("entrypoint");
  if (entry_point != nullptr) question.entry_point = *entry_point;
  if (std::find(entry_points.begin(), entry_points.end(), question.entry_point) == entry_points.end()) {
    if (entry_point != nullptr) {
      const std::string known = join(entry_points, ", ");
      return {400, print({{"error", "no entry point \"" + *entry_point + "\"; known are " + known}})};
    }
    question.entry_point = entry_points.front();
  }
  const auto* client = request.parameter("client");
  question.client_ip = client != nullptr ? *client : request.peer.ip.text();
  for (const auto& parameter : request.query) {
    if (parameter.name == "header") question.headers.push_back(parameter.value);
  }
  auto answer = explain_route(*assembler.table(), question, config, &checker);
  if (!answer) return {400, print({{"error", answer.error().message}})};
  return {200, print(*answer)};
}

RouteAnswer lint_json(const provider::TableAssembler& assembler, const config::Config& config) {
  if (!assembler.table()) return {503, print({{"error", "no routes yet"}})};
  return {200, print(lint_routes(*assembler.table(), config))};
}

}  // namespace weir::app

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "app/admin.h"
#include "app/metrics_writer.h"
#include "app/version.h"

namespace weir::app {
namespace {

using Label = MetricsWriter::Label;
using Labels = std::vector<Label>;

// Traefik's word for what clients make up: a label has few values whatever they send.
std::string_view method_label(http::Method method) {
  switch (method) {
    case http::Method::get: return "GET";
    case http::Method::head: return "HEAD";
    case http::Method::post: return "POST";
    case http::Method::put: return "PUT";
    case http::Method::patch: return "PATCH";
    case http::Method::del: return "DELETE";
    case http::Method::options: return "OPTIONS";
    case http::Method::trace: return "TRACE";
    case http::Method::connect: return "CONNECT";
    case http::Method::other: return "EXTENSION_METHOD";
  }
  return "EXTENSION_METHOD";
}

std::string_view protocol_label(proxy::RequestProtocol protocol) {
  switch (protocol) {
    case proxy::RequestProtocol::http: return "http";
    case proxy::RequestProtocol::websocket: return "websocket";
    case proxy::RequestProtocol::sse: return "sse";
  }
  return "http";
}

/// One entry point, router, service or endpoint with its requests.
struct Counted {
  Labels labels;
  const proxy::RequestStats* requests;
};

/// The families that all of them have.
void write_requests(MetricsWriter& out, const std::string& kind, const std::vector<Counted>& all) {
  auto each = [&](auto write) {
    for (const Counted& one : all) {
      for (const proxy::RequestSeries& series : one.requests->series) {
        std::string code = series.status == 0 ? "other" : std::to_string(series.status);
        Labels labels = {
            {"code", code}, {"method", method_label(series.method)}, {"protocol", protocol_label(series.protocol)}};
        labels.insert(labels.end(), one.labels.begin(), one.labels.end());
        write(labels, series);
      }
    }
  };
  out.family("weir_" + kind + "_requests_total", "counter", "Requests finished.");
  each([&](const Labels& labels, const proxy::RequestSeries& series) {
    out.sample(labels, static_cast<double>(series.duration.count()));
  });
  out.family("weir_" + kind + "_request_duration_seconds", "histogram",
             "From the head of the request to the end of the answer.");
  each([&](const Labels& labels, const proxy::RequestSeries& series) {
    out.histogram(labels, proxy::LatencyHistogram::kBoundsUs, series.duration.counts, series.duration.sum_us, 1e6);
  });
  out.family("weir_" + kind + "_requests_bytes_total", "counter", "Bytes of request bodies.");
  each([&](const Labels& labels, const proxy::RequestSeries& series) {
    out.sample(labels, static_cast<double>(series.request_bytes));
  });
  out.family("weir_" + kind + "_responses_bytes_total", "counter", "Bytes of answer bodies.");
  each([&](const Labels& labels, const proxy::RequestSeries& series) {
    out.sample(labels, static_cast<double>(series.response_bytes));
  });
}

/// Of those whose requests may come over TLS.
void write_tls_requests(MetricsWriter& out, const std::string& kind, const std::vector<Counted>& all) {
  out.family("weir_" + kind + "_requests_tls_total", "counter", "Requests finished that came over TLS.");
  for (const Counted& one : all) {
    for (const proxy::TlsSeries& series : one.requests->tls) {
      Labels labels = {{"tls_version", series.version}, {"tls_cipher", series.cipher}};
      labels.insert(labels.end(), one.labels.begin(), one.labels.end());
      out.sample(labels, static_cast<double>(series.requests));
    }
  }
}

void write_entry_points(MetricsWriter& out, const proxy::Stats& stats) {
  std::vector<Counted> all;
  for (const auto& [name, one] : stats.entry_points) all.push_back({{{"entrypoint", name}}, &one.requests});
  write_requests(out, "entrypoint", all);
  write_tls_requests(out, "entrypoint", all);
  out.family("weir_open_connections", "gauge", "Client connections.");
  for (const auto& [name, one] : stats.entry_points) {
    out.sample({{"entrypoint", name}, {"protocol", "TCP"}}, static_cast<double>(one.open_connections));
  }
}

void write_routers(MetricsWriter& out, const proxy::Stats& stats) {
  std::vector<Counted> all;
  for (const auto& [name, one] : stats.routers) {
    all.push_back({{{"router", name}, {"service", one.service}}, &one.requests});
  }
  write_requests(out, "router", all);
  write_tls_requests(out, "router", all);
}

void write_services(MetricsWriter& out, const proxy::Stats& stats) {
  std::vector<Counted> all;
  for (const auto& [name, one] : stats.services) all.push_back({{{"service", name}}, &one.requests});
  write_requests(out, "service", all);
  write_tls_requests(out, "service", all);
  out.family("weir_service_retries_total", "counter", "Further attempts on another endpoint.");
  for (const auto& [name, one] : stats.services) out.sample({{"service", name}}, static_cast<double>(one.retries));
}

void write_endpoints(MetricsWriter& out, const proxy::Stats& stats, const routing::RoutingTable* table) {
  out.family("weir_service_server_up", "gauge", "1 where the endpoint is up by the catalog and by its health check.");
  if (table != nullptr) {
    for (const auto& service : table->services()) {
      for (const auto& endpoint : service->endpoints) {
        out.sample({{"service", service->name}, {"url", endpoint.id}}, routing::is_up(endpoint) ? 1 : 0);
      }
    }
  }
  std::vector<Counted> all;
  for (const auto& [key, one] : stats.endpoints) {
    if (!key.first.empty()) all.push_back({{{"service", key.first}, {"url", key.second}}, &one.requests});
  }
  write_requests(out, "endpoint", all);
  auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value_of) {
    out.family(name, type, help);
    for (const auto& [key, endpoint] : stats.endpoints) {
      if (key.first.empty()) continue;
      out.sample({{"service", key.first}, {"url", key.second}}, static_cast<double>(value_of(endpoint)));
    }
  };
  each("weir_endpoint_connects_total", "counter", "Connections tried.", [](const auto& e) { return e.connects; });
  each("weir_endpoint_connect_failures_total", "counter", "Connections that failed.",
       [](const auto& e) { return e.connect_failures; });
  each("weir_endpoint_in_flight", "gauge", "Requests under way.", [](const auto& e) { return e.in_flight; });
  each("weir_endpoint_pending", "gauge", "Requests that wait for a connection.",
       [](const auto& e) { return e.pending; });
  each("weir_endpoint_idle_connections", "gauge", "Connections kept for reuse.",
       [](const auto& e) { return e.idle_connections; });
}

void write_checks(MetricsWriter& out, const provider::CheckCounts& checks) {
  out.family("weir_health_checks_total", "counter", "Health checks of endpoints that have ended.");
  out.sample({{"result", "passed"}}, static_cast<double>(checks.passed));
  out.sample({{"result", "failed"}}, static_cast<double>(checks.failed));
  out.sample({{"result", "late"}}, static_cast<double>(checks.late));
  out.sample({{"result", "undecided"}}, static_cast<double>(checks.undecided));
  out.single("weir_health_checks_running", "gauge", "Health checks under way.", static_cast<double>(checks.running));
  out.single("weir_health_checks_waiting", "gauge", "Health checks that are due and wait for their turn.",
             static_cast<double>(checks.waiting));
}

void write_providers(MetricsWriter& out, const provider::TableAssembler& assembler) {
  const auto statuses = assembler.statuses();
  out.family("weir_provider_age_seconds", "gauge", "Since the source last confirmed what we have.");
  for (const auto& status : statuses)
    out.sample({{"provider", status.name}}, static_cast<double>(status.age_ms) / 1000);
  out.family("weir_provider_failing", "gauge", "1 while the newest attempt to read the source has failed.");
  for (const auto& status : statuses) out.sample({{"provider", status.name}}, status.error.empty() ? 0 : 1);
  out.family("weir_provider_stale_services", "gauge",
             "Services that nobody is sent to because they could not be confirmed for too long.");
  for (const auto& status : statuses) out.sample({{"provider", status.name}}, static_cast<double>(status.stale.size()));
  out.family("weir_provider_index", "gauge", "The source's own index, where it has one.");
  for (const auto& status : statuses) out.sample({{"provider", status.name}}, static_cast<double>(status.index));
}

void write_config(MetricsWriter& out, const provider::TableAssembler& assembler) {
  const auto& latency = assembler.latency();
  const auto& table = assembler.table();
  out.single("weir_config_reloads_total", "counter", "Tables published.", static_cast<double>(latency.count));
  out.single("weir_config_last_reload_success", "gauge", "When the newest table was published, in seconds since 1970.",
             static_cast<double>(assembler.last_change_wall_ns()) / 1e9);
  out.single("weir_config_generation", "gauge", "Number of the newest table.",
             table ? static_cast<double>(table->generation()) : 0);
  out.single("weir_config_rejected", "gauge", "Objects that are not routed; /api/rejected says why.",
             static_cast<double>(assembler.rejected().size()));
  out.single("weir_ready", "gauge", "1 once there are routes to serve from.", assembler.readiness().ready ? 1 : 0);
  out.family("weir_config_change_seconds", "histogram", "From a provider's news to the published table.");
  std::vector<uint64_t> counts(latency.counts.begin(), latency.counts.end());
  counts.push_back(latency.over);
  out.histogram({}, provider::ChangeLatency::kBoundsUs, counts, latency.sum_us, 1e6);
}

void write_process(MetricsWriter& out, const proxy::Stats& stats) {
  auto single = [&](std::string_view name, std::string_view type, std::string_view help, uint64_t value) {
    out.single(name, type, help, static_cast<double>(value));
  };
  single("weir_parked_connections", "gauge", "Client connections that are idle for long, among the open ones.",
         stats.parked_connections);
  single("weir_accepted_connections_total", "counter", "Client connections accepted.", stats.accepted_connections);
  single("weir_handed_over_connections_total", "counter", "Of these, served by another worker than accepted them.",
         stats.handed_over_connections);
  single("weir_refused_connections_total", "counter", "Client connections above a limit.", stats.refused_connections);
  single("weir_bad_proxy_headers_total", "counter", "Connections that did not begin with the PROXY header they must.",
         stats.bad_proxy_headers);
  single("weir_bad_requests_total", "counter", "Heads that were no valid request.", stats.bad_requests);
  single("weir_no_route_total", "counter", "Requests that no router matched.", stats.no_route);
  single("weir_retries_denied_total", "counter", "Further attempts that the budget did not allow.",
         stats.retries_denied);
  single("weir_upgraded_connections_total", "counter", "Connections upgraded to another protocol, such as WebSocket.",
         stats.tunnels);
  single("weir_open_upgraded_connections", "gauge", "Upgraded connections open.", stats.open_tunnels);
  single("weir_requests_in_flight", "gauge", "Requests under way.", stats.exchanges_in_flight);
  out.family("weir_worker_connections", "gauge", "Client connections of each worker.");
  for (const auto& [worker, connections] : stats.connections_by_worker) {
    out.sample({{"worker", std::to_string(worker)}}, static_cast<double>(connections));
  }
  single("weir_access_log_lines_total", "counter", "Access lines given to the disk.", stats.access_log.lines);
  out.family("weir_access_log_lines_lost_total", "counter",
             "Access lines that are not in the file: the queue to the disk was full, or the disk refused them.");
  out.sample({{"reason", "queue_full"}}, static_cast<double>(stats.access_log.lines_dropped));
  out.sample({{"reason", "write_failed"}}, static_cast<double>(stats.access_log.lines_failed));
}

void write_tls(MetricsWriter& out, const tls::Counters& counters, const proxy::TlsStatus& status) {
  auto single = [&](std::string_view name, std::string_view type, std::string_view help, uint64_t value) {
    out.single(name, type, help, static_cast<double>(value));
  };
  out.family("weir_tls_certs_not_after", "gauge", "When a certificate ends, in seconds since 1970.");
  // The default certificate may be one of the others: a series stands once.
  std::set<std::pair<std::string_view, std::string_view>> told;
  for (const proxy::CertificateStatus& one : status.certificates) {
    if (!one.in_use || !told.emplace(one.file, one.facts.serial).second) continue;
    std::vector<std::string> names = one.facts.names;
    std::sort(names.begin(), names.end());
    std::string sans;
    for (const std::string& name : names) (sans += sans.empty() ? "" : ",") += name;
    out.sample({{"cn", one.facts.common_name}, {"file", one.file}, {"sans", sans}, {"serial", one.facts.serial}},
               static_cast<double>(one.facts.not_after_s));
  }
  if (status.mesh) {
    out.sample({{"cn", status.mesh->facts.common_name},
                {"file", ""},
                {"sans", status.mesh->uri},
                {"serial", status.mesh->facts.serial}},
               static_cast<double>(status.mesh->facts.not_after_s));
  }
  uint64_t problems = status.problem.empty() ? 0 : 1;
  for (const proxy::CertificateStatus& one : status.certificates) problems += one.problem.empty() ? 0 : 1;
  single("weir_tls_problems", "gauge", "Files of TLS whose newest version is not in use; /api/tls says why.", problems);
  single("weir_tls_reloads_total", "counter", "Configurations of TLS given to the workers.", status.reloads);
  out.family("weir_tls_handshakes_total", "counter", "Handshakes completed, with clients and with upstreams.");
  auto sides = {std::tuple("client", counters.handshakes, counters.resumed),
                std::tuple("upstream", counters.upstream_handshakes, counters.upstream_resumed)};
  for (const auto& [side, all, resumed] : sides) {
    out.sample({{"side", side}, {"resumed", "false"}}, static_cast<double>(all - resumed));
    out.sample({{"side", side}, {"resumed", "true"}}, static_cast<double>(resumed));
  }
  out.family("weir_tls_handshake_failures_total", "counter", "Handshakes broken off.");
  out.sample({{"side", "client"}}, static_cast<double>(counters.failed));
  out.sample({{"side", "upstream"}}, static_cast<double>(counters.upstream_failed));
  single("weir_tls_handshakes_delayed_total", "counter", "Handshakes that waited for a later turn of the loop.",
         counters.delayed);
}

}  // namespace

std::string metrics_text(const proxy::Stats& stats, const provider::TableAssembler& assembler,
                         const provider::CheckCounts& checks, const proxy::TlsStatus& tls) {
  MetricsWriter out;
  out.family("weir_build_info", "gauge", "Which Weir this is.");
  out.sample({{"version", kVersion}}, 1);
  write_config(out, assembler);
  write_providers(out, assembler);
  write_entry_points(out, stats);
  write_routers(out, stats);
  write_services(out, stats);
  write_endpoints(out, stats, assembler.table().get());
  write_checks(out, checks);
  write_process(out, stats);
  write_tls(out, stats.tls, tls);
  return out.take();
}

}  // namespace weir::app

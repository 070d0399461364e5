#include <charconv>

#include "app/admin.h"
#include "app/version.h"
#include "weir/base/clock.h"

namespace weir::app {
namespace {

/// Writes families of series in the text format: HELP and TYPE once, then the samples.
class MetricsWriter {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ += "# HELP " + name_ + " ";
    out_ += help;
    out_ += "\n# TYPE " + name_ + " ";
    out_ += type;
    out_ += '\n';
  }

  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  void sample(Labels labels, double value, std::string_view suffix = {}) {
    out_ += name_;
    out_ += suffix;
    char separator = '{';
    for (const auto& [key, text] : labels) {
      out_ += separator;
      separator = ',';
      out_ += key;
      out_ += "=\"";
      append_escaped(text);
      out_ += '"';
    }
    if (labels.size() > 0) out_ += '}';
    char digits[32];
    auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out_ += ' ';
    out_.append(digits, end);
    out_ += '\n';
  }

  std::string take() { return std::move(out_); }

 private:
  void append_escaped(std::string_view text) {
    for (char c : text) {
      if (c == '\\' || c == '"') out_ += '\\';
      out_ += c == '\n' ? ' ' : c;
    }
  }
  std::string name_;
  std::string out_;
};

std::string bound_text(double bound) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, bound).ptr};
}

/// The families that entry points, routers and services have alike.
void write_requests(MetricsWriter& out, const std::string& kind,
                    const std::map<std::string, proxy::RequestStats>& all) {
  out.family("weir_" + kind + "_requests_total", "counter", "Requests finished, by status.");
  for (const auto& [name, stats] : all) {
    for (const auto& [status, times] : stats.by_status) {
      out.sample({{"code", std::to_string(status)}, {kind, name}}, static_cast<double>(times));
    }
  }
  out.family("weir_" + kind + "_request_duration_seconds", "histogram",
             "From the head of the request to the end of the answer.");
  for (const auto& [name, stats] : all) {
    uint64_t cumulative = 0;
    for (size_t i = 0; i < proxy::Histogram::kBoundsSeconds.size(); ++i) {
      cumulative += stats.duration.counts[i];
      out.sample({{kind, name}, {"le", bound_text(proxy::Histogram::kBoundsSeconds[i])}},
                 static_cast<double>(cumulative), "_bucket");
    }
    cumulative += stats.duration.counts.back();
    out.sample({{kind, name}, {"le", "+Inf"}}, static_cast<double>(cumulative), "_bucket");
    out.sample({{kind, name}}, stats.duration.sum_seconds, "_sum");
    out.sample({{kind, name}}, static_cast<double>(cumulative), "_count");
  }
  out.family("weir_" + kind + "_requests_bytes_total", "counter", "Bytes of request bodies.");
  for (const auto& [name, stats] : all) out.sample({{kind, name}}, static_cast<double>(stats.request_bytes));
  out.family("weir_" + kind + "_responses_bytes_total", "counter", "Bytes of answer bodies.");
  for (const auto& [name, stats] : all) out.sample({{kind, name}}, static_cast<double>(stats.response_bytes));
}

void write_endpoints(MetricsWriter& out, const proxy::Stats& stats, const routing::RoutingTable* table) {
  out.family("weir_service_server_up", "gauge", "1 where the endpoint is live by the catalog.");
  if (table != nullptr) {
    for (const auto& service : table->services()) {
      for (const auto& endpoint : service->endpoints) {
        out.sample({{"service", service->name}, {"url", endpoint.id}}, endpoint.live ? 1 : 0);
      }
    }
  }
  auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value_of) {
    out.family(name, type, help);
    for (const auto& [key, endpoint] : stats.endpoints) {
      if (!key.first.empty())
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

void write_config(MetricsWriter& out, const provider::TableAssembler& assembler) {
  auto simple = [&](std::string_view name, std::string_view type, std::string_view help, double value) {
    out.family(name, type, help);
    out.sample({}, value);
  };
  const auto& latency = assembler.latency();
  simple("weir_config_reloads_total", "counter", "Tables published.", static_cast<double>(latency.count));
  simple("weir_config_last_reload_timestamp_seconds", "gauge", "When the newest table was published.",
         static_cast<double>(assembler.last_change_wall_ns()) / 1e9);
  simple("weir_config_generation", "gauge", "Number of the newest table.",
         assembler.table() ? static_cast<double>(assembler.table()->generation()) : 0);
  simple("weir_config_rejected", "gauge", "Objects that are not routed; /api/rejected says why.",
         static_cast<double>(assembler.rejected().size()));
  simple("weir_ready", "gauge", "1 once there are routes to serve from.", assembler.readiness().ready ? 1 : 0);
  out.family("weir_config_change_seconds", "histogram", "From a provider's news to the published table.");
  uint64_t cumulative = 0;
  for (size_t i = 0; i < provider::ChangeLatency::kBoundsUs.size(); ++i) {
    cumulative += latency.counts[i];
    out.sample({{"le", bound_text(static_cast<double>(provider::ChangeLatency::kBoundsUs[i]) / 1e6)}},
               static_cast<double>(cumulative), "_bucket");
  }
  out.sample({{"le", "+Inf"}}, static_cast<double>(latency.count), "_bucket");
  out.sample({}, static_cast<double>(latency.sum_us) / 1e6, "_sum");
  out.sample({}, static_cast<double>(latency.count), "_count");
  out.family("weir_provider_age_seconds", "gauge", "Since the source last confirmed what we have.");
  for (const auto& status : assembler.statuses())
    out.sample({{"provider", status.name}}, static_cast<double>(status.age_ms) / 1000);
  out.family("weir_provider_failing", "gauge", "1 while the newest attempt to read the source has failed.");
  for (const auto& status : assembler.statuses()) out.sample({{"provider", status.name}}, status.error.empty() ? 0 : 1);
}

}  // namespace

std::string metrics_text(const proxy::Stats& stats, const provider::TableAssembler& assembler) {
  MetricsWriter out;
  out.family("weir_build_info", "gauge", "Which Weir this is.");
  out.sample({{"version", kVersion}}, 1);
  write_config(out, assembler);
  write_requests(out, "entrypoint", stats.entry_points);
  write_requests(out, "router", stats.routers);
  write_requests(out, "service", stats.services);
  write_endpoints(out, stats, assembler.table().get());
  auto simple = [&](std::string_view name, std::string_view type, std::string_view help, uint64_t value) {
    out.family(name, type, help);
    out.sample({}, static_cast<double>(value));
  };
  simple("weir_open_connections", "gauge", "Client connections.", stats.open_connections);
  simple("weir_parked_connections", "gauge", "Client connections that are idle for long, among the open ones.",
         stats.parked_connections);
  simple("weir_accepted_connections_total", "counter", "Client connections accepted.", stats.accepted_connections);
  simple("weir_refused_connections_total", "counter", "Client connections above a limit.", stats.refused_connections);
  simple("weir_bad_proxy_headers_total", "counter", "Connections that did not begin with the PROXY header they must.",
         stats.bad_proxy_headers);
  simple("weir_bad_requests_total", "counter", "Heads that were no valid request.", stats.bad_requests);
  simple("weir_no_route_total", "counter", "Requests that no router matched.", stats.no_route);
  simple("weir_retries_total", "counter", "Further attempts on another endpoint.", stats.retries);
  simple("weir_retries_denied_total", "counter", "Further attempts that the budget did not allow.",
         stats.retries_denied);
  simple("weir_upgraded_connections_total", "counter", "Connections upgraded to another protocol, such as WebSocket.",
         stats.tunnels);
  simple("weir_open_upgraded_connections", "gauge", "Upgraded connections open.", stats.open_tunnels);
  simple("weir_requests_in_flight", "gauge", "Requests under way.", stats.exchanges_in_flight);
  return out.take();
}

}  // namespace weir::app

#pragma once
// What the workers count. Plain numbers: each worker has its own, they are added up when somebody asks.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/http/message.h"
#include "weir/tls/engine.h"

namespace weir::proxy {

/// Latencies in buckets of fixed bounds: three to a decade, and Traefik's, so that its dashboards fit.
struct LatencyHistogram {
  static constexpr std::array<uint64_t, 14> kBoundsUs = {250,     500,       1'000,     2'500,    5'000,
                                                         10'000,  25'000,    50'000,    100'000,  300'000,
                                                         600'000, 1'200'000, 2'500'000, 5'000'000};
  uint64_t sum_us = 0;
  std::array<uint64_t, kBoundsUs.size() + 1> counts{};  // not cumulative; the last is above all bounds

  void add(uint64_t us);
  void merge(const LatencyHistogram& other);
  [[nodiscard]] uint64_t count() const;
};

/// As Traefik tells requests apart in its metrics.
enum class RequestProtocol : uint8_t { http, websocket, sse };

/// A finished request, as it is counted.
struct RequestOutcome {
  uint16_t status = 0;
  http::Method method = http::Method::get;
  RequestProtocol protocol = RequestProtocol::http;
  uint64_t duration_us = 0;
  uint64_t request_bytes = 0;  // of bodies
  uint64_t response_bytes = 0;
};

/// The requests of one status, method and protocol.
struct RequestSeries {
  uint16_t status = 0;  // 0: what came after kSeriesMax others
  http::Method method = http::Method::get;
  RequestProtocol protocol = RequestProtocol::http;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  LatencyHistogram duration;  // last: what a quick request counts lies together

  [[nodiscard]] bool counts(const RequestOutcome& outcome) const {
    return status == outcome.status && method == outcome.method && protocol == outcome.protocol;
  }
};

/// The requests that came over one version of TLS with one cipher.
struct TlsSeries {
  std::string_view version;  // "1.3"; both live for ever
  std::string_view cipher;
  uint64_t requests = 0;
};

/// Requests of one entry point, router, service or endpoint.
struct RequestStats {
  // An upstream may invent statuses and a client methods: 60 statuses of one method are more than any service has.
  static constexpr size_t kSeriesMax = 64;
  std::vector<RequestSeries> series;  // few: searched in order, the frequent ones first

  std::vector<TlsSeries> tls;  // at most one for each cipher there is

  void count(const RequestOutcome& outcome);
  /// Beside count(), for a request over TLS.
  void count_tls(std::string_view version, std::string_view cipher, uint64_t requests = 1);
  void merge(const RequestStats& other);
  [[nodiscard]] uint64_t requests() const;
  /// Requests of each status.
  [[nodiscard]] std::map<uint16_t, uint64_t> by_status() const;
};

struct EntryPointStats {
  RequestStats requests;
  uint64_t open_connections = 0;
  void merge(const EntryPointStats& other);
};

struct RouterStats {
  RequestStats requests;
  std::string service;  // the router's, when it was last asked for
  void merge(const RouterStats& other);
};

struct ServiceStats {
  RequestStats requests;
  uint64_t retries = 0;
  void merge(const ServiceStats& other);
};

struct EndpointStats {
  RequestStats requests;
  uint64_t connects = 0;
  uint64_t connect_failures = 0;
  uint64_t idle_connections = 0;
  uint64_t in_flight = 0;
  uint64_t pending = 0;  // requests that wait for a connection
  void merge(const EndpointStats& other);
};

struct AccessLogStats {
  uint64_t lines = 0;          // handed over to be written
  uint64_t lines_dropped = 0;  // the queue to the disk was full
  uint64_t lines_failed = 0;   // the disk refused them
};

struct Stats {
  std::map<std::string, EntryPointStats> entry_points;
  std::map<std::string, RouterStats> routers;
  std::map<std::string, ServiceStats> services;
  std::map<std::pair<std::string, std::string>, EndpointStats> endpoints;  // service, endpoint id
  std::map<size_t, uint64_t> connections_by_worker;                        // open now
  AccessLogStats access_log;
  uint64_t open_connections = 0;
  uint64_t parked_connections = 0;  // of the open ones: idle for long
  uint64_t accepted_connections = 0;
  uint64_t handed_over_connections = 0;  // accepted by one worker, served by another
  uint64_t refused_connections = 0;      // above a limit: of all, of an entry point, of a client
  uint64_t bad_proxy_headers = 0;        // connections that should have begun with one and did not
  uint64_t bad_requests = 0;             // heads that were no valid request
  uint64_t no_route = 0;
  uint64_t retries = 0;
  uint64_t retries_denied = 0;  // by the budget
  uint64_t tunnels = 0;         // upgraded connections so far
  uint64_t open_tunnels = 0;
  uint64_t exchanges_in_flight = 0;
  tls::Counters tls;
  void merge(const Stats& other);
};

}  // namespace weir::proxy

#pragma once
// What the workers count. Plain numbers: each worker has its own, they are added up when somebody asks.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace weir::proxy {

/// A latency histogram with fixed bounds.
struct Histogram {
  // Seconds. Traefik's 0.1, 0.3, 1.2, 5 are among them, so that its dashboards fit.
  static constexpr std::array<double, 12> kBoundsSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                            0.1,   0.3,    0.6,   1.2,  2.5,   5.0};
  std::array<uint64_t, kBoundsSeconds.size() + 1> counts{};
  double sum_seconds = 0;

  void add(double seconds);
  void merge(const Histogram& other);
};

/// Requests of one entry point, router, service or endpoint.
struct RequestStats {
  std::vector<std::pair<uint16_t, uint64_t>> by_status;  // few: searched in order
  Histogram duration;
  uint64_t request_bytes = 0;  // of bodies
  uint64_t response_bytes = 0;

  void count(uint16_t status, double seconds, uint64_t bytes_in, uint64_t bytes_out);
  void merge(const RequestStats& other);
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

struct Stats {
  std::map<std::string, RequestStats> entry_points;
  std::map<std::string, RequestStats> routers;
  std::map<std::string, RequestStats> services;
  std::map<std::pair<std::string, std::string>, EndpointStats> endpoints;  // service, endpoint id
  uint64_t open_connections = 0;
  uint64_t parked_connections = 0;  // of the open ones: idle for long
  uint64_t accepted_connections = 0;
  uint64_t refused_connections = 0;  // above a limit: of all, of an entry point, of a client
  uint64_t bad_proxy_headers = 0;    // connections that should have begun with one and did not
  uint64_t bad_requests = 0;         // heads that were no valid request
  uint64_t no_route = 0;
  uint64_t retries = 0;
  uint64_t retries_denied = 0;  // by the budget
  uint64_t tunnels = 0;         // upgraded connections so far
  uint64_t open_tunnels = 0;
  uint64_t exchanges_in_flight = 0;
  void merge(const Stats& other);
};

}  // namespace weir::proxy

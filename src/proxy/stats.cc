#include "weir/proxy/stats.h"

namespace weir::proxy {

void Histogram::add(double seconds) {
  size_t at = 0;
  while (at < kBoundsSeconds.size() && seconds > kBoundsSeconds[at]) ++at;
  ++counts[at];
  sum_seconds += seconds;
}

void Histogram::merge(const Histogram& other) {
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  sum_seconds += other.sum_seconds;
}

void RequestStats::count(uint16_t status, double seconds, uint64_t bytes_in, uint64_t bytes_out) {
  duration.add(seconds);
  request_bytes += bytes_in;
  response_bytes += bytes_out;
  for (auto& [code, times] : by_status) {
    if (code == status) {
      ++times;
      return;
    }
  }
  by_status.emplace_back(status, 1);
}

void RequestStats::merge(const RequestStats& other) {
  duration.merge(other.duration);
  request_bytes += other.request_bytes;
  response_bytes += other.response_bytes;
  for (const auto& [code, times] : other.by_status) {
    bool found = false;
    for (auto& [own_code, own_times] : by_status) {
      if (own_code != code) continue;
      own_times += times;
      found = true;
    }
    if (!found) by_status.emplace_back(code, times);
  }
}

void EndpointStats::merge(const EndpointStats& other) {
  requests.merge(other.requests);
  connects += other.connects;
  connect_failures += other.connect_failures;
  idle_connections += other.idle_connections;
  in_flight += other.in_flight;
  pending += other.pending;
}

void Stats::merge(const Stats& other) {
  for (const auto& [name, stats] : other.entry_points) entry_points[name].merge(stats);
  for (const auto& [name, stats] : other.routers) routers[name].merge(stats);
  for (const auto& [name, stats] : other.services) services[name].merge(stats);
  for (const auto& [name, stats] : other.endpoints) endpoints[name].merge(stats);
  open_connections += other.open_connections;
  parked_connections += other.parked_connections;
  accepted_connections += other.accepted_connections;
  refused_connections += other.refused_connections;
  bad_proxy_headers += other.bad_proxy_headers;
  bad_requests += other.bad_requests;
  no_route += other.no_route;
  retries += other.retries;
  retries_denied += other.retries_denied;
  tunnels += other.tunnels;
  open_tunnels += other.open_tunnels;
  exchanges_in_flight += other.exchanges_in_flight;
}

}  // namespace weir::proxy

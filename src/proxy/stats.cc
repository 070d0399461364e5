#include "weir/proxy/stats.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace weir::proxy {
namespace {

constexpr size_t kBounds = LatencyHistogram::kBoundsUs.size();
// The bound that a number of that many bits is compared with first; at most two more follow.
constexpr size_t kBitsMax = 23;  // 5'000'000 has 23
constexpr std::array<uint8_t, kBitsMax + 1> kFirstBound = [] {
  std::array<uint8_t, kBitsMax + 1> out{};
  for (size_t bits = 1; bits <= kBitsMax; ++bits) {
    uint64_t least = uint64_t{1} << (bits - 1);
    size_t bound = 0;
    while (bound < kBounds && LatencyHistogram::kBoundsUs[bound] < least) ++bound;
    out[bits] = static_cast<uint8_t>(bound);
  }
  return out;
}();

}  // namespace

void LatencyHistogram::add(uint64_t us) {
  sum_us += us;
  auto bits = static_cast<size_t>(std::bit_width(us));
  size_t at = bits > kBitsMax ? kBounds : kFirstBound[bits];
  while (at < kBounds && us > kBoundsUs[at]) ++at;
  ++counts[at];
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  sum_us += other.sum_us;
}

uint64_t LatencyHistogram::count() const { return std::accumulate(counts.begin(), counts.end(), uint64_t{0}); }

void RequestStats::count(const RequestOutcome& outcome) {
  size_t at = 0;
  while (at < series.size() && !series[at].counts(outcome)) ++at;
  if (at == series.size()) {
    if (at < kSeriesMax) {
      RequestSeries& fresh = series.emplace_back();
      fresh.status = outcome.status;
      fresh.method = outcome.method;
      fresh.protocol = outcome.protocol;
    } else {
      // The last one takes all others from here on.
      --at;
      series[at].status = 0;
      series[at].method = http::Method::other;
      series[at].protocol = RequestProtocol::http;
    }
  } else if (at > 0 && at + 1 < kSeriesMax) {
    std::swap(series[at], series[at - 1]);
    --at;
  }
  RequestSeries& counted = series[at];
  counted.duration.add(outcome.duration_us);
  counted.request_bytes += outcome.request_bytes;
  counted.response_bytes += outcome.response_bytes;
}

void RequestStats::count_tls(std::string_view version, std::string_view cipher, uint64_t requests) {
  // They live for ever and are the same text at the same place, nearly always.
  auto same = [](std::string_view a, std::string_view b) {
    return a.size() == b.size() && (a.data() == b.data() || a == b);
  };
  auto own = std::find_if(tls.begin(), tls.end(),
                          [&](const TlsSeries& one) { return same(one.cipher, cipher) && same(one.version, version); });
  if (own == tls.end()) own = tls.insert(own, {version, cipher, 0});
  own->requests += requests;
}

void RequestStats::merge(const RequestStats& other) {
  for (const TlsSeries& one : other.tls) count_tls(one.version, one.cipher, one.requests);
  for (const RequestSeries& one : other.series) {
    auto own = std::find_if(series.begin(), series.end(), [&](const RequestSeries& candidate) {
      return candidate.status == one.status && candidate.method == one.method && candidate.protocol == one.protocol;
    });
    if (own == series.end()) {
      series.push_back(one);
      continue;
    }
    own->duration.merge(one.duration);
    own->request_bytes += one.request_bytes;
    own->response_bytes += one.response_bytes;
  }
}

uint64_t RequestStats::requests() const {
  return std::accumulate(series.begin(), series.end(), uint64_t{0},
                         [](uint64_t sum, const RequestSeries& one) { return sum + one.duration.count(); });
}

std::map<uint16_t, uint64_t> RequestStats::by_status() const {
  std::map<uint16_t, uint64_t> out;
  for (const RequestSeries& one : series) out[one.status] += one.duration.count();
  return out;
}

void EntryPointStats::merge(const EntryPointStats& other) {
  requests.merge(other.requests);
  open_connections += other.open_connections;
}

void RouterStats::merge(const RouterStats& other) {
  requests.merge(other.requests);
  service = other.service;
}

void ServiceStats::merge(const ServiceStats& other) {
  requests.merge(other.requests);
  retries += other.retries;
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
  connections_by_worker.insert(other.connections_by_worker.begin(), other.connections_by_worker.end());
  access_log.lines += other.access_log.lines;
  access_log.lines_dropped += other.access_log.lines_dropped;
  access_log.lines_failed += other.access_log.lines_failed;
  open_connections += other.open_connections;
  parked_connections += other.parked_connections;
  accepted_connections += other.accepted_connections;
  handed_over_connections += other.handed_over_connections;
  refused_connections += other.refused_connections;
  bad_proxy_headers += other.bad_proxy_headers;
  bad_requests += other.bad_requests;
  no_route += other.no_route;
  retries += other.retries;
  retries_denied += other.retries_denied;
  tunnels += other.tunnels;
  open_tunnels += other.open_tunnels;
  exchanges_in_flight += other.exchanges_in_flight;
  tls.handshakes += other.tls.handshakes;
  tls.resumed += other.tls.resumed;
  tls.failed += other.tls.failed;
  tls.delayed += other.tls.delayed;
  tls.upstream_handshakes += other.tls.upstream_handshakes;
  tls.upstream_resumed += other.tls.upstream_resumed;
  tls.upstream_failed += other.tls.upstream_failed;
}

}  // namespace weir::proxy

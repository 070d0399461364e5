#include "weir/proxy/stats.h"

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

TEST_CASE("histogram: every latency falls into the first bucket whose bound it does not exceed") {
  std::vector<uint64_t> tried = {0, 1, UINT64_MAX};
  for (uint64_t bound : LatencyHistogram::kBoundsUs) tried.insert(tried.end(), {bound - 1, bound, bound + 1});
  for (int bits = 1; bits < 40; ++bits) tried.push_back(uint64_t{1} << bits);
  for (uint64_t us : tried) {
    LatencyHistogram histogram;
    histogram.add(us);
    size_t expected = 0;
    while (expected < LatencyHistogram::kBoundsUs.size() && us > LatencyHistogram::kBoundsUs[expected]) ++expected;
    INFO(us);
    CHECK(histogram.counts[expected] == 1);
    CHECK(histogram.count() == 1);
    CHECK(histogram.sum_us == us);
  }
}

TEST_CASE("request stats: a series for each status, method and protocol, the frequent ones in front") {
  RequestStats stats;
  RequestOutcome good{200, http::Method::get, RequestProtocol::http, 1000, 1, 2};
  RequestOutcome bad{500, http::Method::get, RequestProtocol::http, 1000, 0, 0};
  RequestOutcome posted{200, http::Method::post, RequestProtocol::http, 1000, 0, 0};
  stats.count(bad);
  stats.count(posted);
  for (int i = 0; i < 10; ++i) stats.count(good);
  CHECK(stats.by_status() == std::map<uint16_t, uint64_t>{{200, 11}, {500, 1}});
  CHECK(stats.requests() == 12);
  REQUIRE(stats.series.size() == 3);
  CHECK(stats.series[0].counts(good));
  CHECK(stats.series[0].request_bytes == 10);
  CHECK(stats.series[0].response_bytes == 20);
  RequestStats sum;
  sum.merge(stats);
  sum.merge(stats);
  CHECK(sum.requests() == 24);
  CHECK(sum.series.size() == 3);
}

TEST_CASE("request stats: requests over TLS are told apart by version and cipher") {
  RequestStats stats;
  for (int i = 0; i < 3; ++i) stats.count_tls("1.3", "TLS_AES_128_GCM_SHA256");
  stats.count_tls("1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  RequestStats sum;
  sum.merge(stats);
  sum.merge(stats);
  REQUIRE(sum.tls.size() == 2);
  CHECK((sum.tls[0].version == "1.3" && sum.tls[0].requests == 6));
  CHECK((sum.tls[1].cipher == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" && sum.tls[1].requests == 2));
}

TEST_CASE("request stats: made-up statuses and methods end in one series") {
  RequestStats stats;
  for (int round = 0; round < 3; ++round) {
    for (uint16_t status = 100; status < 999; ++status) {
      stats.count({status, http::Method::get, RequestProtocol::http, 1, 0, 0});
    }
  }
  CHECK(stats.series.size() == RequestStats::kSeriesMax);
  CHECK(stats.requests() == 3 * 899);
  CHECK(stats.by_status().contains(0));
}

TEST_CASE("worker stats: pain 43, what is gone from the table is gone from the numbers") {
  Edge edge;
  Upstream& first = edge.upstream(answering(ok("1")));
  Upstream& second = edge.upstream(answering(ok("2")));
  edge.route(first);
  edge.ask(get());
  std::string gone = Edge::url(first);
  Stats stats = edge.worker().collect();
  CHECK(stats.endpoints[{"s@test", gone}].requests.requests() == 1);
  CHECK(stats.routers["r@test"].requests.requests() == 1);
  CHECK(stats.routers["r@test"].service == "s@test");
  CHECK(stats.services["s@test"].requests.requests() == 1);
  edge.route(second);
  edge.until([&] {
    edge.worker().tidy();
    return !edge.worker().collect().endpoints.contains({"s@test", gone});
  });
  CHECK(edge.worker().collect().services["s@test"].requests.requests() == 1);
  edge.service = {};
  edge.install();
  edge.until([&] {
    edge.worker().tidy();
    return edge.worker().collect().services.empty();
  });
  stats = edge.worker().collect();
  CHECK(stats.endpoints.empty());
  CHECK(stats.routers.empty());
}

TEST_CASE("worker stats: more routers than metrics.routers_max are not counted one by one") {
  Edge edge;
  edge.config.metrics.routers_max = 0;
  edge.config.metrics.endpoints_max = 1;
  Upstream& upstream = edge.upstream(answering(ok("1")));
  edge.route(upstream);
  edge.worker().tidy();
  edge.ask(get());
  Stats stats = edge.worker().collect();
  CHECK(stats.routers.empty());
  CHECK(stats.services["s@test"].requests.requests() == 1);
  CHECK(stats.endpoints[{"s@test", Edge::url(upstream)}].requests.requests() == 1);
}

TEST_CASE("worker stats: websocket and event streams are told apart, a retry counts for its service") {
  Edge edge;
  edge.config.retry.attempts_max = 1;
  Upstream& upstream = edge.upstream(answering(ok("1")));
  edge.route({Edge::url(upstream), "http://127.0.0.1:1"});
  for (int i = 0; i < 2; ++i) edge.ask(get("/", "Accept: text/event-stream\r\n"));
  edge.ask(get("/", "Upgrade: websocket\r\nConnection: Upgrade\r\n"));
  Stats stats = edge.worker().collect();
  std::map<RequestProtocol, uint64_t> protocols;
  for (const auto& series : stats.services["s@test"].requests.series) {
    protocols[series.protocol] += series.duration.count();
  }
  CHECK(protocols == std::map<RequestProtocol, uint64_t>{{RequestProtocol::websocket, 1}, {RequestProtocol::sse, 2}});
  CHECK(stats.services["s@test"].retries >= 1);
  CHECK(stats.services["s@test"].retries == stats.retries);
}

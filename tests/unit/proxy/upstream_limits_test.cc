// The upstream side's limits: connections and turns, retries and their budget, kept connections, PROXY headers.

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

std::string status_answer(int status) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 4\r\n\r\nfrom";
}

uint64_t pending(Edge& edge) {
  uint64_t out = 0;
  for (const auto& [name, endpoint] : edge.worker().collect().endpoints) out += endpoint.pending;
  return out;
}

/// Says nothing until the test does.
std::function<void(Peer&)> silent() {
  return [](Peer&) {};
}

/// An edge with one endpoint that takes one connection, which is in use.
struct BusyEdge : Edge {
  BusyEdge() {
    config.limits.upstream_connections_per_endpoint_max = 1;
    config.limits.pending_per_endpoint_max = 2;
    config.timeouts.pending_ms = 5'000;
    route(upstream(silent()));
    connect().send(get("/first"));
    until([&] { return !upstreams.front().peers.empty(); });
    settle();
  }
  Peer& ask_more(std::string_view path) {
    Peer& client = connect();
    client.send(get(path));
    settle();
    return client;
  }
};

}  // namespace

TEST_CASE("pending: requests wait for a connection in their order, as many as may; one more is 503") {
  BusyEdge edge;
  Peer& second = edge.ask_more("/second");
  Peer& third = edge.ask_more("/third");
  CHECK(pending(edge) == 2);
  Peer& fourth = edge.ask_more("/fourth");
  edge.until([&] { return fourth.has("\r\n\r\n"); });
  CHECK(fourth.got.starts_with("HTTP/1.1 503 "));
  CHECK(count(fourth.got, "Retry-After: ") == 1);
  Peer& upstream = *edge.upstreams.front().peers[0];
  for (Peer* waiting : {&second, &third}) {
    CHECK(waiting->got.empty());
    upstream.send(ok("x"));
    edge.settle();
  }
  upstream.send(ok("x"));
  edge.until([&] { return second.has("200 OK") && third.has("200 OK"); });
  CHECK(upstream.got.find("GET /second") < upstream.got.find("GET /third"));
  CHECK(edge.upstreams.front().peers.size() == 1);
  edge.check_balanced();
}

TEST_CASE("pending: a turn has a wait limit, one who leaves gives up his, and a closed connection makes room") {
  BusyEdge edge;
  Peer& leaves = edge.ask_more("/leaves");
  Peer& stays = edge.ask_more("/stays");
  leaves.stream.reset();
  edge.until([&] { return pending(edge) == 1; });
  edge.pass_ms(2'500);
  CHECK(stays.got.empty());
  edge.pass_ms(2'500);
  edge.until([&] { return stays.has("\r\n\r\n"); });
  CHECK(stays.got.starts_with("HTTP/1.1 503 "));
  Peer& last = edge.ask_more("/last");
  edge.clients.front().stream.reset();  // the one whose request is under way: its upstream connection goes with it
  edge.until([&] { return edge.upstreams.front().peers.size() == 2 && edge.upstreams.front().peers[1]->has("/last"); });
  edge.upstreams.front().peers[1]->send(ok("x"));
  edge.until([&] { return last.has("200 OK"); });
  edge.check_balanced();
}

TEST_CASE("pending: a request goes to an endpoint with room rather than wait") {
  Edge edge;
  edge.config.limits.upstream_connections_per_endpoint_max = 1;
  Upstream& one = edge.upstream(silent());
  Upstream& other = edge.upstream(silent());
  edge.route({Edge::url(one), Edge::url(other)});
  for (int i = 0; i < 2; ++i) {
    edge.connect().send(get());
    edge.settle();
  }
  edge.until([&] { return one.peers.size() == 1 && other.peers.size() == 1; });
  CHECK(pending(edge) == 0);
  edge.connect().send(get());
  edge.until([&] { return pending(edge) == 1; });
}

TEST_CASE("retry: a status that is asked for goes to another endpoint, and the last one's answer is passed on") {
  Edge edge;
  edge.config.retry.on = {"503"};
  Upstream& bad = edge.upstream(answering(status_answer(503)));
  Upstream& good = edge.upstream(answering(ok("x")));
  edge.route({Edge::url(bad), Edge::url(good)});
  for (int i = 0; i < 4; ++i) CHECK(edge.ask(get()).starts_with("HTTP/1.1 200 "));
  CHECK(edge.worker().collect().retries == count(bad.all(), "GET /"));
  CHECK(count(bad.all(), "GET /") > 0);
  // Never the same endpoint again: its answer is what the client gets.
  edge.route(bad);
  size_t asked = count(bad.all(), "GET /");
  CHECK(edge.ask(get()).ends_with("\r\n\r\nfrom"));
  CHECK(count(bad.all(), "GET /") == asked + 1);
  edge.check_balanced();
}

TEST_CASE("retry: only the reasons and methods that are asked for, and never what has a body") {
  for (bool idempotent : {false, true}) {
    Edge edge;
    edge.config.retry.on = {"502", "timeout"};
    edge.config.retry.idempotent_methods = idempotent;
    edge.config.timeouts.response_head_ms = 5'000;
    Upstream& bad = edge.upstream(answering(status_answer(502)));
    Upstream& good = edge.upstream(answering(ok("x")));
    auto statuses = [&](std::string_view method, std::string_view body) {
      edge.route({Edge::url(bad), Edge::url(good)});
      size_t failures = 0;
      for (int i = 0; i < 4; ++i) {
        std::string request = std::string(method) +
                              " / HTTP/1.1\r\nHost: web.test\r\nContent-Length: " + std::to_string(body.size()) +
                              "\r\n\r\n" + std::string(body);
        if (edge.ask(request).starts_with("HTTP/1.1 502 ")) ++failures;
      }
      return failures;
    };
    CHECK(statuses("GET", "") == 0);
    CHECK((statuses("DELETE", "") == 0) == idempotent);
    CHECK(statuses("POST", "") > 0);
    CHECK(statuses("PUT", "body") > 0);
    Upstream& hangs = edge.upstream(silent());
    edge.route({Edge::url(hangs), Edge::url(good)});
    for (int i = 0; i < 2; ++i) {
      Peer& client = edge.connect();
      client.send(get());
      edge.settle();
      if (!client.has("200 OK")) edge.pass_ms(5'000);
      edge.until([&] { return client.has("200 OK"); });
    }
  }
}

TEST_CASE("retry: the budget ends repetition, not the first attempts, and what reached nobody is not counted") {
  Edge edge;
  edge.config.retry.on = {"503"};
  edge.config.retry.budget_percent = 50;
  edge.config.retry.budget_per_s_min = 0;
  Upstream& bad = edge.upstream(answering(status_answer(503)));
  Upstream& worse = edge.upstream(answering(status_answer(503)));
  edge.route({Edge::url(bad), Edge::url(worse)});
  for (int i = 0; i < 5; ++i) CHECK(edge.ask(get()).starts_with("HTTP/1.1 503 "));
  CHECK(count(bad.all() + worse.all(), "GET /") == 5 + 2);
  CHECK(edge.worker().collect().retries_denied == 3);
  Upstream& good = edge.upstream(answering(ok("x")));
  Upstream& gone = edge.upstream(silent());
  std::string nobody = Edge::url(gone);
  gone.listener.reset();
  edge.route({nobody, Edge::url(good)});
  for (int i = 0; i < 6; ++i) CHECK(edge.ask(get()).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("kept connections: pain 23, an endpoint's own idle limit is learned from what it closes") {
  Edge edge;
  edge.config.timeouts.upstream_idle_ms = 60'000;
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.route(upstream);
  Peer& client = edge.connect();
  auto ask = [&] {
    size_t before = count(client.got, "200 OK");
    client.send(get());
    edge.until([&] { return count(client.got, "200 OK") > before; });
  };
  for (size_t i = 0; i < 2; ++i) {  // it closes after five seconds, twice
    ask();
    REQUIRE(upstream.peers.size() == i + 1);
    edge.pass_ms(5'000);
    CHECK_FALSE(upstream.peers[i]->over());
    upstream.peers[i]->stream = event::TcpStream();
    edge.settle();
  }
  ask();
  edge.pass_ms(3'000);
  CHECK_FALSE(upstream.peers[2]->over());
  edge.pass_ms(1'500);
  edge.until([&] { return upstream.peers[2]->over(); });  // before it would have closed itself
}

TEST_CASE("kept connections: what an endpoint announces is undercut") {
  Edge edge;
  edge.config.timeouts.upstream_idle_ms = 60'000;
  std::string said = "HTTP/1.1 200 OK\r\nKeep-Alive: max=100, Timeout=5\r\nContent-Length: 1\r\n\r\nx";
  Upstream& upstream = edge.upstream(answering(said));
  edge.route(upstream);
  CHECK(edge.ask(get()).find("Keep-Alive") == std::string::npos);
  edge.pass_ms(3'000);
  CHECK_FALSE(upstream.peers[0]->over());
  edge.pass_ms(1'000);
  edge.until([&] { return upstream.peers[0]->over(); });
}

TEST_CASE("PROXY out: an endpoint hears of the client first, and its connection serves that client alone") {
  for (uint8_t version : {1, 2}) {
    Edge edge;
    edge.config.entry_points[0].proxy_protocol_trusted_cidrs = {Cidr::parse("127.0.0.0/8").value()};
    Upstream& upstream = edge.upstream([](Peer& peer) {
      for (size_t at; (at = peer.got.find("GET /", peer.taken)) != std::string::npos;) {
        size_t end = peer.got.find("\r\n\r\n", at);
        if (end == std::string::npos) return;
        peer.taken = end;
        peer.send(ok("x"));
      }
    });
    edge.route(upstream);
    edge.service.proxy_protocol = version;
    edge.install();
    auto ask = [&](Peer& client, std::string_view text) {
      size_t before = count(client.got, "200 OK");
      client.send(text);
      edge.until([&] { return count(client.got, "200 OK") > before; });
    };
    std::string told = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
    Peer& first = edge.connect();
    ask(first, told + get("/a"));
    ask(first, get("/b"));
    REQUIRE(upstream.peers.size() == 1);
    http::ProxyHeader header;
    auto taken = http::take_proxy_header(upstream.peers[0]->got, header);
    CHECK(taken.outcome == http::ProxyHeaderTaken::Outcome::complete);
    CHECK(upstream.peers[0]->got.starts_with("PROXY") == (version == 1));
    CHECK(header.source.text() == "192.0.2.7:4711");
    CHECK(header.destination.text() == "198.51.100.1:443");
    CHECK(upstream.peers[0]->got.substr(taken.consumed).starts_with("GET /a"));
    CHECK(count(upstream.peers[0]->got, "GET /") == 2);
    Peer& second = edge.connect();
    ask(second, "PROXY TCP4 192.0.2.8 198.51.100.1 4711 443\r\n" + get("/c"));
    REQUIRE(upstream.peers.size() == 2);
    CHECK(http::take_proxy_header(upstream.peers[1]->got, header).outcome == http::ProxyHeaderTaken::Outcome::complete);
    CHECK(header.source.text() == "192.0.2.8:4711");
    edge.check_balanced();
  }
}

TEST_CASE("PROXY out: at the limit of connections another client's idle one makes room") {
  Edge edge;
  edge.config.limits.upstream_connections_per_endpoint_max = 1;
  Upstream& upstream = edge.upstream(answering(ok("x")));
  edge.route(upstream);
  edge.service.proxy_protocol = 1;
  edge.install();
  for (size_t i = 1; i <= 3; ++i) {
    Peer& client = edge.connect();
    client.send(get());
    edge.until([&] { return client.has("200 OK"); });
    REQUIRE(upstream.peers.size() == i);
  }
  edge.until([&] { return upstream.peers[0]->over() && upstream.peers[1]->over(); });
  CHECK_FALSE(upstream.peers[2]->over());
}

TEST_CASE("tunnels: they are counted while they are open, and idle ones end") {
  Edge edge;
  edge.config.timeouts.upgrade_idle_ms = 5'000;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.taken++ == 0) peer.send("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send(get("/up", "Connection: Upgrade\r\nUpgrade: x\r\n"));
  edge.until([&] { return client.has("101"); });
  CHECK(edge.worker().collect().open_tunnels == 1);
  edge.pass_ms(3'000);
  client.send("from the client");
  edge.settle();
  edge.pass_ms(3'000);
  upstream.peers[0]->send("from the upstream");
  edge.settle();
  edge.pass_ms(3'000);
  CHECK_FALSE(client.over());
  edge.pass_ms(2'500);
  edge.until([&] { return client.over() && upstream.peers[0]->over(); });
  Stats stats = edge.worker().collect();
  CHECK(stats.open_tunnels == 0);
  CHECK(stats.tunnels == 1);
}

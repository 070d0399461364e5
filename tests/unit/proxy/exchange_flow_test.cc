// Back-pressure, tunnels, draining, and tables that change under open exchanges.

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

constexpr size_t kBigBytes = 48 << 20;  // more than what the kernel's buffers of two connections hold
const std::string kUpgrade = "GET / HTTP/1.1\r\nHost: web.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const std::string kSwitching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

/// Answers an upgrade with 101, then sends back what comes, and FIN for FIN.
void echo(Peer& peer) {
  if (peer.taken == 0) {
    size_t end = peer.got.find("\r\n\r\n");
    if (end == std::string::npos) return;
    peer.taken = end + 4;
    peer.send(kSwitching);
  }
  peer.send(std::string_view(peer.got).substr(peer.taken));
  peer.taken = peer.got.size();
  if (peer.ended) peer.stream.end_writing();
}

Peer& open_tunnel(Edge& edge, std::string_view more = "") {
  Peer& client = edge.connect();
  client.send(kUpgrade + std::string(more));
  edge.until([&] { return client.has("\r\n\r\n"); });
  return client;
}

}  // namespace

TEST_CASE("flow: an upstream that writes faster than the client reads is stopped, and goes on later") {
  Edge edge;
  std::string big(kBigBytes, 'r');
  Upstream& upstream = edge.upstream(answering(ok(big)));
  edge.route(upstream);
  Peer& client = edge.connect();
  client.stream.stop_reading();
  client.send(get());
  edge.until([&] { return upstream.peers.size() == 1 && upstream.peers[0]->taken > 0; });
  for (int i = 0; i < 500; ++i) edge.worker().loop().run_ready();
  size_t held = upstream.peers[0]->stream.queued_bytes();
  CHECK(held > kBigBytes / 4);
  for (int i = 0; i < 100; ++i) edge.worker().loop().run_ready();
  CHECK(upstream.peers[0]->stream.queued_bytes() == held);  // it stands still
  client.stream.start_reading();
  edge.until([&] { return client.got.size() >= kBigBytes + 40; });
  CHECK(count(client.got.substr(0, 200), "Content-Length: " + std::to_string(kBigBytes)) == 1);
  edge.check_balanced();
}

TEST_CASE("flow: a client that writes faster than the upstream reads is stopped, and goes on later") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.taken++ == 0) peer.stream.stop_reading();
    if (peer.got.size() > kBigBytes) peer.send(ok("all"));
  });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: " + std::to_string(kBigBytes) + "\r\n\r\n");
  client.send(std::string(kBigBytes, 'w'));
  edge.until([&] { return upstream.peers.size() == 1 && upstream.peers[0]->taken > 0; });
  for (int i = 0; i < 500; ++i) edge.worker().loop().run_ready();
  size_t held = client.stream.queued_bytes();
  CHECK(held > kBigBytes / 4);
  for (int i = 0; i < 100; ++i) edge.worker().loop().run_ready();
  CHECK(client.stream.queued_bytes() == held);
  upstream.peers[0]->stream.start_reading();
  edge.until([&] { return client.has("all"); });
  CHECK(upstream.peers[0]->got.ends_with("www"));
  edge.check_balanced();
}

TEST_CASE("flow: a tunnel carries bytes both ways, early ones too, and much more than it holds") {
  Edge edge;
  Upstream& upstream = edge.upstream(echo);
  edge.route(upstream);
  Peer& client = open_tunnel(edge, "early");
  edge.until([&] { return client.got.ends_with("early"); });
  CHECK(count(client.got, "Upgrade: echo\r\nConnection: Upgrade\r\n\r\n") == 1);
  size_t before = client.got.size();
  client.send(std::string(8 << 20, 't'));
  edge.until([&] { return client.got.size() == before + (8 << 20); });
  CHECK(edge.worker().collect().exchanges_in_flight == 1);
  client.stream.end_writing();
  edge.until([&] { return client.ended; });
  edge.check_balanced();
}

TEST_CASE("flow: each half of a tunnel ends by itself") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.taken++ == 0) peer.send(kSwitching);
  });
  edge.route(upstream);
  Peer& client = open_tunnel(edge);
  Peer& server = *upstream.peers[0];
  // The upstream has said all it wants; the client has not.
  server.send("bye");
  server.stream.end_writing();
  edge.until([&] { return client.ended; });
  CHECK(client.got.ends_with("bye"));
  client.send("one more thing");
  edge.until([&] { return server.has("one more thing"); });
  client.stream.end_writing();
  edge.until([&] { return server.over(); });
  edge.check_balanced();
  // And the other way round.
  Peer& second = open_tunnel(edge);
  second.stream.end_writing();
  edge.until([&] { return upstream.peers[1]->ended; });
  upstream.peers[1]->send("late");
  edge.until([&] { return second.got.ends_with("late"); });
  upstream.peers[1]->stream.end_writing();
  edge.until([&] { return second.ended; });
  edge.check_balanced();
}

TEST_CASE("flow: a client's end that comes in one turn with the 101 stays behind what the client said before it") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer&) {});
  Upstream& other = edge.upstream([](Peer&) {});
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send(kUpgrade + "early");
  edge.until([&] { return upstream.peers.size() == 1 && upstream.peers[0]->has("\r\n\r\n"); });
  // What this one has read fills the turn's batch: the 101 is worked off before the client's socket is looked at.
  Peer& filler = edge.clients.emplace_back();
  filler.stream = event::TcpStream::connect(edge.worker().loop(), SocketAddress{edge.address().ip, other.port}, filler);
  edge.until([&] { return filler.connected && other.peers.size() == 1; });
  edge.settle();
  Peer& server = *upstream.peers[0];
  server.send(kSwitching);
  filler.send(std::string(20'000, 'f'));
  client.stream.end_writing();
  edge.until([&] { return server.ended; });
  CHECK(server.got.ends_with("early"));
  server.send("late");
  edge.until([&] { return client.got.ends_with("late"); });
  server.stream.end_writing();
  edge.until([&] { return client.ended; });
  edge.check_balanced();
}

TEST_CASE("flow: a tunnel whose one side is reset ends the other") {
  Edge edge;
  Upstream& upstream = edge.upstream(echo);
  edge.route(upstream);
  Peer& one = open_tunnel(edge);
  one.stream.reset();
  edge.until([&] { return upstream.peers[0]->over(); });
  Peer& two = open_tunnel(edge);
  upstream.peers[1]->stream.reset();
  edge.until([&] { return two.over(); });
  edge.check_balanced();
}

TEST_CASE("flow: the upstream of a tunnel whose client is gone hears it at once, though it does not read") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.taken++ == 0) peer.send(kSwitching);
    peer.stream.stop_reading();
  });
  edge.route(upstream);
  Peer& client = open_tunnel(edge);
  client.send(std::string(kBigBytes, 't'));
  client.stream.reset();
  Peer& server = *upstream.peers[0];
  edge.until([&] {
    server.send("news");
    return server.failed;
  });
  edge.check_balanced();
}

TEST_CASE("flow: an upgrade that is refused is an ordinary answer, and the connection goes on") {
  Edge edge;
  edge.route(edge.upstream(answering(ok("no"))));
  Peer& client = edge.connect();
  client.send(kUpgrade + get());
  edge.until([&] { return count(client.got, "\r\n\r\nno") == 2; });
  edge.check_balanced();
}

TEST_CASE("drain: answers under way finish with Connection: close, and only then is it done") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer&) {});
  edge.route(upstream);
  Peer& idle = edge.connect();
  Peer& other_idle = edge.connect();
  Peer& busy = edge.connect();
  busy.send(get("/slow"));
  edge.until([&] { return upstream.all().find("/slow") != std::string::npos; });
  bool drained = false;
  edge.worker().drain([&] { drained = true; });
  edge.settle();
  // Idle ones may still ask once; a first one that closes does not end the wait for the rest.
  upstream.script = answering(ok("x"));
  idle.send(get("/late"));
  edge.until([&] { return idle.ended; });
  CHECK(count(idle.got, "Connection: close\r\n") == 1);
  edge.pass_ms(2'000);
  edge.until([&] { return other_idle.over(); });
  CHECK(other_idle.got.empty());
  CHECK_FALSE(drained);
  upstream.peers[0]->send(ok("done"));
  edge.until([&] { return busy.ended; });
  CHECK_FALSE(drained);  // nobody knows yet that it has been read
  busy.stream = {};
  edge.until([&] { return drained; });
  CHECK(busy.got.ends_with("done"));
  CHECK(count(busy.got, "Connection: close\r\n") == 1);
  edge.check_balanced();
}

TEST_CASE("drain: what is not done in time is ended: a waiting request with 503, an answer under way by a cut") {
  Edge edge;
  edge.config.timeouts.drain_ms = 50;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.has("/half") && peer.taken++ == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    if (peer.has("Upgrade") && peer.taken++ == 0) peer.send(kSwitching);
  });
  edge.route(upstream);
  Peer& waiting = edge.connect();
  waiting.send(get("/wait"));
  Peer& half = edge.connect();
  half.send(get("/half"));
  edge.until([&] { return half.has("abc"); });
  Peer& tunnel = open_tunnel(edge);
  Peer& head = edge.connect();
  head.send("GET / HT");
  edge.settle();
  bool drained = false;
  edge.worker().drain([&] { drained = true; });
  edge.until([&] { return drained; });
  edge.until([&] { return waiting.over() && half.over() && tunnel.over(); });
  CHECK(waiting.got.starts_with("HTTP/1.1 503 "));
  CHECK(half.failed);
  for (const auto& peer : upstream.peers) CHECK(peer->over());
  edge.check_balanced();
}

TEST_CASE("table: an exchange keeps its route while everything it came from is removed, then lets go of it") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.taken++ == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send(get());
  edge.until([&] { return client.has("abc"); });
  std::weak_ptr<const routing::RoutingTable> first = edge.table;
  edge.service = {};
  edge.install();
  CHECK_FALSE(first.expired());
  CHECK(edge.ask(get()).starts_with("HTTP/1.1 404 "));
  upstream.peers[0]->send("def");
  edge.until([&] { return client.has("abcdef"); });
  edge.check_balanced();
  CHECK(first.expired());
}

TEST_CASE("table: new endpoints serve from the next request on, and those that stay keep their connections") {
  Edge edge;
  Upstream& one = edge.upstream(answering(ok("one")));
  Upstream& two = edge.upstream(answering(ok("two")));
  edge.route(one);
  CHECK(edge.ask(get()).ends_with("one"));
  edge.route({Edge::url(one), Edge::url(two)});
  std::string both;
  for (int i = 0; i < 4; ++i) both += edge.ask(get());
  CHECK(count(both, "one") == 2);
  CHECK(count(both, "two") == 2);
  CHECK(one.peers.size() == 1);
  edge.route(two);
  for (int i = 0; i < 3; ++i) CHECK(edge.ask(get()).ends_with("two"));
  edge.check_balanced();
}

TEST_CASE("table: pain 2, changes elsewhere take no turn from a balancer, and no connection") {
  Edge edge;
  Upstream& one = edge.upstream(answering(ok("one")));
  Upstream& two = edge.upstream(answering(ok("two")));
  edge.route({Edge::url(one), Edge::url(two)});
  std::string both;
  for (uint16_t i = 1; i <= 12; ++i) {
    const auto before = edge.table;
    edge.elsewhere_port = i;
    edge.install();
    CHECK(edge.table != before);
    both += edge.ask(get());
  }
  CHECK(count(both, "one") == 6);
  CHECK(count(both, "two") == 6);
  CHECK(one.peers.size() == 1);
  CHECK(two.peers.size() == 1);
  edge.check_balanced();
}

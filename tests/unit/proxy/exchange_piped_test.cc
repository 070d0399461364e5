// Long bodies that go through pipes: what both sides get is as it always was.

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

constexpr size_t kLong = 3 << 20;

std::string pattern(size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>('a' + (i * 31 + i / 4096) % 26);
  return out;
}

std::string post(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

/// Answers each POST with its body once all of it has come.
void mirror(Peer& peer) {
  for (size_t end; (end = peer.got.find("\r\n\r\n", peer.taken)) != std::string::npos;) {
    std::string_view head = std::string_view(peer.got).substr(peer.taken, end + 4 - peer.taken);
    size_t at = head.find("Content-Length: ");
    size_t length = at == std::string_view::npos ? 0 : std::stoul(std::string(head.substr(at + 16)));
    if (peer.got.size() < end + 4 + length) return;
    peer.taken = end + 4 + length;
    peer.send(ok(peer.got.substr(end + 4, length)));
  }
}

}  // namespace

TEST_CASE("piped: long and short answers of all lengths, one behind the other, arrive as they were sent") {
  Edge edge;
  std::vector<size_t> sizes = {kLong, 0, 10, 65'535, 65'536, 98'304, 98'305, 16'300, 16'384, 200'000, 1, 131'072};
  size_t asked = 0;
  Upstream& upstream = edge.upstream([&](Peer& peer) {
    for (size_t end; (end = peer.got.find("\r\n\r\n", peer.taken)) != std::string::npos;) {
      peer.taken = end + 4;
      peer.send(ok(pattern(sizes[asked++])));
    }
  });
  edge.route(upstream);
  Peer& client = edge.connect();
  std::string expected;
  for (size_t size : sizes) {
    client.send(get());
    expected += ok(pattern(size));
    edge.until([&] { return client.got.size() >= expected.size(); });
    REQUIRE(client.got == expected);
  }
  CHECK(upstream.peers.size() == 1);
  edge.check_balanced();
}

TEST_CASE("piped: long uploads arrive whole, with the request that was pipelined behind them") {
  Edge edge;
  Upstream& upstream = edge.upstream(mirror);
  edge.route(upstream);
  Peer& client = edge.connect();
  std::string body = pattern(kLong);
  client.send(post(body) + post("short") + post(body) + post(""));
  std::string expected = ok(body) + ok("short") + ok(body) + ok("");
  edge.until([&] { return client.got.size() >= expected.size(); });
  CHECK(client.got == expected);
  CHECK(upstream.peers.size() == 1);
  edge.check_balanced();
}

TEST_CASE("piped: a client whose next request came before it had read the answer gets both, in order") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering(ok(pattern(48 << 20))));
  edge.route(upstream);
  Peer& client = edge.connect();
  client.stream.stop_reading();
  client.send(get() + get());
  for (int i = 0; i < 300; ++i) edge.worker().loop().run_ready();
  client.stream.start_reading();
  std::string expected = ok(pattern(48 << 20));
  edge.until([&] { return client.got.size() >= 2 * expected.size(); });
  CHECK(client.got == expected + expected);
  edge.check_balanced();
}

TEST_CASE("piped: an answer that is cut is cut for the client, by an end or a reset, and nothing is left") {
  for (bool reset : {false, true}) {
    Edge edge;
    Upstream& upstream = edge.upstream([](Peer& peer) {
      if (peer.taken++ == 0) peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + pattern(kLong));
    });
    edge.route(upstream);
    Peer& client = edge.connect();
    client.send(get());
    edge.until([&] { return client.got.size() > kLong; });
    reset ? upstream.peers[0]->stream.reset() : upstream.peers[0]->stream.end_writing();
    edge.until([&] { return client.over(); });
    CHECK_FALSE(client.failed);
    CHECK(client.got.size() < 50'000'000);
    edge.check_balanced();
  }
}

TEST_CASE("piped: a client that goes while bytes wait for it ends the upstream's connection") {
  Edge edge;
  Upstream& upstream = edge.upstream(answering(ok(pattern(48 << 20))));
  edge.route(upstream);
  Peer& client = edge.connect();
  client.stream.stop_reading();
  client.send(get());
  edge.until([&] { return upstream.peers.size() == 1 && upstream.peers[0]->taken > 0; });
  for (int i = 0; i < 300; ++i) edge.worker().loop().run_ready();
  client.stream.reset();
  edge.until([&] { return upstream.peers[0]->over(); });
  edge.check_balanced();
}

TEST_CASE("piped: a client that stops within a long upload ends the upstream's request") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer&) {});
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 50000000\r\n\r\n" + pattern(kLong));
  edge.until([&] { return upstream.all().size() > kLong; });
  client.stream.end_writing();
  edge.until([&] { return client.over() && upstream.peers[0]->over(); });
  CHECK(upstream.peers[0]->failed);
  edge.check_balanced();
}

TEST_CASE("piped: a slow reader of a long answer is held to the least rate") {
  Edge edge;
  edge.config.limits.response_bytes_per_s_min = 1000;
  Upstream& upstream = edge.upstream(answering(ok(pattern(48 << 20))));
  edge.route(upstream);
  Peer& client = edge.connect();
  client.stream.stop_reading();
  client.send(get());
  edge.until([&] { return upstream.peers.size() == 1 && upstream.peers[0]->taken > 0; });
  for (int i = 0; i < 300; ++i) edge.worker().loop().run_ready();
  for (int i = 0; i < 4; ++i) edge.pass_ms(edge.config.timeouts.response_rate_window_ms);
  edge.until([&] { return upstream.peers[0]->over(); });
  edge.check_balanced();
}

TEST_CASE("piped: what a GET would have had is not waited for after a HEAD behind a long answer") {
  Edge edge;
  Upstream& upstream = edge.upstream([](Peer& peer) {
    for (size_t end; (end = peer.got.find("\r\n\r\n", peer.taken)) != std::string::npos;) {
      bool head_only = peer.got.compare(peer.taken, 4, "HEAD") == 0;
      peer.taken = end + 4;
      peer.send(head_only ? "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 9000000\r\n\r\n" : ok(pattern(kLong)));
    }
  });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send(get());
  std::string expected = ok(pattern(kLong));
  edge.until([&] { return client.got.size() >= expected.size(); });
  client.send("HEAD / HTTP/1.1\r\nHost: web.test\r\n\r\n");
  edge.until([&] { return client.got.ends_with("Content-Length: 9000000\r\n\r\n"); });
  size_t before = client.got.size();
  client.send(get());
  edge.until([&] { return client.got.size() >= before + expected.size(); });
  CHECK(client.got.substr(before) == expected);
  edge.check_balanced();
}

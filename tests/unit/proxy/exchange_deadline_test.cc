// Deadlines: each ends what it is for, with 0 none does, and a slow reader is not a silent one.

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge_fixture.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

constexpr uint32_t kLimitMs = 5'000;
constexpr uint64_t kLongMs = 3'600'000;

/// An edge whose every deadline of a request is `limit_ms`.
struct TimedEdge : Edge {
  explicit TimedEdge(uint32_t limit_ms) {
    config.timeouts.body_idle_ms = config.timeouts.response_head_ms = limit_ms;
    config.timeouts.response_idle_ms = config.timeouts.upgrade_idle_ms = limit_ms;
  }
  /// Sends to a silent upstream, waits until it has that, and lets time pass.
  Peer& stall(std::string_view request, std::string_view arrived) {
    Peer& client = connect();
    client.send(request);
    until([&] { return upstreams.front().all().find(arrived) != std::string::npos; });
    settle();
    pass_ms(kLimitMs / 2);
    CHECK_FALSE(client.over());
    CHECK(count(client.got, "HTTP/1.1 50") + count(client.got, "HTTP/1.1 40") == 0);
    pass_ms(kLimitMs);
    return client;
  }
};

/// Listens, takes nothing, and has its queue full: who connects hears nothing.
class FullListener {
 public:
  FullListener() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockets_.push_back(::socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(::bind(sockets_[0], generic(), sizeof address_) == 0);
    REQUIRE(::listen(sockets_[0], 0) == 0);
    socklen_t length = sizeof address_;
    REQUIRE(::getsockname(sockets_[0], generic(), &length) == 0);
    for (int i = 0; i < 4; ++i) {
      sockets_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      ::connect(sockets_.back(), generic(), sizeof address_);
    }
  }
  ~FullListener() {
    for (int fd : sockets_) ::close(fd);
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

 private:
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address_); }
  sockaddr_in address_{};
  std::vector<int> sockets_;
};

constexpr std::string_view kHalfBody = "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 9\r\n\r\nabc";
constexpr std::string_view kUpgrade = "GET /up HTTP/1.1\r\nHost: web.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
constexpr std::string_view kHalfAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";

}  // namespace

TEST_CASE("deadline: silence of the upstream before its answer is 504, of the client within its body 408") {
  TimedEdge edge(kLimitMs);
  edge.route(edge.upstream([](Peer&) {}));
  CHECK(edge.stall(get(), "\r\n\r\n").got.starts_with("HTTP/1.1 504 "));
  CHECK(edge.upstreams.front().peers[0]->over());
  Peer& client = edge.stall(kHalfBody, "abc");
  CHECK(client.got.starts_with("HTTP/1.1 408 "));
  CHECK(count(client.got, "Connection: close") == 1);
  CHECK(edge.upstreams.front().peers[1]->over());
  edge.check_balanced();
}

TEST_CASE("deadline: who waits for 100-continue is not to blame for silence before it, and is behind it") {
  constexpr std::string_view asks =
      "POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
  {
    TimedEdge edge(kLimitMs);
    edge.route(edge.upstream([](Peer&) {}));
    CHECK(edge.stall(asks, "POST / ").got.starts_with("HTTP/1.1 504 "));
    edge.check_balanced();
  }
  TimedEdge edge(kLimitMs);
  edge.route(edge.upstream([](Peer& peer) { peer.send("HTTP/1.1 100 Continue\r\n\r\n"); }));
  CHECK(count(edge.stall(asks, "POST / ").got, "100 Continue\r\n\r\nHTTP/1.1 408 ") == 1);
  edge.check_balanced();
}

TEST_CASE("deadline: a 100 that nobody waits for any more leaves the wait for the answer as it was") {
  for (uint32_t body_idle_ms : {kLimitMs, 0U}) {
    TimedEdge edge(4 * kLimitMs);
    edge.config.timeouts.body_idle_ms = body_idle_ms;
    edge.route(edge.upstream([](Peer& peer) {
      if (peer.has("123456789") && peer.taken++ == 0) peer.send("HTTP/1.1 100 Continue\r\n\r\n");
    }));
    Peer& client = edge.connect();
    client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n123456789");
    edge.until([&] { return client.has("100 Continue"); });
    edge.pass_ms(2 * kLimitMs);
    CHECK(count(client.got, "HTTP/1.1 ") == 1);
    edge.pass_ms(2 * kLimitMs);
    CHECK(count(client.got, "HTTP/1.1 504 ") == 1);
    edge.check_balanced();
  }
}

TEST_CASE("deadline: silence within an answer or a tunnel cuts both sides") {
  TimedEdge edge(kLimitMs);
  edge.route(edge.upstream([](Peer& peer) {
    if (peer.taken++ == 0) peer.send(kHalfAnswer);
  }));
  CHECK(edge.stall(get(), "\r\n\r\n").over());
  CHECK(edge.upstreams.front().peers[0]->over());
  edge.upstreams.front().script = [](Peer& peer) {
    if (peer.taken++ == 0) peer.send("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  };
  CHECK(edge.stall(kUpgrade, "/up").over());
  CHECK(edge.upstreams.front().peers[1]->over());
  edge.check_balanced();
}

TEST_CASE("deadline: an endpoint that takes no connection in time is 504, and another gets the request, body and all") {
  Edge edge;
  edge.config.timeouts.connect_ms = kLimitMs;
  FullListener full;
  edge.route({full.url()});
  Peer& alone = edge.connect();
  alone.send(get());
  edge.pass_ms(kLimitMs / 2);
  CHECK(alone.got.empty());
  edge.pass_ms(kLimitMs);
  edge.until([&] { return alone.has("\r\n\r\n"); });
  CHECK(alone.got.starts_with("HTTP/1.1 504 "));
  Upstream& answers = edge.upstream([](Peer& peer) {
    if (peer.has("\r\n\r\nabc123456")) peer.send(ok("x"));
  });
  edge.route({full.url(), Edge::url(answers)});
  for (int i = 0; i < 2; ++i) {
    Peer& client = edge.connect();
    client.send(std::string(kHalfBody) + "123456");
    edge.pass_ms(2 * kLimitMs);
    edge.until([&] { return client.has("200 OK"); });
  }
  edge.check_balanced();
}

TEST_CASE("deadline: 0 is no limit") {
  TimedEdge edge(0);
  Upstream& upstream = edge.upstream([](Peer& peer) {
    if (peer.has("GET / ") && peer.taken++ == 0) peer.send(kHalfAnswer);
    if (peer.has("GET /up") && peer.taken++ == 0)
      peer.send("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  });
  edge.route(upstream);
  std::vector<Peer*> open;
  for (std::string_view request : {std::string_view(kHalfBody), std::string_view(kUpgrade),
                                   std::string_view("GET / HTTP/1.1\r\nHost: web.test\r\n\r\n"),
                                   std::string_view("GET /silent HTTP/1.1\r\nHost: web.test\r\n\r\n")}) {
    open.push_back(&edge.connect());
    open.back()->send(request);
  }
  edge.until([&] { return upstream.peers.size() == 4; });
  edge.pass_ms(kLongMs);
  for (Peer* client : open) CHECK_FALSE(client->over());
  CHECK(edge.worker().collect().exchanges_in_flight == 4);
}

TEST_CASE("deadline: idle connections of both sides close after their time, upstream ones with 0 never") {
  for (uint32_t idle_ms : {kLimitMs, 0U}) {
    Edge edge;
    edge.config.timeouts.upstream_idle_ms = idle_ms;
    edge.config.timeouts.idle_ms = 10 * kLimitMs;
    Upstream& upstream = edge.upstream(answering(ok("x")));
    edge.route(upstream);
    Peer& client = edge.connect();
    client.send(get());
    edge.until([&] { return client.has("\r\n\r\nx"); });
    edge.pass_ms(2 * kLimitMs);
    CHECK(upstream.peers[0]->over() == (idle_ms > 0));
    CHECK_FALSE(client.over());
    edge.pass_ms(20 * kLimitMs);
    CHECK(client.over());
  }
}

TEST_CASE("deadline: a head that never ends is 408, a connection that never speaks is closed") {
  Edge edge;
  edge.install();
  Peer& half = edge.connect();
  half.send("GET / HT");
  Peer& silent = edge.connect();
  edge.settle();
  edge.pass_ms(edge.config.timeouts.head_ms);
  edge.until([&] { return half.over() && silent.over(); });
  CHECK(half.got.starts_with("HTTP/1.1 408 "));
  CHECK(silent.got.empty());
  edge.pass_ms(event::TcpStream::kLingerMs);  // they do not leave by themselves
  CHECK(edge.worker().collect().open_connections == 0);
}

TEST_CASE("deadline: a client that reads slowly gets its answer, one that reads nothing is cut") {
  TimedEdge edge(kLimitMs);
  std::string big(32 << 20, 'b');
  Upstream& upstream = edge.upstream(answering(ok(big)));
  edge.route(upstream);
  Peer& slow = edge.connect();
  Peer& stuck = edge.connect();
  stuck.stream.stop_reading();
  slow.stream.stop_reading();
  slow.send(get());
  stuck.send(get());
  edge.until([&] { return upstream.peers.size() == 2; });
  for (int i = 0; i < 5; ++i) {
    edge.pass_ms(kLimitMs);
    slow.stream.start_reading();
    size_t before = slow.got.size();
    edge.until([&] { return slow.got.size() > before + 2'000'000; });
    slow.stream.stop_reading();
  }
  CHECK(edge.worker().collect().exchanges_in_flight == 1);
  slow.stream.start_reading();
  stuck.stream.start_reading();
  edge.until([&] { return slow.got.size() >= big.size() && stuck.over(); });
  CHECK(slow.got.ends_with("bbb"));
  CHECK(stuck.failed);
  edge.check_balanced();
}

TEST_CASE("deadline: an upstream that does not read a request's body is to blame, not the client") {
  TimedEdge edge(kLimitMs);
  Upstream& upstream = edge.upstream([](Peer& peer) { peer.stream.stop_reading(); });
  edge.route(upstream);
  Peer& client = edge.connect();
  client.send("POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 100000000\r\n\r\n");
  client.send(std::string(32 << 20, 'x'));
  edge.until([&] { return upstream.peers.size() == 1; });
  for (int i = 0; i < 4; ++i) edge.pass_ms(kLimitMs);
  edge.until([&] { return client.has("HTTP/1.1 50"); });
  CHECK(client.got.starts_with("HTTP/1.1 504 "));
  edge.check_balanced();
}

// Clients, upstreams and tables that do anything at any time. Whatever happened, at the end nothing is left over.

#include "edge_fixture.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::proxy;
using namespace weir::proxy::fixture;

namespace {

constexpr uint64_t kSeeds = 60;
constexpr int kSteps = 400;
constexpr size_t kClientsMax = 12;

class Chaos {
 public:
  explicit Chaos(uint64_t seed) : random_(seed) {
    edge.config.timeouts.drain_ms = 100;
    edge.config.limits.relay_buffer_bytes_max = 16384;
    edge.config.limits.upstream_idle_per_endpoint_max = 2;
    for (int i = 0; i < 3; ++i) edge.upstream([this](Peer& peer) { on_upstream(peer); });
    change_routes();
  }

  void step() {
    switch (random_.below(12)) {
      case 0:
      case 1:
        if (edge.clients.size() < kClientsMax) edge.connect();
        break;
      case 2: change_routes(); break;
      case 3: edge.pass_ms(random_.below(100'000)); break;
      case 4: with_upstream_peer([&](Peer& peer) { on_upstream(peer); }); break;
      case 5: with_upstream_peer([&](Peer& peer) { disturb(peer); }); break;
      case 6: with_client([&](Peer& client) { disturb(client); }); break;
      default: with_client([&](Peer& client) { client.send(piece()); }); break;
    }
    for (uint64_t turns = random_.below(4); turns > 0; --turns) edge.worker().loop().run_ready();
  }

  /// Everybody leaves.
  void end() {
    for (Peer& client : edge.clients) client.stream.reset();
    edge.until([&] {
      for (Upstream& upstream : edge.upstreams) upstream.peers.clear();  // also who was accepted only now
      return edge.worker().collect().open_connections == 0;
    });
    edge.check_balanced();
    std::weak_ptr<const routing::RoutingTable> last = edge.table;
    edge.service = {};
    edge.install();
    CHECK(last.expired());  // no pin is left on it
  }

  Edge edge;

 private:
  template <typename Action>
  void with_client(Action action) {
    if (edge.clients.empty()) return;
    auto client = std::next(edge.clients.begin(), static_cast<long>(random_.below(edge.clients.size())));
    if (!client->stream.open() || client->over()) {
      edge.clients.erase(client);
    } else {
      action(*client);
    }
  }
  template <typename Action>
  void with_upstream_peer(Action action) {
    auto upstream = std::next(edge.upstreams.begin(), static_cast<long>(random_.below(edge.upstreams.size())));
    if (upstream->peers.empty()) return;
    Peer& peer = *upstream->peers[random_.below(upstream->peers.size())];
    if (peer.stream.open() && !peer.over()) action(peer);
  }

  void disturb(Peer& peer) {
    switch (random_.below(6)) {
      case 0: peer.stream.reset(); break;
      case 1: peer.stream = {}; break;
      case 2: peer.stream.end_writing(); break;
      case 3: peer.stream.stop_reading(); break;
      default: peer.stream.start_reading(); break;
    }
  }

  /// A request, several, half of one, or nonsense.
  std::string piece() {
    const std::string host = "Host: web.test\r\n";
    switch (random_.below(12)) {
      case 0: return get();
      case 1: return get() + get("/2") + get("/3");
      case 2: return "HEAD / HTTP/1.1\r\n" + host + "\r\n";
      case 3:
        return "POST / HTTP/1.1\r\n" + host + "Content-Length: 50000\r\n\r\n" + std::string(random_.below(60'000), 'p');
      case 4: return "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
      case 5: return "0\r\nT: v\r\n\r\n";
      case 6:
        return "GET / HTTP/1.1\r\n" + host + "Connection: Upgrade\r\nUpgrade: x\r\n\r\n" +
               (random_.below(2) == 0 ? "early" : "");
      case 7: return "GET / HTTP/1.0\r\n" + host + "\r\n";
      case 8: return "PUT / HTTP/1.1\r\n" + host + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n";
      case 9: return get().substr(0, random_.below(30));
      case 10: return std::string(random_.below(20'000), 'x');
      default: return "abc";
    }
  }

  void on_upstream(Peer& peer) {
    if (peer.over()) {
      if (random_.below(2) == 0) peer.stream = {};
      return;
    }
    switch (random_.below(14)) {
      case 0: return peer.send(ok(std::string(random_.below(200'000), 'b')));
      case 1: return peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      case 2: return peer.send("0\r\n\r\n");
      case 3: return peer.send("HTTP/1.1 200 OK\r\n\r\nuntil the close");
      case 4: return peer.send("HTTP/1.1 100 Continue\r\n\r\n");
      case 5: return peer.send("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
      case 6: return peer.send("HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
      case 7: return peer.send("HTTP/1.1 20");
      case 8: return peer.send("nonsense\r\n\r\n");
      case 9: return disturb(peer);
      default: return peer.send(ok("x"));
    }
  }

  void change_routes() {
    std::vector<std::string> urls;
    for (const Upstream& upstream : edge.upstreams) {
      if (random_.below(4) > 0) urls.push_back((random_.below(8) == 0 ? "!" : "") + Edge::url(upstream));
    }
    if (random_.below(4) == 0) urls.push_back("http://127.0.0.1:1");
    edge.route(urls);
  }

  Random random_;
};

}  // namespace

TEST_CASE("chaos: whatever clients, upstreams and tables do, no exchange, pin or connection is left over") {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    INFO("seed " << seed);
    Chaos chaos(seed);
    for (int i = 0; i < kSteps; ++i) chaos.step();
    chaos.end();
  }
}

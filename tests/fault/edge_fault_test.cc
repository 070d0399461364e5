// The edge while its system calls fail: nothing crashes, leaks, gets stuck or passes for what it is not.

#include <cerrno>
#include <future>
#include <thread>

#include "../unit/proxy/edge_fixture.h"
#include "faults.h"
#include "peers.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::fault;
using namespace weir::proxy::fixture;
using Got = PlainClient::Got;

namespace {

constexpr int kClients = 3;
constexpr int kRequests = 60;

struct Tally {
  std::atomic<int> whole{0};
  std::atomic<int> refused{0};
  std::atomic<int> broken{0};
  std::atomic<bool> wrong{false};

  void add(Got got) { ++(got == Got::whole ? whole : got == Got::refused ? refused : broken); }
};

/// An edge whose loop is turned by this thread, in front of a plain server.
class FaultyEdge {
 public:
  FaultyEdge() { edge_.route({"http://127.0.0.1:" + std::to_string(server_.port())}); }
  ~FaultyEdge() { fault::set({}, 0); }

  /// Runs `clients` on threads of their own, the edge on this one, until the last of them has ended.
  void run(std::vector<std::function<void()>> clients) {
    std::atomic<size_t> left{clients.size()};
    std::vector<std::thread> threads;
    for (auto& client : clients) {
      threads.emplace_back([&left, &client, this] {
        client();
        if (--left == 0) loop().post([this] { loop().stop(); });
      });
    }
    loop().run();
    for (std::thread& thread : threads) thread.join();
  }
  /// From a client's thread: does this on the edge's, and waits for it.
  template <typename Action>
  auto on_edge(Action action) {
    std::packaged_task<decltype(action())()> task(std::move(action));
    auto result = task.get_future();
    loop().post([&task] { task(); });
    return result.get();
  }
  void check_nothing_is_left() {
    uint64_t faults = fault::count();
    fault::set({}, 0);
    CHECK(faults > 0);
    edge_.until([&] { return edge_.worker().collect().open_connections == 0; });
    edge_.check_balanced();
  }
  event::Loop& loop() { return edge_.worker().loop(); }
  uint16_t port() { return edge_.address().port; }

 private:
  PlainServer server_;
  Edge edge_;
};

/// Requests of all sizes, on a new connection where the last one is gone.
void ask_much(uint16_t port, uint64_t seed, Tally& tally) {
  Random random(seed);
  std::optional<PlainClient> client;
  for (int i = 0; i < kRequests; ++i) {
    if (!client || !client->open()) client.emplace(port);
    std::string path =
        "/" + std::string(1, static_cast<char>('a' + random.below(26))) + std::to_string(random.below(200));
    bool wrong = false;
    tally.add(client->ask(path, random.below(2) == 0 ? 0 : random.below(100'000), wrong));
    if (wrong) tally.wrong = true;
  }
}

void run_much(FaultyEdge& edge, const Rates& rates, uint64_t seed, Tally& tally) {
  fault::set(rates, seed);
  std::vector<std::function<void()>> clients;
  uint16_t port = edge.port();
  for (uint64_t i = 0; i < kClients; ++i) clients.push_back([=, &tally] { ask_much(port, seed * 100 + i, tally); });
  edge.run(std::move(clients));
}

}  // namespace

TEST_CASE("faults: short reads, short writes and EAGAIN for no reason change nothing") {
  Counts faults{};
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    INFO("seed " << seed);
    FaultyEdge edge;
    Tally tally;
    run_much(edge, {.short_io = 300, .again = 300}, seed, tally);
    CHECK(tally.whole == kClients * kRequests);
    CHECK_FALSE(tally.wrong);
    for (size_t i = 0; i < faults.size(); ++i) faults[i] += fault::counts()[i];
    edge.check_nothing_is_left();
  }
  // However the edge reads and writes: none of its ways has been left out.
  for (Call call : {Call::recv, Call::send, Call::sendmsg, Call::write, Call::splice, Call::pipe2}) {
    INFO("call " << static_cast<int>(call));
    CHECK(faults[static_cast<size_t>(call)] > 0);
  }
}

TEST_CASE("faults: connections that break and are not made are seen as broken, and leave nothing behind") {
  uint64_t not_made = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    INFO("seed " << seed);
    FaultyEdge edge;
    Tally tally;
    run_much(edge, {.short_io = 100, .again = 50, .reset = 8, .connect_fails = 100}, seed, tally);
    INFO(tally.whole << " whole, " << tally.refused << " refused, " << tally.broken << " broken");
    CHECK(tally.whole > 0);
    CHECK(tally.refused + tally.broken > 0);
    not_made += fault::counts()[static_cast<size_t>(Call::connect)];
    CHECK_FALSE(tally.wrong);
    edge.check_nothing_is_left();
  }
  CHECK(not_made > 0);
}

TEST_CASE("faults: without descriptors or memory to accept, what is open is served, and who waits is served later") {
  for (int error : {EMFILE, ENFILE, ENOMEM, ENOBUFS}) {
    INFO("errno " << error);
    FaultyEdge edge;
    Tally kept;
    Tally late;
    edge.run({[&] {
      PlainClient old(edge.port());
      bool wrong = false;
      kept.add(old.ask("/a1", 0, wrong));
      edge.on_edge([&] { fault::set({.accept_error = error, .socket_error = error}, 1); });
      PlainClient waits(edge.port());  // the kernel takes it
      for (int i = 0; i < 50; ++i) kept.add(old.ask("/b2", 10, wrong));
      if (wrong) kept.wrong = true;
      uint64_t faults = edge.on_edge([] { return fault::counts()[static_cast<size_t>(Call::accept4)]; });
      if (faults == 0 || faults > 1000) kept.wrong = true;  // it has been tried, and not all the time
      edge.on_edge([] { fault::set({}, 1); });
      late.add(waits.ask("/c3", 0, wrong));
    }});
    CHECK(kept.whole == 51);
    CHECK_FALSE(kept.wrong);
    CHECK(late.whole == 1);
  }
}

TEST_CASE("faults: an upstream that no socket can be had for is answered 502, and served again afterwards") {
  FaultyEdge edge;
  Tally before;
  Tally after;
  edge.run({[&] {
    bool wrong = false;
    edge.on_edge([] { fault::set({.socket_error = EMFILE}, 1); });
    PlainClient client(edge.port());
    before.add(client.ask("/a1", 0, wrong));
    edge.on_edge([] { fault::set({}, 1); });
    after.add(client.ask("/a1", 0, wrong));
  }});
  CHECK(before.refused == 1);
  CHECK(after.whole == 1);
}

TEST_CASE("faults: on a machine without IPv6 every address is every one of IPv4") {
  event::Loop loop;
  fault::set({.ipv6_error = EAFNOSUPPORT}, 1);
  auto every = event::Listener::listen(loop, {SocketAddress::parse(":0").value()}, [](event::TcpStream) {});
  auto one = event::Listener::listen(loop, {SocketAddress::parse("[::1]:0").value()}, [](event::TcpStream) {});
  fault::set({}, 1);
  REQUIRE(every);
  CHECK(every->address().ip.text() == "0.0.0.0");
  CHECK_FALSE(one);
}

#include "weir/event/parking.h"

#include <memory>
#include <vector>

#include "catch.h"
#include "weir/event/listener.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

using namespace weir;
using namespace weir::event;

namespace {

struct End final : TcpStream::Observer {
  TcpStream stream;
  std::string got;
  bool connected = false;
  bool ended = false;
  std::string failure;

  void on_connected() override { connected = true; }
  void on_read(std::span<char> bytes) override { got.append(bytes.data(), bytes.size()); }
  void on_read_end() override { ended = true; }
  void on_drained() override {}
  void on_failed(const Error& error) override { failure = error.message; }
};

/// Clients whose connections are parked as soon as they are accepted.
struct ParkedClients {
  Loop loop;
  Timer guard{loop, [this] { loop.stop(); }};
  std::vector<std::unique_ptr<End>> clients;
  std::vector<std::unique_ptr<End>> woken;
  std::vector<uint32_t> woken_requests;
  size_t gone = 0;
  uint32_t accepted = 0;
  std::unique_ptr<Parking> parking = std::make_unique<Parking>(
      loop,
      [this](TcpStream stream, const ParkedConnection& facts) {
        woken.push_back(std::make_unique<End>());
        woken.back()->stream = std::move(stream);
        woken.back()->stream.set_observer(*woken.back());
        woken.back()->stream.start_reading();
        woken_requests.push_back(facts.requests);
      },
      [this](const ParkedConnection&) { ++gone; });
  std::unique_ptr<Listener> listener;

  explicit ParkedClients(size_t count) {
    auto made = Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [this](TcpStream stream) {
      stream.set_observer(nobody);
      SocketAddress peer = stream.peer_address();
      REQUIRE(parking->park(stream, {peer, accepted++}, 60'000));
      CHECK_FALSE(stream.open());
    });
    REQUIRE(made);
    listener = std::make_unique<Listener>(std::move(*made));
    for (size_t i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<End>());
      clients.back()->stream = TcpStream::connect(loop, listener->address(), *clients.back());
      run_until([&] { return clients.back()->connected && parking->size() == i + 1; });
      clients.back()->stream.start_reading();
    }
  }
  template <typename Condition>
  void run_until(Condition holds) {
    for (int turn = 0; turn < 100'000 && !holds(); ++turn) loop.run_ready();
    REQUIRE(holds());
  }
  End nobody;
};

}  // namespace

TEST_CASE("parking: a parked connection wakes with its facts when its client speaks, and loses no byte") {
  ParkedClients test(3);
  test.clients[1]->stream.write("hello");
  test.clients[1]->stream.flush();
  test.run_until([&] { return !test.woken.empty() && test.woken[0]->got == "hello"; });
  CHECK(test.woken_requests == std::vector<uint32_t>{1});
  CHECK(test.parking->size() == 2);
  test.woken[0]->stream.write("back");
  test.woken[0]->stream.flush();
  test.run_until([&] { return test.clients[1]->got == "back"; });
  CHECK(test.clients[0]->got.empty());
}

TEST_CASE("parking: a client that closes is gone without being woken") {
  ParkedClients test(2);
  test.clients[0]->stream = {};
  test.run_until([&] { return test.gone == 1; });
  CHECK(test.parking->size() == 1);
  CHECK(test.woken.empty());
}

TEST_CASE("parking: bytes before a FIN are served") {
  ParkedClients test(1);
  test.clients[0]->stream.write("last words");
  test.clients[0]->stream.end_writing();
  test.run_until([&] { return !test.woken.empty() && test.woken[0]->ended; });
  CHECK(test.woken[0]->got == "last words");
  CHECK(test.gone == 0);
}

TEST_CASE("parking: whose time is over is closed, in the order they came") {
  ParkedClients test(2);
  test.loop.skip_ms(59'000);
  CHECK(test.gone == 0);
  test.loop.skip_ms(1'500);
  CHECK(test.gone == 2);
  test.run_until([&] { return test.clients[0]->ended && test.clients[1]->ended; });
}

TEST_CASE("parking: all can be given less time") {
  ParkedClients test(2);
  test.parking->expire_within(1'000);
  test.loop.skip_ms(900);
  CHECK(test.gone == 0);
  test.loop.skip_ms(200);
  CHECK(test.gone == 2);
}

TEST_CASE("parking: spaces are used again") {
  ParkedClients test(2);
  for (uint32_t round = 0; round < 50; ++round) {
    test.clients[round % 2]->stream.write("x");
    test.clients[round % 2]->stream.flush();
    test.run_until([&] { return test.woken.size() == 1 && !test.woken[0]->got.empty(); });
    TcpStream stream = std::move(test.woken[0]->stream);
    test.woken.clear();
    REQUIRE(test.parking->park(stream, {{}, round}, 60'000));
    CHECK(test.parking->size() == 2);
  }
  CHECK(test.gone == 0);
}

TEST_CASE("parking: what is parked at the end is closed, and nobody is told") {
  ParkedClients test(2);
  test.parking.reset();
  CHECK(test.gone == 0);
  test.run_until([&] { return test.clients[0]->ended && test.clients[1]->ended; });
}

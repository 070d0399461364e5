#include "weir/event/stream_layer.h"

#include <functional>
#include <memory>

#include "catch.h"
#include "weir/event/listener.h"
#include "weir/event/loop.h"
#include "weir/event/stream_port.h"
#include "weir/event/tcp_stream.h"

using namespace weir;
using namespace weir::event;

namespace {

/// Greets with one byte each way, then turns every byte over; "." is its way to say the end.
class Flip final : public StreamLayer {
 public:
  explicit Flip(std::shared_ptr<bool> destroyed) : destroyed_(std::move(destroyed)) {}
  ~Flip() override { *destroyed_ = true; }
  void on_open(StreamPort port) override {
    port_ = port;
    port_.send("!");
    port_.start_reading();
  }
  void on_read(std::span<char> bytes) override {
    if (!greeted_) {
      if (bytes[0] != '!') return port_.fail(Error{ErrorCode::invalid, "no greeting"});
      greeted_ = true;
      bytes = bytes.subspan(1);
      port_.ready();
    }
    for (char& byte : bytes) {
      if (!port_.open()) return;
      if (byte == '.') return port_.deliver_end();
      byte = static_cast<char>(byte ^ 1);
      port_.deliver({&byte, 1});
    }
  }
  void on_read_end() override { port_.fail(Error{ErrorCode::closed, "cut"}); }
  void send(const std::array<std::string_view, 3>& pieces) override {
    std::string turned;
    for (std::string_view piece : pieces) turned.append(piece);
    for (char& byte : turned) byte = static_cast<char>(byte ^ 1);
    port_.send(turned);
  }
  void end() override { port_.send("."); }
  [[nodiscard]] std::string_view protocol() const override { return "flip"; }

 private:
  std::shared_ptr<bool> destroyed_;
  StreamPort port_;
  bool greeted_ = false;
};

struct End final : TcpStream::Observer {
  TcpStream stream;
  std::shared_ptr<bool> layer_gone = std::make_shared<bool>(false);
  int connected = 0;
  std::string got;
  bool ended = false;
  std::string failure;
  std::function<void()> after = [] {};

  void on_connected() override { ++connected, after(); }
  void on_read(std::span<char> bytes) override { got.append(bytes.data(), bytes.size()), after(); }
  void on_read_end() override { ended = true; }
  void on_drained() override {}
  void on_failed(const Error& error) override { failure = error.message; }
};

struct World {
  Loop loop;
  End client;
  End server;
  std::unique_ptr<Listener> listener;

  explicit World(bool server_has_layer = true) {
    auto made = Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [=, this](TcpStream stream) {
      server.stream = std::move(stream);
      server.stream.set_observer(server);
      if (server_has_layer) {
        server.stream.put_layer(std::make_unique<Flip>(server.layer_gone));
      } else {
        server.stream.start_reading();
      }
    });
    REQUIRE(made);
    listener = std::make_unique<Listener>(std::move(*made));
    client.stream = TcpStream::connect(loop, listener->address(), client, std::make_unique<Flip>(client.layer_gone));
  }
  template <typename Condition>
  void run_until(Condition holds) {
    for (int turn = 0; turn < 1'000'000 && !holds(); ++turn) loop.run_ready();
    REQUIRE(holds());
  }
};

}  // namespace

TEST_CASE("stream layer: the owner hears of the connection when the layer is ready") {
  World world;
  CHECK(world.client.connected == 0);
  world.run_until([&] { return world.client.connected == 1 && world.server.connected == 1; });
  CHECK(world.client.stream.protocol() == "flip");
  CHECK(world.client.got.empty());
}

TEST_CASE("stream layer: bytes go through both ways, gathered, and the end is the layer's") {
  World world;
  world.run_until([&] { return world.client.connected == 1 && world.server.connected == 1; });
  world.client.stream.write("hello ");
  world.client.stream.write("there");
  world.client.stream.end_writing();
  world.run_until([&] { return world.server.ended; });
  CHECK(world.server.got == "hello there");
  world.server.stream.write("and back");
  world.server.stream.close_gracefully();
  world.run_until([&] { return world.client.ended; });
  CHECK(world.client.got == "and back");
  CHECK(world.client.failure.empty());
}

TEST_CASE("stream layer: a peer without its greeting fails the connection") {
  World world(false);
  world.run_until([&] { return world.server.stream.open(); });
  world.server.stream.write("?");
  world.run_until([&] { return !world.client.failure.empty(); });
  CHECK(world.client.failure == "no greeting");
  CHECK(world.client.connected == 0);
}

TEST_CASE("stream layer: a FIN without the layer's end is its failure") {
  World world(false);
  world.run_until([&] { return world.server.stream.open(); });
  world.server.stream.write("!");
  world.server.stream.end_writing();
  world.run_until([&] { return !world.client.failure.empty(); });
  CHECK(world.client.failure == "cut");
}

TEST_CASE("stream layer: the owner may go in any call, the layer outlives it") {
  World world;
  world.run_until([&] { return world.client.connected == 1 && world.server.connected == 1; });
  world.server.after = [&] {
    world.server.stream = TcpStream();
    CHECK_FALSE(*world.server.layer_gone);  // its on_read is on the stack
  };
  world.client.stream.write("many bytes");
  world.run_until([&] { return *world.server.layer_gone; });
  CHECK(world.server.got == "m");
}

TEST_CASE("stream layer: another owner takes over within on_connected") {
  World world;
  End second;
  world.server.after = [&] {
    second.stream = std::move(world.server.stream);
    second.stream.set_observer(second);
  };
  world.client.after = [&] { world.client.stream.write("to whom"); };
  world.run_until([&] { return second.got == "to whom"; });
  CHECK(world.server.got.empty());
}

// Bytes through the layer: cut, large, slow, garbage, and floods of handshakes.

#include "tls_fixture.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::tls;

namespace {

ClientOptions blind() {
  ClientOptions options;
  options.insecure_skip_verify = true;
  return options;
}

std::string pattern(size_t size) {
  std::string out(size, '\0');
  Random random(7);
  for (char& byte : out) byte = static_cast<char>(random.next());
  return out;
}

/// Sits between a client and the server and passes on what it is told to.
struct Relay final : event::TcpStream::Observer {
  Relay(World& its_world, size_t piece) : world(its_world), piece_bytes(piece) {
    auto made = event::Listener::listen(world.loop, {SocketAddress::parse("127.0.0.1:0").value()},
                                        [this](event::TcpStream stream) {
                                          client = std::move(stream);
                                          client.set_observer(*this);
                                          client.start_reading();
                                        });
    listener = std::make_unique<event::Listener>(std::move(*made));
    server.stream = event::TcpStream::connect(world.loop, world.listener->address(), server);
    server.after = [this] {
      if (server.connected && !server.ended && server.failure.empty()) server.stream.start_reading();
      if (client.open()) client.write(std::exchange(server.got, ""));
    };
  }
  void on_read(std::span<char> bytes) override { waiting.append(bytes.data(), bytes.size()); }
  void on_read_end() override {}
  void on_drained() override {}
  void on_failed(const Error&) override {}
  /// One piece goes on.
  void pass() {
    if (waiting.empty() || !server.connected) return;
    server.stream.write(waiting.substr(0, piece_bytes));
    server.stream.flush();
    waiting.erase(0, piece_bytes);
  }

  World& world;
  size_t piece_bytes;
  std::unique_ptr<event::Listener> listener;
  event::TcpStream client;
  End server;
  std::string waiting;
};

}  // namespace

TEST_CASE("tls: bytes arrive as they were sent, both ways, whatever their size") {
  World world(server_material({}));
  auto client = world.shake(world.client_context(blind()), "a.example");
  size_t sizes[] = {1, 16'383, 16'384, 16'385, 65'536, 1'000'000};
  std::string sent;
  for (size_t size : sizes) {
    std::string bytes = pattern(size);
    client->stream.write(bytes, "\r\n");
    sent += bytes + "\r\n";
  }
  world.run_until([&] { return world.newest().got.size() == sent.size(); });
  CHECK(world.newest().got == sent);
  world.newest().stream.write(sent);
  world.run_until([&] { return client->got.size() == sent.size(); });
  CHECK(client->got == sent);
}

TEST_CASE("tls: small writes of one turn are one record and one read") {
  World world(server_material({}));
  auto client = world.shake(world.client_context(blind()), "a.example");
  client->stream.write("head ");
  client->stream.write("body ");
  client->stream.write("end");
  world.run_until([&] { return !world.newest().got.empty(); });
  CHECK(world.newest().got == "head body end");
  CHECK(world.newest().reads == 1);
}

TEST_CASE("tls: records cut at every byte are put together again") {
  World world(server_material({}));
  Relay relay(world, 1);
  End client;
  client.stream =
      event::TcpStream::connect(world.loop, relay.listener->address(), client,
                                world.client.connect(world.client_context(blind()), {"a.example", "cut", {}}));
  world.run_until([&] { return relay.pass(), client.connected; });
  client.stream.write("in little pieces");
  client.stream.end_writing();
  world.run_until([&] { return relay.pass(), world.newest().ended; });
  CHECK(world.newest().got == "in little pieces");
}

TEST_CASE("tls: the end is said; a connection that is cut is no end to a client") {
  World world(server_material({}));
  auto client = world.shake(world.client_context(blind()), "a.example");
  world.newest().stream.write("all of it");
  world.newest().stream.close_gracefully();
  world.run_until([&] { return client->ended; });
  CHECK(client->got == "all of it");
  CHECK(client->failure.empty());

  Relay relay(world, 1'000'000);
  End cut;
  cut.stream = event::TcpStream::connect(world.loop, relay.listener->address(), cut,
                                         world.client.connect(world.client_context(blind()), {"a.example", "cut", {}}));
  world.run_until([&] { return relay.pass(), cut.connected; });
  relay.client.end_writing();
  world.run_until([&] { return !cut.failure.empty(); });
  CHECK(cut.failure == "TLS: cut off without close_notify");
  CHECK_FALSE(cut.ended);
}

TEST_CASE("tls: garbage is answered with an alert and the connection ends") {
  World world(server_material({}));
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    auto client = world.connect_plain();
    std::string bytes = pattern(1 + random.below(600));
    // Half of them look like a ClientHello at first.
    if (round % 2 == 0) {
      std::string head = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, static_cast<char>(0xfc)};
      bytes = head + bytes;
    }
    client->stream.write(bytes);
    client->stream.end_writing();
    size_t number = static_cast<size_t>(round);
    world.run_until([&] { return world.accepted.size() > number && !world.accepted[number]->failure.empty(); });
    CHECK_FALSE(world.accepted[number]->connected);
  }
  CHECK(world.server.counters().failed == 200);
  CHECK(world.shake(world.client_context(blind()), "a.example")->connected);
}

TEST_CASE("tls: plain HTTP is told so in plain HTTP") {
  World world(server_material({}));
  auto client = world.connect_plain();
  client->stream.write("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  world.run_until([&] { return client->got.find("HTTPS server.") != std::string::npos; });
  CHECK(client->got.starts_with("HTTP/1.0 400 Bad Request\r\n"));
}

TEST_CASE("tls: a flood of handshakes is spread over turns, and those who leave are forgotten") {
  World world(server_material({}));
  auto context = world.client_context(blind());
  std::vector<std::unique_ptr<End>> clients;
  for (int i = 0; i < 60; ++i) clients.push_back(world.connect(context, "a.example"));
  world.run_until([&] { return world.server.counters().delayed > 20; });
  size_t left = 0;
  for (auto& end : world.accepted) {
    if (!end->over() && left < 10) ++left, end->stream = event::TcpStream();
  }
  CHECK(left == 10);
  world.run_until([&] {
    size_t done = 0;
    for (auto& end : clients) done += end->over() ? 1 : 0;
    return done == clients.size() && world.server.counters().handshakes == 50;
  });
}

TEST_CASE("tls: a connection that says nothing costs nothing and can be let go") {
  World world(server_material({}));
  auto silent = world.connect_plain();
  world.run_until([&] { return world.accepted.size() == 1; });
  world.newest().stream.close_gracefully();
  world.run_until([&] { return silent->ended; });
  CHECK(silent->got.empty());
}

TEST_CASE("tls: without a context connections are refused") {
  World world(server_material({}));
  world.server.use(std::shared_ptr<const ServerContext>());
  auto refused = world.shake(world.client_context(blind()), "a.example");
  CHECK_FALSE(refused->connected);
}

#include <algorithm>
#include <memory>

#include "catch.h"
#include "weir/event/listener.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/event/udp_socket.h"

using namespace weir;
using namespace weir::event;

namespace {

struct Client final : TcpStream::Observer {
  TcpStream stream;
  std::function<void()> done = [] {};
  bool refused = false;

  void on_connected() override {}
  void on_read(std::span<char>) override {}
  void on_read_end() override {}
  void on_drained() override {}
  void on_failed(const Error&) override {
    refused = true;
    done();
  }
};

SocketAddress at(const std::string& ip, uint16_t port) { return {IpAddress::parse(ip).value(), port}; }

/// "PEER LOCAL", as a listener at `address` sees a client that comes to `to`; "refused".
std::string seen(const std::string& address, const std::string& to) {
  Loop loop;
  Timer guard{loop, [&] { loop.stop(); }};
  guard.start_once(10'000);
  TcpStream accepted;
  auto listener = Listener::listen(loop, {SocketAddress::parse(address).value()}, [&](TcpStream stream) {
    accepted = std::move(stream);
    loop.stop();
  });
  REQUIRE(listener);
  Client client;
  client.done = [&] { loop.stop(); };
  client.stream = TcpStream::connect(loop, at(to, listener->address().port), client);
  loop.run();
  std::string out = client.refused ? "refused" : "nobody";
  if (accepted.open()) out = accepted.peer_address().ip.text() + " " + accepted.local_address().ip.text();
  client.stream = {};
  accepted = {};
  return out;
}

}  // namespace

TEST_CASE("listen: an address without a host, and [::], take clients of both families, each by its own address") {
  for (const char* address : {":0", "[::]:0"}) {
    INFO(address);
    CHECK(seen(address, "127.0.0.1") == "127.0.0.1 127.0.0.1");
    CHECK(seen(address, "::1") == "::1 ::1");
  }
}

TEST_CASE("listen: 0.0.0.0 takes IPv4 alone, and one address of IPv6 that one alone") {
  CHECK(seen("0.0.0.0:0", "127.0.0.1") == "127.0.0.1 127.0.0.1");
  CHECK(seen("0.0.0.0:0", "::1") == "refused");
  CHECK(seen("[::1]:0", "::1") == "::1 ::1");
  CHECK(seen("[::1]:0", "127.0.0.1") == "refused");
}

TEST_CASE("listen: at every address of both families somebody at one of IPv4 is in the way") {
  Loop loop;
  auto first = Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [](TcpStream) {});
  REQUIRE(first);
  CHECK_FALSE(Listener::check_free(at("::", first->address().port)));
}

TEST_CASE("udp: a socket of both families answers a client of IPv4") {
  Loop loop;
  Timer guard{loop, [&] { loop.stop(); }};
  guard.start_once(10'000);
  std::unique_ptr<UdpSocket> server;
  std::string from;
  std::string answer;
  auto made = UdpSocket::bind(loop, SocketAddress::parse(":0").value(), [&](auto bytes, const SocketAddress& sender) {
    from = sender.ip.text();
    server->send({bytes.data(), bytes.size()}, sender);
  });
  REQUIRE(made);
  server = std::make_unique<UdpSocket>(std::move(*made));
  auto client = UdpSocket::bind(loop, SocketAddress::parse("127.0.0.1:0").value(), [&](auto bytes, const auto&) {
    answer.assign(bytes.data(), bytes.size());
    loop.stop();
  });
  REQUIRE(client);
  client->send("who is there", at("127.0.0.1", server->address().port));
  loop.run();
  CHECK(from == "127.0.0.1");
  CHECK(answer == "who is there");
}

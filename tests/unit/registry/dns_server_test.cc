// DNS on sockets: what one client may have of the loop.

#include "registry/dns_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <list>

#include "catch.h"
#include "store_fixture.h"
#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/timer.h"

namespace weir::registry {
namespace {

/// Asked for the time once an answer.
struct CountingClock final : Clock {
  [[nodiscard]] uint64_t monotonic_ms() const override { return 0; }
  [[nodiscard]] int64_t wall_ns() const override {
    ++answers;
    return 0;
  }
  mutable size_t answers = 0;
};

std::string srv_query(const std::string& service) {
  std::string out("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  for (const std::string& label : {service, std::string("service"), std::string("consul")}) {
    out += static_cast<char>(label.size());
    out += label;
  }
  out += std::string("\0\0\x21\0\x01", 5);
  return std::string{'\0', static_cast<char>(out.size())} + out;
}

std::string repeat(const std::string& text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

/// Sends when connected, counts whole answers.
struct Client final : event::TcpStream::Observer {
  Client(event::Loop& loop, const SocketAddress& address, std::string bytes)
      : stream(event::TcpStream::connect(loop, address, *this)), to_send(std::move(bytes)) {}
  /// Connected; reads when told to.
  Client(event::Loop& loop, int fd, const std::string& bytes) : stream(event::TcpStream::adopt(loop, fd)) {
    stream.set_observer(*this);
    stream.write(bytes);
  }

  void on_connected() override {
    stream.write(to_send);
    stream.start_reading();
  }
  void on_read(std::span<char> bytes) override {
    received.append(bytes.data(), bytes.size());
    size_t at = 0;
    while (received.size() - at >= 2) {
      size_t length = static_cast<uint8_t>(received[at]) * 256U + static_cast<uint8_t>(received[at + 1]);
      if (received.size() - at - 2 < length) break;
      at += 2 + length;
      ++answers;
    }
    received.erase(0, at);
    if (on_answer) on_answer();
  }
  void on_read_end() override { ended = true; }
  void on_drained() override {}
  void on_failed(const Error&) override { ended = true; }

  event::TcpStream stream;
  std::string to_send;
  std::string received;
  size_t answers = 0;
  bool ended = false;
  std::function<void()> on_answer;
};

/// A connection to 127.0.0.1 whose kernel takes little for a reader that sleeps.
int connect_with_small_buffer(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int bytes = 64 * 1024;
  REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
  sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  return fd;
}

struct ServerFixture {
  StoreFixture f;
  Identity self{.node_name = "n1",
                .node_id = "",
                .address = "127.0.0.1",
                .http_address = {},
                .dns_address = {},
                .started_at = {}};
  DnsResolver resolver{f.store.tables(), self};
  CountingClock clock;
  event::Loop loop;
  std::unique_ptr<DnsServer> server;

  explicit ServerFixture(int instances, const char* address = "127.0.0.1") {
    REQUIRE(f.add_node("n1", "127.0.0.1"));
    REQUIRE(f.write([&](Transaction& tx) {
      for (int i = 0; i < instances; ++i) {
        Service service;
        service.node = "n1";
        service.id = "web" + std::to_string(i);
        service.name = "web";
        service.address = "10.0." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250);
        service.port = 80;
        if (Status done = put_service(tx, service); !done) return done;
      }
      return Status{};
    }));
    auto started =
        DnsServer::listen(loop, {IpAddress::parse(address).value(), 0}, resolver, clock, [] { return true; });
    REQUIRE(started);
    server = std::move(*started);
  }
  /// Until it says so; false after 60 s.
  bool run_until(const std::function<bool()>& over) {
    bool late = false;
    event::Timer deadline(loop, [&] {
      late = true;
      loop.stop();
    });
    event::Timer look(loop, [&] {
      if (over()) loop.stop();
    });
    deadline.start_once(60'000);
    look.start_every(5);
    loop.run();
    return !late;
  }
};

}  // namespace

TEST_CASE("dns server: who asks much at once lets others in between") {
  ServerFixture f(1);
  Client greedy(f.loop, f.server->address(), repeat(srv_query("web"), 1500));
  Client modest(f.loop, f.server->address(), srv_query("web"));
  size_t before_it = 0;
  modest.on_answer = [&] { before_it = f.clock.answers; };
  REQUIRE(f.run_until([&] { return greedy.answers == 1500 && modest.answers == 1; }));
  CHECK(f.clock.answers == 1501);
  CHECK(before_it < 750);  // it asked behind them, and was not served behind them
}

TEST_CASE("dns server: who asks much by many connections has one client's share, and each of them has its turn") {
  ServerFixture f(1, "::");
  const uint16_t port = f.server->address().port;
  std::list<Client> greedy;
  for (int i = 0; i < 50; ++i) {
    greedy.emplace_back(f.loop, SocketAddress{IpAddress::parse("127.0.0.1").value(), port},
                        repeat(srv_query("web"), 100));
  }
  Client modest(f.loop, {IpAddress::parse("::1").value(), port}, repeat(srv_query("web"), 100));
  size_t of_the_greedy = 0;
  modest.on_answer = [&] { of_the_greedy = f.clock.answers - modest.answers; };
  const auto is_done = [](const Client& one) { return one.answers == 100; };
  const auto has_some = [](const Client& one) { return one.answers > 0; };
  REQUIRE(f.run_until([&] { return std::ranges::any_of(greedy, is_done); }));
  CHECK(std::ranges::all_of(greedy, has_some));
  REQUIRE(f.run_until([&] { return std::ranges::all_of(greedy, is_done) && is_done(modest); }));
  CHECK(f.clock.answers == 5100);
  CHECK(of_the_greedy < 1000);  // as many as its own 100, and what was answered before it came
}

TEST_CASE("dns server: who does not read is answered as far as the kernel takes it, and on when it reads") {
  constexpr size_t kQueries = 500;
  ServerFixture f(300);  // 15 KB an answer: 7.5 MB in all, of which the server's socket holds some
  Client client(f.loop, connect_with_small_buffer(f.server->address().port), repeat(srv_query("web"), kQueries));
  // Until it stands still.
  size_t last = 0, still = 0;
  REQUIRE(f.run_until([&] {
    still = f.clock.answers == last && last > 0 ? still + 1 : 0;
    last = f.clock.answers;
    return still == 40;
  }));
  CHECK(last < kQueries);
  CHECK_FALSE(client.ended);
  client.stream.start_reading();
  REQUIRE(f.run_until([&] { return client.answers == kQueries || client.ended; }));
  CHECK(client.answers == kQueries);
}

TEST_CASE("dns server: a client that is done asking gets its answers first") {
  ServerFixture f(1);
  Client client(f.loop, f.server->address(), repeat(srv_query("web"), 500));
  REQUIRE(f.run_until([&] { return client.stream.open() && client.answers > 0; }));
  client.stream.write(repeat(srv_query("web"), 500));
  client.stream.end_writing();
  REQUIRE(f.run_until([&] { return client.ended; }));
  CHECK(client.answers == 1000);
}

}  // namespace weir::registry

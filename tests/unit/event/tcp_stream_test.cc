#include "weir/event/tcp_stream.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "catch.h"
#include "weir/event/listener.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

using namespace weir;
using namespace weir::event;

namespace {

/// One end of a connection that notes what happens to it.
struct End final : TcpStream::Observer {
  TcpStream stream;
  std::string got;
  bool connected = false;
  bool ended = false;
  int drained = 0;
  std::string failure;
  std::function<void()> after = [] {};

  void on_connected() override {
    connected = true;
    after();
  }
  void on_read(std::span<char> bytes) override {
    got.append(bytes.data(), bytes.size());
    after();
  }
  void on_read_end() override {
    ended = true;
    after();
  }
  void on_drained() override {
    ++drained;
    after();
  }
  void on_failed(const Error& error) override {
    failure = error.message;
    after();
  }
};

struct Pair {
  Loop loop;
  Timer guard{loop, [this] { loop.stop(); }};
  End client;
  End server;
  std::unique_ptr<Listener> listener;

  Pair() {
    auto made = Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [this](TcpStream stream) {
      server.stream = std::move(stream);
      server.stream.set_observer(server);
      server.stream.start_reading();
      loop.stop();
    });
    REQUIRE(made);
    listener = std::make_unique<Listener>(std::move(*made));
    client.stream = TcpStream::connect(loop, listener->address(), client);
    client.after = [this] { client.stream.start_reading(); };
    run_until([this] { return client.connected && server.stream.open(); });
    client.after = server.after = [] {};
  }
  ~Pair() {
    client.stream = {};
    server.stream = {};
  }
  template <typename Condition>
  void run_until(Condition holds) {
    guard.start_once(10'000);
    for (int turn = 0; turn < 100'000 && !holds(); ++turn) loop.run_ready();
    REQUIRE(holds());
  }
};

}  // namespace

TEST_CASE("tcp: a refused connection is told later, not from within connect") {
  Loop loop;
  SocketAddress nobody;
  {
    auto listener = Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [](TcpStream) {});
    nobody = listener->address();
  }
  End end;
  end.stream = TcpStream::connect(loop, nobody, end);
  CHECK(end.failure.empty());
  end.after = [&] { end.stream = {}; };
  loop.run();
  CHECK(end.failure == "connect: Connection refused");
}

TEST_CASE("tcp: a reset reaches the other side as a failure") {
  Pair pair;
  pair.server.stream.reset();
  pair.run_until([&] { return !pair.client.failure.empty(); });
  CHECK(pair.client.failure == "read: Connection reset by peer");
  CHECK_FALSE(pair.client.ended);
}

TEST_CASE("tcp: pieces written in one callback arrive whole and in order, small and large") {
  Pair pair;
  std::string expected;
  for (size_t size : {1, 100, 5000, 3, 70'000, 40'000, 2}) {
    std::string piece(size, static_cast<char>('a' + size % 26));
    pair.client.stream.write(piece);
    expected += piece;
  }
  pair.client.stream.flush();
  pair.run_until([&] { return pair.server.got.size() >= expected.size(); });
  CHECK(pair.server.got == expected);
}

TEST_CASE("tcp: what the peer does not read is queued, counted, and drained later") {
  Pair pair;
  pair.server.stream.stop_reading();
  std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 16; ++i) pair.client.stream.write(megabyte);
  CHECK(pair.client.stream.queued_bytes() > 0);
  CHECK(pair.client.drained == 0);
  pair.server.stream.start_reading();
  pair.run_until([&] { return pair.server.got.size() == 16 * megabyte.size(); });
  pair.run_until([&] { return pair.client.drained > 0; });
  CHECK(pair.client.stream.queued_bytes() == 0);
}

TEST_CASE("tcp: end_writing sends FIN after the queue and the other direction stays open") {
  Pair pair;
  std::string big(8 << 20, 'y');
  pair.client.stream.write(big);
  pair.client.stream.end_writing();
  pair.run_until([&] { return pair.server.ended; });
  CHECK(pair.server.got.size() == big.size());
  pair.server.stream.write("late answer");
  pair.server.stream.flush();
  pair.run_until([&] { return pair.client.got == "late answer"; });
}

TEST_CASE("tcp: a graceful close lets a peer that is still sending read the last answer") {
  Pair pair;
  pair.server.after = [&] {
    if (!pair.server.stream.open()) return;
    pair.server.stream.write("413 too much");
    pair.server.stream.close_gracefully();
  };
  for (int i = 0; i < 64; ++i) pair.client.stream.write(std::string(100'000, 'z'));
  pair.run_until([&] { return pair.client.ended; });
  CHECK(pair.client.got == "413 too much");
  CHECK(pair.client.failure.empty());
}

TEST_CASE("tcp: nothing is waited for from a peer that is done, and all that was written still reaches it") {
  Pair pair;
  std::string last(GENERATE(size_t{10}, size_t{16} << 20), 'l');
  pair.server.stream.write(last);
  pair.server.stream.close_gracefully(TcpStream::Peer::is_done);
  pair.run_until([&] { return pair.client.ended; });
  CHECK(pair.client.got.size() == last.size());
  if (last.size() > 10) return;  // what is queued is lingered for as ever
  pair.run_until([&] {
    pair.client.stream.write("it was not");
    pair.client.stream.flush();
    return !pair.client.failure.empty();
  });
}

TEST_CASE("tcp: a peer that has ended its half, and reads slowly, gets all that was written before a graceful close") {
  Pair pair;
  const auto knows = GENERATE(TcpStream::Peer::is_done, TcpStream::Peer::may_send);
  const bool ended_before = GENERATE(true, false);
  pair.client.stream.stop_reading();
  if (ended_before) pair.client.stream.end_writing();
  std::string last(16 << 20, 'l');
  pair.server.stream.write(last);
  pair.server.stream.close_gracefully(knows);
  for (int i = 0; i < 20; ++i) pair.loop.run_ready();
  if (!ended_before) pair.client.stream.end_writing();
  for (int i = 0; i < 20; ++i) pair.loop.run_ready();
  pair.client.stream.start_reading();
  pair.run_until([&] { return pair.client.ended || !pair.client.failure.empty(); });
  CHECK(pair.client.got.size() == last.size());
  CHECK(pair.client.failure.empty());
}

TEST_CASE("tcp: who says that it is done is waited for all the same while bytes of it are unread") {
  Pair pair;
  pair.server.stream.stop_reading();
  pair.client.stream.write("one more");
  pair.client.stream.flush();
  pair.run_until([&] { return pair.client.stream.undelivered_bytes() == 0; });
  pair.server.stream.write("last");
  pair.server.stream.close_gracefully(TcpStream::Peer::says_done);
  pair.run_until([&] { return pair.client.ended || !pair.client.failure.empty(); });
  CHECK(pair.client.got == "last");
  CHECK(pair.client.failure.empty());
}

TEST_CASE("tcp: what a client has sent by the time it is accepted is read at once, and what follows as ever") {
  enum class Then {
    read_on,
    stop,
    destroy,
    refuse
  } then = GENERATE(Then::read_on, Then::stop, Then::destroy, Then::refuse);
  Loop loop;
  End server;
  bool accepted = false;
  auto listener = Listener::listen(loop, {SocketAddress::parse("127.0.0.1:0").value()}, [&](TcpStream stream) {
    accepted = true;
    server.stream = std::move(stream);
    if (then == Then::refuse) {
      server.stream.write("no");
      return server.stream.close_gracefully();
    }
    server.stream.set_observer(server);
    server.stream.start_reading();
    server.after = [&] {
      if (then == Then::stop) server.stream.stop_reading();
      if (then == Then::destroy) server.stream = {};
    };
  });
  REQUIRE(listener);
  int client = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_storage address{};
  listener->address().to_sockaddr(address);
  REQUIRE(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof(sockaddr_in)) == 0);
  REQUIRE(::send(client, "early", 5, 0) == 5);
  Timer guard(loop, [&] { FAIL("not in time"); });
  guard.start_once(10'000);
  while (!accepted || (then != Then::refuse && server.got.empty())) loop.run_ready();
  std::string got(16, '\0');
  if (then == Then::refuse || then == Then::destroy) {
    got.resize(static_cast<size_t>(std::max<ssize_t>(0, ::recv(client, got.data(), got.size(), 0))));
    CHECK(got == (then == Then::refuse ? "no" : ""));
  } else {
    REQUIRE(::send(client, " late", 5, 0) == 5);
    for (int i = 0; then == Then::stop && i < 10; ++i) loop.run_ready();
    if (then == Then::stop) CHECK(server.got == "early");
    server.after = [] {};
    server.stream.start_reading();
    while (server.got.size() < 10) loop.run_ready();
    CHECK(server.got == "early late");
  }
  ::close(client);
  server.stream = {};
}

TEST_CASE("tcp: a stream may be destroyed in any of its callbacks") {
  Pair pair;
  pair.server.after = [&] { pair.server.stream = {}; };
  pair.client.stream.write("bye");
  pair.client.stream.flush();
  pair.run_until([&] { return pair.client.ended || !pair.client.failure.empty(); });
  CHECK(pair.server.got == "bye");
}

TEST_CASE("tcp: what the peer said before it reset us is read before the failure is told") {
  Pair pair;
  pair.client.stream.write(std::string(1000, 'x'));  // unread when the server closes: its close becomes a reset
  pair.client.stream.flush();
  pair.server.stream.stop_reading();
  pair.server.stream.write("413 early");
  pair.server.stream.flush();
  pair.server.stream = {};
  pair.run_until([&] {
    pair.client.stream.write("more");
    pair.client.stream.flush();
    return !pair.client.failure.empty();
  });
  CHECK(pair.client.got == "413 early");
  CHECK_FALSE(pair.client.ended);
}

TEST_CASE("tcp: after a graceful close a slow reader still gets all of it") {
  Pair pair;
  pair.client.stream.stop_reading();
  std::string big(16 << 20, 's');
  pair.server.stream.write(big);
  pair.server.stream.close_gracefully();
  pair.loop.skip_ms(TcpStream::kLingerMs + 200);
  pair.client.stream.start_reading();
  pair.run_until([&] { return pair.client.ended || !pair.client.failure.empty(); });
  CHECK(pair.client.got.size() == big.size());
  CHECK(pair.client.ended);
}

TEST_CASE("tcp: after a graceful close a peer that takes nothing is let go") {
  Pair pair;
  pair.client.stream.stop_reading();
  std::string big(64 << 20, 's');  // more than a kernel takes
  pair.server.stream.write(big);
  pair.server.stream.close_gracefully();
  // More than once: a kernel that is busy takes a part of it late, which is progress.
  for (int look = 0; look < 5; ++look) {
    pair.loop.skip_ms(TcpStream::kLingerStallMs + 200);
    pair.loop.run_ready();
  }
  pair.client.stream.start_reading();
  pair.run_until([&] { return pair.client.ended || !pair.client.failure.empty(); });
  CHECK(pair.client.got.size() < big.size());
  CHECK_FALSE(pair.client.ended);  // or what it has would pass for all of it
}

TEST_CASE("tcp: what a stream keeps goes with its socket, which may linger") {
  struct Flag final : TcpStream::Kept {
    explicit Flag(bool& its_gone) : gone(its_gone) {}
    ~Flag() override { gone = true; }
    bool& gone;
  };
  enum class End { lingers, loop_ends_it, closes, resets };
  for (End end : {End::lingers, End::loop_ends_it, End::closes, End::resets}) {
    Pair pair;
    bool gone = false;
    pair.server.stream.keep(std::make_unique<Flag>(gone));
    pair.server.stream.write("last");
    if (end == End::resets) pair.server.stream.reset();
    if (end == End::closes) pair.server.stream = {};
    if (end == End::lingers || end == End::loop_ends_it) {
      pair.server.stream.close_gracefully();
      pair.run_until([&] { return pair.client.ended; });
      CHECK_FALSE(gone);
      if (end == End::lingers) pair.client.stream = {};
      if (end == End::loop_ends_it) pair.loop.close_lingering();
    }
    pair.run_until([&] { return gone; });
  }
}

TEST_CASE("tcp: a loop that ends with something queued for a peer resets it") {
  Pair pair;
  pair.client.stream.stop_reading();
  pair.server.stream.write(std::string(16 << 20, 's'));
  pair.server.stream.close_gracefully();
  pair.loop.close_lingering();
  pair.client.stream.start_reading();
  pair.run_until([&] { return pair.client.ended || !pair.client.failure.empty(); });
  CHECK_FALSE(pair.client.ended);
}

TEST_CASE("tcp: a reset right behind data is a failure, not an end") {
  Pair pair;
  pair.client.stream.write("half of it");
  pair.client.stream.flush();
  pair.client.stream.reset();
  pair.run_until([&] { return pair.server.ended || !pair.server.failure.empty(); });
  CHECK(pair.server.got == "half of it");
  CHECK_FALSE(pair.server.ended);
}

TEST_CASE("tcp: an owner can ask whether there is more than one read has brought") {
  Pair pair;
  std::vector<bool> more;
  pair.server.stream.read_at_most(4);
  pair.server.after = [&] { more.push_back(pair.server.stream.more_waits()); };
  pair.client.stream.write("abcdefgh");
  pair.client.stream.flush();
  pair.run_until([&] { return pair.server.got == "abcdefgh"; });
  CHECK(more == std::vector<bool>{true, false});
  more.clear();
  pair.client.stream.write("ij");
  pair.run_until([&] { return pair.server.got == "abcdefghij"; });
  CHECK(more == std::vector<bool>{false});
}

TEST_CASE("tcp: who does not read hears of a reset at once when it asked to, and of an end only when it reads on") {
  Pair pair;
  pair.server.stream.stop_reading();
  pair.server.stream.watch_for_reset();
  pair.client.stream.write("unread");
  SECTION("reset") {
    pair.client.stream.flush();
    pair.client.stream.reset();
    pair.run_until([&] { return !pair.server.failure.empty(); });
    CHECK(pair.server.got.empty());
    CHECK_FALSE(pair.server.ended);
  }
  SECTION("end") {
    pair.client.stream.end_writing();
    pair.server.stream.write("answer");
    pair.client.stream.start_reading();
    pair.run_until([&] { return pair.client.got == "answer"; });
    CHECK((pair.server.failure.empty() && !pair.server.ended));
    pair.server.stream.start_reading();
    pair.run_until([&] { return pair.server.ended; });
    CHECK(pair.server.got == "unread");
  }
  SECTION("both halves ended") {
    pair.client.stream.end_writing();
    pair.server.stream.end_writing();
    pair.client.stream.start_reading();
    pair.run_until([&] { return pair.client.ended; });
    pair.server.stream.start_reading();
    pair.run_until([&] { return pair.server.ended; });
    CHECK((pair.server.failure.empty() && pair.server.got == "unread"));
  }
}

TEST_CASE("tcp: what goes behind a piece stays behind it, sent at once, gathered or queued") {
  Pair pair;
  std::string expected;
  pair.server.stream.stop_reading();
  for (size_t size : {10, 40'000, 32'766, 32'768, 8'000'000, 5, 8'000'000}) {
    std::string piece(size, static_cast<char>('a' + size % 26));
    pair.client.stream.write(piece, "--");
    expected += piece + "--";
  }
  pair.client.stream.flush();
  CHECK(pair.client.stream.queued_bytes() > 0);
  pair.server.stream.start_reading();
  pair.run_until([&] { return pair.server.got.size() >= expected.size(); });
  CHECK(pair.server.got == expected);
}

// Bytes that go from one stream to another through a pipe: whole, in order, however slowly they are taken.

#include "weir/event/pipe.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "catch.h"
#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/timer.h"

using namespace weir;
using namespace weir::event;

namespace {

constexpr size_t kMuch = 24 << 20;  // more than the kernel's buffers of two connections and a pipe hold

/// The two ends of a connection over loopback, neither of which waits.
std::array<int, 2> connection() {
  int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0);
  REQUIRE(::listen(listener, 1) == 0);
  REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  int one = ::socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(::connect(one, reinterpret_cast<sockaddr*>(&address), length) == 0);
  int other = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  REQUIRE(other >= 0);
  ::close(listener);
  ::fcntl(one, F_SETFL, O_NONBLOCK);
  return {one, other};
}

std::string pattern(size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>('a' + (i * 31 + i / 4096) % 26);
  return out;
}

/// What a test writes into, the two streams between which bytes go on, and what comes out.
struct Relay final : TcpStream::Observer {
  struct Out final : TcpStream::Observer {
    explicit Out(Relay& its_relay) : relay(its_relay) {}
    void on_read(std::span<char>) override {}
    void on_read_end() override {}
    void on_drained() override {
      ++drained;
      if (relay.in.open() && !relay.ended) relay.in.start_reading();
    }
    void on_failed(const Error& error) override { failure = error.message; }

    Relay& relay;
    int drained = 0;
    std::string failure;
  };

  Loop loop;
  int source = -1;
  int sink = -1;
  TcpStream in;
  TcpStream out;
  Out out_observer{*this};
  size_t copied = 0;  // bytes that came by on_read
  size_t piped = 0;
  bool ended = false;
  bool pauses = true;
  std::string unsent;  // of the source
  std::string arrived;

  Relay() {
    auto [far_in, near_in] = connection();
    auto [far_out, near_out] = connection();
    source = far_in;
    sink = far_out;
    in = TcpStream::adopt(loop, near_in);
    out = TcpStream::adopt(loop, near_out);
    in.set_observer(*this);
    out.set_observer(out_observer);
    in.start_reading();
  }
  ~Relay() {
    in = {};
    out = {};
    if (source >= 0) ::close(source);
    if (sink >= 0) ::close(sink);
  }

  void on_read(std::span<char> bytes) override {
    copied += bytes.size();
    out.write({bytes.data(), bytes.size()});
    pause();
  }
  void on_piped(Pipe& pipe) override {
    piped += pipe.size();
    out.write_piped(pipe);
    pause();
  }
  void on_read_end() override { ended = true; }
  void on_drained() override {}
  void on_failed(const Error&) override { ended = true; }
  void pause() {
    if (pauses && out.queued_bytes() > 0) in.stop_reading();
  }

  void push() {
    ssize_t taken = unsent.empty() ? 0 : ::send(source, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (taken > 0) unsent.erase(0, static_cast<size_t>(taken));
  }
  void pull() {
    char buffer[64 * 1024];
    for (ssize_t got; (got = ::recv(sink, buffer, sizeof buffer, 0)) > 0;) {
      arrived.append(buffer, static_cast<size_t>(got));
    }
  }
  template <typename Condition>
  void run_until(Condition holds, bool take = true) {
    Timer guard(loop, [] {});
    guard.start_once(20'000);
    while (!holds() && guard.active()) {
      push();
      loop.run_ready();
      if (take) pull();
    }
    REQUIRE(holds());
  }
  /// As much as goes while nobody takes anything.
  void fill() {
    run_until([&] { return out.queued_bytes() > 0; }, false);
  }
};

}  // namespace

TEST_CASE("pipe: so many bytes as were asked for go through it, what follows is read as ever, and all is in order") {
  Relay relay;
  std::string all = pattern(kMuch);
  relay.unsent = all;
  relay.in.pipe_next(kMuch - 1000);
  relay.run_until([&] { return relay.arrived.size() == kMuch; });
  CHECK(relay.arrived == all);
  CHECK(relay.piped == kMuch - 1000);
  CHECK(relay.copied == 1000);
}

TEST_CASE("pipe: what its peer does not take waits in it, is counted, and what is written then goes behind it") {
  Relay relay;
  std::string all = pattern(kMuch);
  relay.unsent = all;
  relay.out.write("first ");
  relay.in.pipe_next(kMuch);
  relay.fill();
  size_t waiting = relay.out.queued_bytes();
  CHECK(waiting <= Pipe::kBytes);
  CHECK_FALSE(relay.in.reading());
  for (int i = 0; i < 100; ++i) relay.loop.run_ready();
  CHECK(relay.out.queued_bytes() == waiting);
  CHECK(relay.out_observer.drained == 0);
  relay.out.write(" last");
  relay.out.flush();
  CHECK(relay.out.queued_bytes() == waiting + 5);
  size_t moved = relay.piped;
  relay.pauses = true;
  relay.run_until([&] { return relay.arrived.size() == kMuch + 11; });
  CHECK(relay.arrived == "first " + all.substr(0, moved) + " last" + all.substr(moved));
  CHECK(relay.out_observer.drained > 0);
}

TEST_CASE("pipe: who goes on reading while one waits makes it copy, and nothing is out of order") {
  Relay relay;
  relay.pauses = false;
  std::string all = pattern(kMuch);
  relay.unsent = all;
  relay.in.pipe_next(kMuch);
  relay.run_until([&] { return relay.unsent.empty() && relay.piped == kMuch; }, false);
  CHECK(relay.out.queued_bytes() > Pipe::kBytes);
  relay.run_until([&] { return relay.arrived.size() == kMuch; });
  CHECK(relay.arrived == all);
}

TEST_CASE("pipe: a graceful close sends what waits in it, and then FIN") {
  Relay relay;
  std::string all = pattern(kMuch);
  relay.unsent = all;
  relay.in.pipe_next(kMuch);
  relay.fill();
  size_t moved = relay.piped;
  relay.out.close_gracefully();
  relay.run_until([&] { return relay.arrived.size() == moved; });
  CHECK(relay.arrived == all.substr(0, moved));
  relay.run_until([&] {
    char byte;
    return ::recv(relay.sink, &byte, 1, MSG_PEEK) == 0;
  });
}

TEST_CASE("pipe: end_writing sends FIN behind what waits in it") {
  Relay relay;
  relay.unsent = pattern(kMuch);
  relay.in.pipe_next(kMuch);
  relay.fill();
  size_t moved = relay.piped;
  relay.in.stop_reading();
  relay.out.end_writing();
  relay.in = {};
  relay.run_until([&] { return relay.arrived.size() == moved; });
  relay.run_until([&] {
    char byte;
    return ::recv(relay.sink, &byte, 1, MSG_PEEK) == 0;
  });
}

TEST_CASE("pipe: a peer that resets while bytes wait for it is told, read from or not, watched for it or not") {
  for (bool watched : {false, true}) {
    Relay relay;
    relay.unsent = pattern(kMuch);
    relay.in.pipe_next(kMuch);
    relay.fill();
    if (watched) relay.out.watch_for_reset();
    linger at_once{1, 0};
    ::setsockopt(relay.sink, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(relay.sink, -1));
    relay.run_until([&] { return !relay.out_observer.failure.empty(); }, false);
    CHECK(relay.out.queued_bytes() == 0);
  }
}

TEST_CASE("pipe: a reset is heard after the pipe has emptied, by who asked while it had not") {
  Relay relay;
  relay.unsent = pattern(kMuch);
  relay.in.pipe_next(kMuch);
  relay.fill();
  relay.out.watch_for_reset();
  relay.run_until([&] { return relay.arrived.size() == kMuch; });
  CHECK(relay.out_observer.failure.empty());
  linger at_once{1, 0};
  ::setsockopt(relay.sink, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(relay.sink, -1));
  relay.run_until([&] { return !relay.out_observer.failure.empty(); }, false);
}

TEST_CASE("pipe: a source that ends or breaks within what was asked for is told as ever") {
  for (bool reset : {false, true}) {
    Relay relay;
    relay.unsent = pattern(100'000);
    relay.in.pipe_next(kMuch);
    relay.run_until([&] { return relay.arrived.size() == 100'000; });
    CHECK_FALSE(relay.ended);
    linger at_once{reset ? 1 : 0, 0};
    ::setsockopt(relay.source, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(relay.source, -1));
    relay.run_until([&] { return relay.ended; }, false);
  }
}

TEST_CASE("pipe: where no descriptors are left bytes are copied") {
  Relay relay;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  int next = ::dup(0);
  ::close(next);
  rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  std::string all = pattern(1 << 20);
  relay.unsent = all;
  relay.in.pipe_next(all.size());
  relay.run_until([&] { return relay.arrived.size() == all.size(); });
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(relay.arrived == all);
  CHECK(relay.piped == 0);
  CHECK(relay.copied == all.size());
}

TEST_CASE("pipe: its text can be had by who cannot pass it on, and the pool goes on") {
  Loop loop;
  auto [far, near] = connection();
  std::string sent = pattern(1000);
  REQUIRE(::send(far, sent.data(), sent.size(), MSG_NOSIGNAL) == 1000);
  Pipe* pipe = loop.pipes().for_reading();
  REQUIRE(pipe != nullptr);
  CHECK(pipe->fill(near, 999) == 999);
  CHECK(pipe->text() == sent.substr(0, 999));
  CHECK(pipe->size() == 0);
  CHECK(pipe->fill(near, 10) == 1);
  REQUIRE(loop.pipes().for_reading() != nullptr);  // with a byte in it that nobody wanted, it is another
  CHECK(loop.pipes().for_reading()->size() == 0);
  CHECK(loop.pipes().for_reading()->fill(near, 10) == -EAGAIN);
  ::close(far);
  ::close(near);
}

TEST_CASE("pipe: so many may be kept with bytes that wait, at the limit and one above") {
  PipePool pool;
  std::vector<std::unique_ptr<Pipe>> kept;
  for (size_t i = 0; i < PipePool::kKeptMax; ++i) {
    REQUIRE(pool.for_reading() != nullptr);
    kept.push_back(pool.keep());
  }
  CHECK(pool.for_reading() == nullptr);
  pool.give_back(std::move(kept.back()));
  CHECK(pool.for_reading() != nullptr);
}

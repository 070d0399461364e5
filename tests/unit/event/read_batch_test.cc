#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "event/read_batch.h"
#include "weir/event/listener.h"
#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/timer.h"

using namespace weir;
using namespace weir::event;

namespace {

/// A stream and the socket of its peer.
struct Reader final : TcpStream::Observer {
  explicit Reader(Loop& loop) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    stream = TcpStream::adopt(loop, ends[0]);
    peer = ends[1];
    stream.set_observer(*this);
    stream.start_reading();
  }
  ~Reader() {
    if (peer >= 0) ::close(peer);
  }
  void send(std::string_view bytes) const {
    REQUIRE(::send(peer, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  void end() { ::close(std::exchange(peer, -1)); }

  void on_connected() override {}
  void on_read(std::span<char> bytes) override {
    got.append(bytes.data(), bytes.size());
    std::exchange(then, [] {})();
  }
  void on_read_end() override { got += "(end)"; }
  void on_drained() override {}
  void on_failed(const Error& error) override { got += "(" + error.message + ")"; }

  TcpStream stream;
  int peer = -1;
  std::string got;
  std::function<void()> then = [] {};  // once
};

/// Three in a loop: whichever hears first does something to the others, who have been read as well by then.
struct Three {
  Loop loop;
  std::vector<std::unique_ptr<Reader>> readers;

  Three() {
    for (int i = 0; i < 3; ++i) readers.push_back(std::make_unique<Reader>(loop));
    loop.run_ready();
  }
  ~Three() { readers.clear(); }
  /// All send, and the first to hear does that to another one, which is returned.
  Reader& first_does_to_another(const std::function<void(Reader&)>& what) {
    Reader* other = nullptr;
    for (auto& reader : readers) {
      reader->then = [&, self = reader.get()] {
        if (other != nullptr) return;
        other = self == readers[0].get() ? readers[1].get() : readers[0].get();
        what(*other);
      };
      reader->send("one");
    }
    loop.run_ready();
    for (auto& reader : readers) reader->then = [] {};
    REQUIRE(other != nullptr);
    return *other;
  }
};

}  // namespace

TEST_CASE("read batch: all that a turn brings is read before any of it is worked off") {
  Three three;
  Reader& other = three.first_does_to_another([](Reader& reader) { reader.send("two"); });
  for (auto& reader : three.readers) CHECK(reader->got == "one");
  three.loop.run_ready();
  CHECK(other.got == "onetwo");
}

TEST_CASE("read batch: who stops reading meanwhile hears it when reading goes on, before what came later") {
  Three three;
  Reader& other = three.first_does_to_another([](Reader& reader) { reader.stream.stop_reading(); });
  other.send("two");
  other.end();
  for (int turn = 0; turn < 3; ++turn) three.loop.run_ready();
  CHECK(other.got.empty());
  other.stream.start_reading();
  for (int turn = 0; turn < 5; ++turn) three.loop.run_ready();
  CHECK(other.got == "onetwo(end)");
}

TEST_CASE("read batch: who stops and goes on within the turn misses nothing") {
  Three three;
  Reader& other = three.first_does_to_another([](Reader& reader) {
    reader.stream.stop_reading();
    reader.stream.start_reading();
  });
  CHECK(other.got == "one");
}

TEST_CASE("read batch: a stream that is gone meanwhile hears nothing, the others do") {
  for (auto* let_go :
       {+[](Reader& reader) { reader.stream = TcpStream(); }, +[](Reader& reader) { reader.stream.reset(); },
        +[](Reader& reader) { reader.stream.close_gracefully(); },
        +[](Reader& reader) { reader.stream.close_gracefully(TcpStream::Peer::says_done); }}) {
    Three three;
    Reader& other = three.first_does_to_another(let_go);
    CHECK(other.got.empty());
    for (auto& reader : three.readers) {
      if (reader.get() != &other) CHECK(reader->got == "one");
    }
  }
}

TEST_CASE("read batch: a peer's end comes behind its bytes") {
  Three three;
  for (auto& reader : three.readers) {
    reader->send("last");
    reader->end();
  }
  for (int turn = 0; turn < 3; ++turn) three.loop.run_ready();
  for (auto& reader : three.readers) CHECK(reader->got == "last(end)");
}

TEST_CASE("read batch: more streams and more bytes than it holds come whole and in order") {
  Loop loop;
  std::vector<std::unique_ptr<Reader>> readers;
  for (size_t i = 0; i < 3 * ReadBatch::kEntriesMax; ++i) readers.push_back(std::make_unique<Reader>(loop));
  loop.run_ready();
  // Empty reads do not count, tiny ones fill its entries, long ones its bytes.
  auto text_of = [&](size_t i) {
    return std::string(i % 3 == 0 ? 1 : i % 3 == 1 ? 700 : 20'000, static_cast<char>(i));
  };
  for (size_t i = 0; i < readers.size(); ++i) readers[i]->send(text_of(i));
  for (int turn = 0; turn < 4; ++turn) loop.run_ready();
  for (size_t i = 0; i < readers.size(); ++i) CHECK(readers[i]->got == text_of(i));
  readers.clear();
}

TEST_CASE("read batch: what was posted is done before what was read is worked off") {
  Loop loop;
  Reader reader(loop);
  reader.then = [&] { loop.stop(); };
  Timer before(loop, [&] {
    reader.send("read");
    loop.post_unhurried([&] { reader.got += "posted, "; });
  });
  before.start_once(0);
  loop.run();
  CHECK(reader.got == "posted, read");
}

TEST_CASE("read batch: what was posted is done before what an accepted connection has brought along is") {
  Loop loop;
  Reader reader(loop);
  auto listener = Listener::listen(loop, {.address = *SocketAddress::parse("127.0.0.1:0")}, [&](TcpStream accepted) {
    reader.stream = std::move(accepted);
    reader.stream.set_observer(reader);
    reader.stream.start_reading();
  });
  REQUIRE(listener);
  loop.run_ready();
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(listener->address().port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
  REQUIRE(::send(client, "read", 4, 0) == 4);
  loop.post_unhurried([&] { reader.got += "posted, "; });
  for (int turn = 0; turn < 3; ++turn) loop.run_ready();
  CHECK(reader.got == "posted, read");
  ::close(client);
}

namespace {

/// A loop that looks, though nothing comes.
struct Waking {
  Loop loop;
  Timer alive{loop, [] {}};

  Waking() {
    alive.start_once(60'000);
    loop.run_ready();
  }
  bool is_woken() {
    pollfd waiting{uv_backend_fd(loop.raw()), POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
  }
};

}  // namespace

TEST_CASE("loop: what is posted by what was posted finds the loop awake, also where a full batch took the turn") {
  Waking waking;
  Loop& loop = waking.loop;
  bool done = false;
  auto fill = [&] {
    loop.post([&] { loop.post([&] { done = true; }); });
    loop.reads().deliver();  // as a batch that is full does, in the midst of what the poll told
  };
  int filled = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  uv_poll_t full;
  full.data = &fill;
  REQUIRE(uv_poll_init(loop.raw(), &full, filled) == 0);
  uv_poll_start(&full, UV_READABLE, [](uv_poll_t* handle, int, int) {
    uv_poll_stop(handle);
    (*static_cast<decltype(fill)*>(handle->data))();
  });
  loop.run_ready();
  ::eventfd_write(filled, 1);
  loop.post([] {});  // so the poll tells of the wake-up as well, and behind the batch
  loop.run_ready();
  CHECK_FALSE(done);
  CHECK(waking.is_woken());
  loop.run_ready();
  CHECK(done);
  uv_close(reinterpret_cast<uv_handle_t*>(&full), nullptr);
  loop.run_ready();
  CHECK_FALSE(waking.is_woken());
  ::close(filled);
}

TEST_CASE("loop: who is not in a hurry wakes nobody, and keeps the order of posts") {
  Waking waking;
  Loop& loop = waking.loop;
  const auto is_woken = [&] { return waking.is_woken(); };
  std::string order;
  loop.post_unhurried([&] { order += "a"; });
  CHECK(!is_woken());
  loop.post([&] { order += "b"; });
  CHECK(is_woken());
  loop.post_unhurried([&] { order += "c"; });
  loop.run_ready();
  CHECK(order == "abc");
  CHECK(!is_woken());
}

#include "weir/event/poller.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "catch.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

using namespace weir::event;

namespace {

/// One end of a socket pair that is watched; `other` is the peer's.
struct Watched final : Poller::Watcher {
  explicit Watched(Loop& its_loop, uint32_t events = EPOLLIN) : loop(its_loop) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    fd = ends[0];
    other = ends[1];
    REQUIRE(loop.poller().add(fd, *this, events, Poller::Keeps::nothing));
  }
  ~Watched() {
    close();
    ::close(other);
  }
  void close() {
    if (fd < 0) return;
    loop.poller().forget(fd);
    ::close(std::exchange(fd, -1));
  }
  void speak() const { REQUIRE(::write(other, "x", 1) == 1); }
  void on_ready(uint32_t events) override {
    told.push_back(events);
    then();
  }
  Loop& loop;
  int fd = -1;
  int other = -1;
  std::vector<uint32_t> told;
  std::function<void()> then = [] {};
};

void some_turns(Loop& loop) {
  for (int turn = 0; turn < 10; ++turn) loop.run_ready();
}

}  // namespace

TEST_CASE("poller: who has something is told, the others are not") {
  Loop loop;
  Watched speaks(loop), silent(loop);
  speaks.speak();
  speaks.then = [&] { loop.poller().remove(speaks.fd); };
  some_turns(loop);
  CHECK(speaks.told == std::vector<uint32_t>{EPOLLIN});
  CHECK(silent.told.empty());
}

TEST_CASE("poller: an edge is told once, and again to whoever asks for it") {
  Loop loop;
  Watched watched(loop, EPOLLIN | EPOLLET);
  watched.speak();
  some_turns(loop);
  CHECK(watched.told == std::vector<uint32_t>{EPOLLIN});
  watched.then = [&] {
    if (watched.told.size() < 4) loop.poller().again(watched.fd);
  };
  loop.poller().again(watched.fd);
  loop.poller().again(watched.fd);
  loop.run_ready();
  CHECK(watched.told == std::vector<uint32_t>{EPOLLIN, 0});
  some_turns(loop);
  CHECK(watched.told == std::vector<uint32_t>{EPOLLIN, 0, 0, 0});
}

TEST_CASE("poller: who is taken out by another that is told with it hears nothing") {
  Loop loop;
  Watched first(loop), second(loop);
  first.then = [&] {
    loop.poller().remove(first.fd);
    second.close();
  };
  second.then = [&] {
    loop.poller().remove(second.fd);
    first.close();
  };
  first.speak();
  second.speak();
  some_turns(loop);
  CHECK(first.told.size() + second.told.size() == 1);
}

TEST_CASE("poller: who gets the number of a closed descriptor hears nothing of its past") {
  Loop loop;
  Watched first(loop), second(loop), heir(loop);
  loop.poller().remove(heir.fd);
  auto replace = [&](Watched& self, Watched& other) {
    loop.poller().remove(self.fd);
    int number = other.fd;
    loop.poller().again(number);
    int copy = ::fcntl(number, F_DUPFD_CLOEXEC, 0);  // as a child has it that is being started
    other.close();
    REQUIRE(::dup2(heir.fd, number) == number);
    ::close(std::exchange(heir.fd, number));
    REQUIRE(loop.poller().add(number, heir, EPOLLIN, Poller::Keeps::nothing));
    self.then = other.then = [] {};
    loop.run_ready();
    ::close(copy);
  };
  first.then = [&] { replace(first, second); };
  second.then = [&] { replace(second, first); };
  first.speak();
  second.speak();
  some_turns(loop);
  CHECK(first.told.size() + second.told.size() == 1);
  CHECK(heir.told.empty());
  heir.speak();
  heir.then = [&] { loop.poller().remove(heir.fd); };
  some_turns(loop);
  CHECK(heir.told == std::vector<uint32_t>{EPOLLIN});
}

TEST_CASE("poller: a loop runs on for those that keep it running") {
  Loop loop;
  Watched idle(loop);
  loop.run();
  CHECK(idle.told.empty());
  loop.poller().remove(idle.fd);
  REQUIRE(loop.poller().add(idle.fd, idle, EPOLLIN));
  idle.then = [&] { loop.poller().remove(idle.fd); };
  Timer speaks(loop, [&] { idle.speak(); });
  speaks.set_background();
  speaks.start_once(1);
  loop.run();
  CHECK(idle.told.size() == 1);
}

TEST_CASE("poller: what has no memory for one more says so") {
  Loop loop;
  Watched watched(loop);
  int closed = ::dup(watched.other);
  ::close(closed);
  CHECK_FALSE(loop.poller().add(closed, watched, EPOLLIN));
  CHECK(errno == EBADF);
}

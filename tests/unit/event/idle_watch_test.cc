#include "weir/event/idle_watch.h"

#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "catch.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

using namespace weir::event;

namespace {

/// One end of a socket pair that sleeps; `other` is the peer's.
struct Sleeping final : IdleWatch::Sleeper {
  explicit Sleeping(Loop& its_loop) : loop(its_loop) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    fd = ends[0];
    other = ends[1];
    REQUIRE(loop.idle_watch().add(fd, *this));
  }
  ~Sleeping() {
    ::close(fd);
    if (other >= 0) ::close(other);
  }
  void on_awake() override {
    ++awake;
    loop.idle_watch().remove(fd);
    if (removes != nullptr) loop.idle_watch().remove(removes->fd);
  }
  Loop& loop;
  int fd = -1;
  int other = -1;
  int awake = 0;
  Sleeping* removes = nullptr;
};

}  // namespace

TEST_CASE("idle watch: whose peer speaks or closes is woken once, others sleep on") {
  Loop loop;
  Timer keeps_running(loop, [] {});  // sleepers alone do not
  keeps_running.start_once(60'000);
  Sleeping speaks(loop), closes(loop), silent(loop);
  REQUIRE(::write(speaks.other, "x", 1) == 1);
  ::close(closes.other);
  closes.other = -1;
  for (int turn = 0; turn < 10; ++turn) loop.run_ready();
  CHECK(speaks.awake == 1);
  CHECK(closes.awake == 1);
  CHECK(silent.awake == 0);
}

TEST_CASE("idle watch: who is removed by another that wakes with it hears nothing") {
  Loop loop;
  Timer keeps_running(loop, [] {});
  keeps_running.start_once(60'000);
  Sleeping first(loop), second(loop);
  first.removes = &second;
  second.removes = &first;
  REQUIRE(::write(first.other, "x", 1) == 1);
  REQUIRE(::write(second.other, "x", 1) == 1);
  for (int turn = 0; turn < 10; ++turn) loop.run_ready();
  CHECK(first.awake + second.awake == 1);
}

TEST_CASE("idle watch: a loop with nothing but sleepers ends") {
  Loop loop;
  Sleeping silent(loop);
  loop.run();
  CHECK(silent.awake == 0);
}

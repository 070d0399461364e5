#include "weir/event/loop.h"

#include <thread>

#include "catch.h"
#include "weir/event/resolver.h"
#include "weir/event/timer.h"
#include "weir/event/turn_end.h"

using namespace weir;
using namespace weir::event;

TEST_CASE("loop: tasks posted from another thread run in order on the loop's thread") {
  Loop loop;
  Timer deadline(loop, [&] { loop.stop(); });
  deadline.start_once(10'000);
  std::vector<int> seen;
  auto loop_thread = std::this_thread::get_id();
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      loop.post([&, i] {
        if (std::this_thread::get_id() == loop_thread) seen.push_back(i);
        if (i == 99) loop.stop();
      });
    }
  });
  loop.run();
  other.join();
  REQUIRE(seen.size() == 100);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
}

TEST_CASE("loop: a task posted before run() is not lost") {
  Loop loop;
  bool ran = false;
  loop.post([&] { ran = true; });
  loop.run();
  CHECK(ran);
}

TEST_CASE("loop: a deferred task runs in the same turn and may defer again") {
  Loop loop;
  int depth = 0;
  loop.defer([&] {
    ++depth;
    loop.defer([&] { ++depth; });
  });
  loop.run();
  CHECK(depth == 2);
}

TEST_CASE("turn end: the next turn's comes behind what has come meanwhile, and the loop does not wait for it") {
  struct Late final : TurnEnd {
    explicit Late(std::string& its_order) : order(its_order) {}
    void on_turn_end() override { order += "end "; }
    std::string& order;
  };
  Loop loop;
  Timer alive(loop, [] {});
  alive.start_once(60'000);
  std::string order;
  Late late(order);
  loop.post([&] {
    order += "first ";
    late.request_next_turn_end(loop);
    loop.post([&] {
      order += "second ";
      loop.stop();
    });
  });
  loop.run();  // would wait for the timer
  CHECK(order == "first second end ");
  {
    Late gone(order);
    gone.request_next_turn_end(loop);
  }
  loop.run_ready();
  loop.run_ready();
  CHECK(order == "first second end ");
}

TEST_CASE("timer: one that is destroyed in its own callback does no harm") {
  Loop loop;
  std::unique_ptr<Timer> timer;
  int fired = 0;
  timer = std::make_unique<Timer>(loop, [&] {
    ++fired;
    timer.reset();
  });
  timer->start_every(1);
  loop.run();
  CHECK(fired == 1);
}

TEST_CASE("resolver: literals and localhost names answer, a cancelled look-up stays silent") {
  Loop loop;
  std::vector<std::string> found;
  auto note = [&](Result<std::vector<IpAddress>> result) {
    found.push_back(result ? result->front().text() : "error");
  };
  Lookup literal(loop, "::1", note);
  Lookup local(loop, "frontend.LOCALHOST", note);
  { Lookup cancelled(loop, "127.0.0.9", note); }
  Lookup unknown(loop, "no-such-host.invalid", note);
  loop.run();
  CHECK(found == std::vector<std::string>{"::1", "127.0.0.1", "error"});
}

#include "weir/event/wheel.h"

#include <memory>

#include "catch.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

using namespace weir::event;

namespace {
struct Probe final : Deadline {
  std::function<void()> action;
  ~Probe() override = default;
  void on_deadline() override { action(); }
};
}  // namespace

TEST_CASE("wheel: deadlines fire in time order, never early, and a moved one fires once") {
  Loop loop;
  Timer guard(loop, [&] { loop.stop(); });
  guard.start_once(10'000);
  std::vector<int> order;
  Probe a;
  Probe b;
  Probe moved;
  uint64_t started_ms = loop.now_ms();
  uint64_t moved_ms = 0;
  a.action = [&] { order.push_back(1); };
  b.action = [&] { order.push_back(2); };
  moved.action = [&] {
    order.push_back(3);
    moved_ms = loop.now_ms();
    loop.stop();
  };
  moved.set_deadline(loop, 10);
  moved.set_deadline(loop, 500);
  b.set_deadline(loop, 260);
  a.set_deadline(loop, 5000);
  a.set_deadline(loop, 20);
  loop.run();
  CHECK(order == std::vector<int>{1, 2, 3});
  CHECK(moved_ms - started_ms >= 500);
}

TEST_CASE("wheel: a cleared deadline stays silent and can be set again") {
  Loop loop;
  Timer guard(loop, [&] { loop.stop(); });
  guard.start_once(400);
  Probe probe;
  int fired = 0;
  probe.action = [&] { ++fired; };
  probe.set_deadline(loop, 50);
  probe.clear_deadline();
  loop.run();
  CHECK(fired == 0);
  probe.set_deadline(loop, 1);
  guard.start_once(400);
  loop.run();
  CHECK(fired == 1);
}

TEST_CASE("wheel: one deadline may destroy another of the same slot") {
  Loop loop;
  Timer guard(loop, [&] { loop.stop(); });
  guard.start_once(400);
  auto first = std::make_unique<Probe>();
  auto second = std::make_unique<Probe>();
  int fired = 0;
  first->action = [&] {
    ++fired;
    second.reset();
  };
  second->action = [&] {
    ++fired;
    first.reset();
  };
  first->set_deadline(loop, 10);
  second->set_deadline(loop, 10);
  loop.run();
  CHECK(fired == 1);
}

TEST_CASE("wheel: a deadline set just before the wheel would rest still fires") {
  Loop loop;
  constexpr uint64_t kTurnMs = Wheel::kSlots * Wheel::kTickMs;
  {
    Probe brief;
    brief.set_deadline(loop, 1);
  }
  loop.skip_ms(kTurnMs - 10 * Wheel::kTickMs);
  REQUIRE(loop.wheel().sweeping());
  Probe far;
  int fired = 0;
  far.action = [&] { ++fired; };
  far.set_deadline(loop, 100 * Wheel::kTickMs);
  loop.skip_ms(50 * Wheel::kTickMs);
  CHECK(loop.wheel().sweeping());
  CHECK(fired == 0);
  loop.skip_ms(60 * Wheel::kTickMs);
  CHECK(fired == 1);
  loop.skip_ms(kTurnMs + 10 * Wheel::kTickMs);
  CHECK_FALSE(loop.wheel().sweeping());
}

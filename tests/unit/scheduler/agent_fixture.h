#pragma once
// What the agent's tests share: waiting for a condition with a deadline.

#include <filesystem>
#include <functional>
#include <string>

#include "catch.h"
#include "temporary_folder.h"
#include "weir/base/random.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

namespace weir::scheduler {

/// Runs the loop until `condition` holds; false after `deadline_ms`. Looks again every 5 ms: what is waited for may
/// happen in another process.
inline bool run_until(event::Loop& loop, const std::function<bool()>& condition, uint64_t deadline_ms = 20'000) {
  bool held = condition();
  if (held) return true;
  event::Timer look(loop, [&] {
    held = condition();
    if (held) loop.stop();
  });
  event::Timer give_up(loop, [&] { loop.stop(); });
  look.start_every(5);
  give_up.start_once(deadline_ms);
  loop.run();
  return held;
}

}  // namespace weir::scheduler

#pragma once
// A timer for control paths: checks, back-off, polls. Request deadlines use wheel.h, which costs nothing to re-arm.

#include <cstdint>
#include <functional>

struct uv_timer_s;

namespace weir::event {

class Loop;

/// Calls back on the loop's thread. Owned by value; destroying it cancels. May be restarted or destroyed in its
/// callback.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_time);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start_once(uint64_t delay_ms);
  void start_every(uint64_t period_ms);
  void stop();
  [[nodiscard]] bool active() const;
  /// Lets Loop::run() return although this timer is running.
  void set_background();

 private:
  struct Cell;
  Cell* cell_;  // outlives this object until libuv has closed the handle
};

}  // namespace weir::event

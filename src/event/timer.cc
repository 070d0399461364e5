#include "weir/event/timer.h"

#include <uv.h>

#include "weir/event/loop.h"

namespace weir::event {

/// Owns itself; freed in the close callback.
struct Timer::Cell {
  uv_timer_t timer{};
  Loop& loop;
  std::function<void()> on_time;

  void start(uint64_t delay_ms, uint64_t period_ms);
};

Timer::Timer(Loop& loop, std::function<void()> on_time) : cell_(new Cell{{}, loop, std::move(on_time)}) {
  uv_timer_init(loop.raw(), &cell_->timer);
  cell_->timer.data = cell_;
}

Timer::~Timer() {
  uv_close(reinterpret_cast<uv_handle_t*>(&cell_->timer),
           [](uv_handle_t* handle) { delete static_cast<Cell*>(handle->data); });
}

void Timer::Cell::start(uint64_t delay_ms, uint64_t period_ms) {
  uv_update_time(timer.loop);  // the loop's own time may be old after a long callback
  uv_timer_start(
      &timer,
      // May destroy the Timer; the cell stays until its close callback.
      [](uv_timer_t* fired) { static_cast<Cell*>(fired->data)->on_time(); }, delay_ms, period_ms);
}

void Timer::start_once(uint64_t delay_ms) { cell_->start(delay_ms, 0); }
void Timer::start_every(uint64_t period_ms) { cell_->start(period_ms, period_ms); }
void Timer::stop() { uv_timer_stop(&cell_->timer); }
bool Timer::active() const { return uv_is_active(reinterpret_cast<const uv_handle_t*>(&cell_->timer)) != 0; }
void Timer::set_background() { uv_unref(reinterpret_cast<uv_handle_t*>(&cell_->timer)); }

}  // namespace weir::event

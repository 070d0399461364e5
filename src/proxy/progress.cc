#include "proxy/progress.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "weir/http/session.h"

namespace weir::proxy {

void Progress::begin(uint64_t now_ms) {
  silent_at_ms_ = look_at_ms_ = 0;
  total_at_ms_ = timeouts_.total_ms > 0 ? now_ms + timeouts_.total_ms : 0;
  request_window_at_ms_ = limits_.request_bytes_per_s_min > 0 ? now_ms + timeouts_.rate_window_ms : 0;
  response_window_at_ms_ = limits_.response_bytes_per_s_min > 0 ? now_ms + timeouts_.response_rate_window_ms : 0;
  request_bytes_before_ = response_bytes_before_ = 0;
  undelivered_before_ = 0;
  paused_ = was_paused_ = false;
}

bool Progress::expect_within(uint32_t timeout_ms, uint64_t now_ms) {
  timeout_ms_ = timeout_ms;
  silent_at_ms_ = timeout_ms > 0 ? now_ms + timeout_ms : 0;
  waiting_before_ = std::numeric_limits<size_t>::max();
  return look_at_ms_ == 0 || (silent_at_ms_ != 0 && silent_at_ms_ < look_at_ms_);
}

uint64_t Progress::plan_look(uint64_t now_ms) {
  uint64_t next = kNever;
  for (uint64_t at : {silent_at_ms_, total_at_ms_, request_window_at_ms_, response_window_at_ms_}) {
    if (at != 0) next = std::min(next, at > now_ms ? at - now_ms : 1);
  }
  look_at_ms_ = next == kNever ? 0 : now_ms + next;
  return next;
}

Progress::Verdict Progress::look(uint64_t now_ms, const Sides& sides) {
  look_at_ms_ = 0;
  if (total_at_ms_ != 0 && now_ms >= total_at_ms_) return Verdict::total;
  if (silent_at_ms_ != 0 && now_ms >= silent_at_ms_) {
    if (!still_moving(sides)) return Verdict::silent;
    silent_at_ms_ = now_ms + timeout_ms_;
  }
  if (request_window_at_ms_ != 0 && now_ms >= request_window_at_ms_ && sends_too_slowly(now_ms, sides)) {
    return Verdict::request_slow;
  }
  if (response_window_at_ms_ != 0 && now_ms >= response_window_at_ms_ && reads_too_slowly(now_ms, sides)) {
    return Verdict::response_slow;
  }
  return Verdict::going_on;
}

// Silence is not idleness while a slow reader takes what was queued for it.
bool Progress::still_moving(const Sides& sides) {
  size_t waiting = sides.client != nullptr ? sides.client->undelivered_bytes() : 0;
  if (sides.upstream != nullptr) waiting += sides.upstream->undelivered_bytes();
  return waiting > 0 && waiting < std::exchange(waiting_before_, waiting);
}

bool Progress::sends_too_slowly(uint64_t now_ms, const Sides& sides) {
  uint64_t window_ms = now_ms - request_window_at_ms_ + timeouts_.rate_window_ms;
  uint64_t came = sides.request_bytes - std::exchange(request_bytes_before_, sides.request_bytes);
  bool paused = std::exchange(was_paused_, paused_);
  request_window_at_ms_ = now_ms + timeouts_.rate_window_ms;
  return sides.client_owes && !paused && came * 1000 < window_ms * limits_.request_bytes_per_s_min;
}

bool Progress::reads_too_slowly(uint64_t now_ms, const Sides& sides) {
  uint64_t window_ms = now_ms - response_window_at_ms_ + timeouts_.response_rate_window_ms;
  uint64_t written = sides.response_bytes - std::exchange(response_bytes_before_, sides.response_bytes);
  response_window_at_ms_ = now_ms + timeouts_.response_rate_window_ms;
  // Nothing was on its way and nothing was written: the kernel need not be asked.
  if (sides.client == nullptr || (undelivered_before_ == 0 && written == 0)) return false;
  size_t left = sides.client->undelivered_bytes();
  size_t before = std::exchange(undelivered_before_, left);
  // What waited when the window began is still not gone, so there was something to take all the time.
  uint64_t taken = before + written > left ? before + written - left : 0;
  bool waited_throughout = left > 0 && taken < before;
  return waited_throughout && taken * 1000 < window_ms * limits_.response_bytes_per_s_min;
}

}  // namespace weir::proxy

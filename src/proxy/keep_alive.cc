#include "proxy/keep_alive.h"

#include <algorithm>

namespace weir::proxy {
namespace {

// Shorter ones are failures and restarts: no server waits so little.
constexpr uint64_t kObservedMsMin = 500;
// Two closes nearer to each other than this have one cause.
constexpr uint64_t kTogetherMs = 100;
// What was seen is forgotten after this: an endpoint may come back with other settings, and one that is given up early
// shows nothing new.
constexpr uint64_t kObservedForMs = 600'000;
// Time for our last request to reach the upstream before its limit.
constexpr uint64_t kMarginMsMin = 200;
constexpr uint64_t kMarginMsMax = 1'000;

uint64_t before(uint64_t limit_ms) {
  uint64_t margin_ms = std::clamp(limit_ms / 4, kMarginMsMin, kMarginMsMax);
  return limit_ms > margin_ms ? limit_ms - margin_ms : 1;
}

}  // namespace

void KeepAlive::note_closed(uint64_t idle_ms, uint64_t now_ms) {
  if (idle_ms < kObservedMsMin) return;
  bool together = candidate_ms_ != 0 && now_ms - candidate_at_ms_ < kTogetherMs;
  if (together) return;
  uint64_t difference = idle_ms > candidate_ms_ ? idle_ms - candidate_ms_ : candidate_ms_ - idle_ms;
  // A quarter of a second, and an eighth for servers that look at their connections now and then.
  bool agrees = candidate_ms_ != 0 && difference <= std::max<uint64_t>(250, candidate_ms_ / 8);
  if (agrees) {
    observed_ms_ = std::min(idle_ms, candidate_ms_);
    observed_until_ms_ = now_ms + kObservedForMs;
  }
  candidate_ms_ = idle_ms;
  candidate_at_ms_ = now_ms;
}

uint64_t KeepAlive::retire_after_ms(uint64_t idle_ms_max, uint64_t now_ms) const {
  uint64_t out = idle_ms_max;
  auto shorten = [&](uint64_t limit_ms) {
    if (limit_ms > 0) out = out == 0 ? before(limit_ms) : std::min(out, before(limit_ms));
  };
  shorten(announced_ms_);
  if (now_ms < observed_until_ms_) shorten(observed_ms_);
  return out;
}

}  // namespace weir::proxy

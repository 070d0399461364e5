#pragma once
// How often a source is asked. Pure: the time is an argument.

#include <cstdint>
#include <string_view>

#include "weir/base/random.h"

namespace weir::provider {

/// For how long an answer of that status asks to be left alone; 0: not at all. A server may ask for patience, not for
/// our absence: a minute is the most.
uint64_t asked_pause_ms(int status, std::string_view retry_after);

/// A bucket of permissions to ask. Bursts are free, a steady stream is bounded: a source that answers at once, always,
/// cannot make us spin.
class TokenBucket {
 public:
  TokenBucket(uint32_t burst, uint32_t per_second)
      : burst_(burst), per_second_(per_second), tokens_milli_(int64_t{burst} * 1000) {}
  /// Takes one permission. How long to wait before using it; 0: use it now.
  uint64_t take(uint64_t now_ms);

 private:
  const int64_t burst_;
  const int64_t per_second_;
  int64_t tokens_milli_;  // below 0 while a taken permission is still being waited for
  uint64_t filled_at_ms_ = 0;
};

/// Delays between failed attempts: doubling, with jitter, so that a fleet of edges does not return all at once.
class Backoff {
 public:
  Backoff(uint64_t first_ms, uint64_t max_ms) : first_ms_(first_ms), max_ms_(max_ms) {}
  /// Between half of the step and the whole of it. The step is at most `limit_ms`, and one that reached it does not
  /// grow: a failure of another kind goes on from there.
  uint64_t next_ms(Random& random, uint64_t limit_ms = UINT64_MAX);
  void reset() { failures_ = 0; }

 private:
  const uint64_t first_ms_;
  const uint64_t max_ms_;
  uint32_t failures_ = 0;  // in a row, until the step is at its highest
};

}  // namespace weir::provider

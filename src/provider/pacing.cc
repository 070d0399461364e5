#include "provider/pacing.h"

#include <algorithm>

#include "weir/base/text.h"

namespace weir::provider {

uint64_t asked_pause_ms(int status, std::string_view retry_after) {
  constexpr uint64_t kPauseMaxS = 60;
  const bool busy = status == 429 || status == 503;
  return busy ? std::min(parse_u64(trim(retry_after)).value_or(0), kPauseMaxS) * 1'000 : 0;
}

uint64_t TokenBucket::take(uint64_t now_ms) {
  if (filled_at_ms_ == 0) filled_at_ms_ = now_ms;
  // One token a second is one thousandth of a token a millisecond; the product is in thousandths already.
  const auto gained = static_cast<int64_t>(now_ms - filled_at_ms_) * per_second_;
  tokens_milli_ = std::min(burst_ * 1000, tokens_milli_ + gained);
  filled_at_ms_ = now_ms;
  tokens_milli_ -= 1000;
  if (tokens_milli_ >= 0) return 0;
  return static_cast<uint64_t>((-tokens_milli_ + per_second_ - 1) / per_second_);
}

uint64_t Backoff::next_ms(Random& random, uint64_t limit_ms) {
  const uint64_t highest = std::min(max_ms_, limit_ms);
  // 2^20 steps of at least 1 ms are above every sensible maximum.
  const uint64_t grown = first_ms_ << std::min<uint32_t>(failures_, 20);
  if (grown < highest) ++failures_;
  const uint64_t step = std::min(highest, grown);
  return step / 2 + random.below(step / 2 + 1);
}

}  // namespace weir::provider

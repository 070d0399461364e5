#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace weir::bench {

/// Counts of durations in nanoseconds, each bucket at most 1/64 wide of its value; no allocation, no upper limit.
class Histogram {
 public:
  void add(uint64_t ns) {
    counts_[bucket_of(ns)] += 1;
    total_ += 1;
    if (ns > max_) max_ = ns;
  }

  void clear() { *this = Histogram(); }
  uint64_t total() const { return total_; }
  uint64_t max() const { return max_; }

  /// The duration that `share` (0 to 1) of all do not exceed; 0 when there are none.
  uint64_t quantile(double share) const {
    auto wanted = static_cast<uint64_t>(share * static_cast<double>(total_) + 0.5);
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return upper_end(i) < max_ ? upper_end(i) : max_;
    }
    return max_;
  }

 private:
  static constexpr unsigned kStepBits = 6;  // 64 steps each power of two
  static constexpr size_t kSteps = size_t{1} << kStepBits;

  static size_t bucket_of(uint64_t ns) {
    if (ns < kSteps) return ns;
    auto exponent = static_cast<unsigned>(std::bit_width(ns)) - 1 - kStepBits;
    return (exponent + 1) * kSteps + (ns >> exponent) - kSteps;
  }

  static uint64_t upper_end(size_t bucket) {
    if (bucket < kSteps) return bucket;
    uint64_t exponent = bucket / kSteps - 1;
    return ((bucket % kSteps + kSteps + 1) << exponent) - 1;
  }

  std::array<uint64_t, (64 - kStepBits + 1) * kSteps> counts_{};
  uint64_t total_ = 0;
  uint64_t max_ = 0;
};

}  // namespace weir::bench

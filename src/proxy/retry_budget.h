#pragma once
// How much of a service's load may be repetition.

#include <algorithm>
#include <cstdint>

#include "weir/config/config.h"

namespace weir::proxy {

/// Lets a share of the requests be sent again, and a few a second whatever the share: so that endpoints that are down
/// or slow are not asked several times as much as when they were well. Owned by a ServiceState: one worker's.
class RetryBudget {
 public:
  void note_request(const config::RetryConfig& config) {
    saved_ = std::min(saved_ + config.budget_percent, kSavedMax * kRetryCost);
  }

  /// True, and one fewer is left.
  [[nodiscard]] bool take(const config::RetryConfig& config, uint64_t now_ms) {
    if (now_ms - second_began_ms_ >= 1000) {
      second_began_ms_ = now_ms;
      taken_this_second_ = 0;
    }
    if (taken_this_second_ < config.budget_per_s_min) {
      ++taken_this_second_;
      return true;
    }
    if (saved_ < kRetryCost) return false;
    saved_ -= kRetryCost;
    return true;
  }

 private:
  static constexpr uint32_t kRetryCost = 100;  // a request saves its percents
  static constexpr uint32_t kSavedMax = 100;   // retries: a quiet hour does not pay for a storm

  uint32_t saved_ = 0;
  uint32_t taken_this_second_ = 0;
  uint64_t second_began_ms_ = 0;
};

}  // namespace weir::proxy

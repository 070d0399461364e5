#pragma once
// The safety brake: a catalog that suddenly says that most endpoints are gone is not believed at once.
// Why: an agent that restarts, a server that lost its state or a token that expired answers 200 with little or nothing
// for seconds, and an edge that believes it serves 404 to everybody. Keeping dead endpoints for a minute costs a few
// connect failures, which are retried; dropping living ones costs the site.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "weir/catalog/catalog.h"
#include "weir/config/config.h"

namespace weir::provider {

struct BrakeLimits {
  uint32_t share_percent = 50;  // losing more than this share of all live endpoints is held; 100: no brake
  uint32_t count_min = 4;       // losing fewer than this is never held (but for a catalog that becomes empty)
  uint64_t hold_ms = 30'000;
};

/// As configured.
[[nodiscard]] inline BrakeLimits brake_limits(const config::SafetyConfig& safety) {
  return {.share_percent = safety.mass_removal_share_percent,
          .count_min = safety.mass_removal_count_min,
          .hold_ms = safety.hold_ms};
}

struct BrakeVerdict {
  std::shared_ptr<const catalog::CatalogSnapshot> apply;  // what to serve now
  size_t held_endpoints = 0;                              // in `apply` only because of the hold
  size_t live_before = 0;
  uint64_t release_at_ms = 0;  // when the hold ends; 0: nothing is held
  bool released = false;       // this verdict ended a hold because its time had passed
};

/// Weighs each new snapshot against the one in use. Pure but for its memory of the hold; one a provider.
/// An endpoint is lost that was live and is now absent or critical; maintenance is an operator's wish and no loss.
/// What is left is compared with the most that was live within the last kWindowMs, because the same event reaches us
/// in several answers. Instances that go and come in turn (a rolling deploy) lower no peak and are never held. All
/// services count together: one that loses all it has is an ordinary purge, and nothing in a catalog's answer tells
/// the two apart. During a hold additions and changes apply, and nothing is removed until its end. It ends
/// early when everything is back, or when so little is missing that it would not have been held, and that for kCalmMs
/// without more coming back.
class SafetyBrake {
 public:
  static constexpr uint64_t kWindowMs = 2'000;
  static constexpr uint64_t kCalmMs = 2'000;

  explicit SafetyBrake(BrakeLimits limits) : limits_(limits) {}
  /// `applied` is what was last served (a verdict's `apply`), `wanted` what the catalog says now. Neither is null.
  BrakeVerdict weigh(const std::shared_ptr<const catalog::CatalogSnapshot>& applied,
                     const std::shared_ptr<const catalog::CatalogSnapshot>& wanted, uint64_t now_ms);
  [[nodiscard]] bool holding() const { return release_at_ms_ != 0; }

 private:
  struct Former {
    uint64_t until_ms;
    size_t live;
  };
  [[nodiscard]] bool too_much(size_t believed, size_t live_after) const;
  void note_recovery(size_t lost, size_t live_after, uint64_t now_ms);
  void remember_former(uint64_t now_ms, size_t live);
  void forget_former(uint64_t now_ms, size_t retired);

  const BrakeLimits limits_;
  std::deque<Former> former_;   // totals of live endpoints within kWindowMs, each lower than the one before; kFormerMax
  uint64_t hold_until_ms_ = 0;  // of the hold as it began
  uint64_t release_at_ms_ = 0;  // that, or earlier where nearly all is back; 0: not holding
  size_t missing_ = 0;          // endpoints, when last weighed during the hold
};

}  // namespace weir::provider

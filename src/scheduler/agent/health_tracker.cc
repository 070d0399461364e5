#include "scheduler/agent/health_tracker.h"

#include <algorithm>

namespace weir::scheduler {
namespace {

uint64_t to_ms(int64_t ns) { return static_cast<uint64_t>(std::max<int64_t>(ns, 0)) / 1'000'000; }

}  // namespace

HealthTracker::HealthTracker(const HealthRule& rule, uint64_t now_ms)
    : manual_(rule.check == "manual"),
      needs_checks_(rule.check != "task_states"),
      min_healthy_ms_(to_ms(rule.min_healthy_ns)),
      deadline_at_ms_(now_ms + to_ms(rule.deadline_ns)) {}

std::optional<bool> HealthTracker::observe(const HealthObservation& seen, uint64_t now_ms) {
  if (manual_ || verdict_) return verdict_;
  if (seen.task_ended) return verdict_ = false;
  bool good = seen.tasks_running && (!needs_checks_ || seen.services_passing);
  if (!good) {
    good_since_ms_.reset();
  } else if (!good_since_ms_ || *good_since_ms_ < seen.started_at_ms) {
    // Without checks the time counts from the start itself, not from when we first looked.
    good_since_ms_ = needs_checks_ ? now_ms : seen.started_at_ms;
  }
  if (good && now_ms - *good_since_ms_ >= min_healthy_ms_) return verdict_ = true;
  if (now_ms >= deadline_at_ms_) return verdict_ = false;
  return std::nullopt;
}

}  // namespace weir::scheduler

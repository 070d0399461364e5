#include "scheduler/agent/restart_tracker.h"

#include <algorithm>

#include "weir/base/duration.h"

namespace weir::scheduler {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

}  // namespace

RestartDecision RestartTracker::after_exit(const RestartPolicy& policy, std::string_view job_type, bool success,
                                           uint64_t now_ms) {
  bool runs_to_completion = job_type == "batch" || job_type == "sysbatch";
  if (success && runs_to_completion) return {.verdict = RestartDecision::Verdict::complete};
  return count(policy, now_ms);
}

RestartDecision RestartTracker::after_failed_start(const RestartPolicy& policy, bool recoverable, uint64_t now_ms) {
  if (!recoverable) return {.reason = "Error was unrecoverable"};
  return count(policy, now_ms);
}

/// The (attempts + 1)-th failure within the interval is one too many. An interval begins at a failure, and a new one at
/// the first failure after its end.
RestartDecision RestartTracker::count(const RestartPolicy& policy, uint64_t now_ms) {
  if (policy.attempts <= 0) return {.reason = "Policy allows no restarts"};
  auto interval_ms = static_cast<uint64_t>(std::max<int64_t>(policy.interval_ns / kNsPerMs, 0));
  if (failures_ == 0 || now_ms - interval_start_ms_ > interval_ms) {
    interval_start_ms_ = now_ms;
    failures_ = 0;
  }
  ++failures_;
  if (failures_ <= policy.attempts) {
    return {.verdict = RestartDecision::Verdict::restart,
            .delay_ms = with_jitter(policy.delay_ns),
            .reason = "Restart within policy"};
  }
  std::string exceeded = "Exceeded allowed attempts " + std::to_string(policy.attempts) + " in interval " +
                         format_duration(policy.interval_ns);
  if (policy.mode == "fail") return {.reason = exceeded + " and mode is \"fail\""};
  uint64_t rest_ms = interval_start_ms_ + interval_ms - now_ms;
  return {.verdict = RestartDecision::Verdict::restart,
          .delay_ms = rest_ms + with_jitter(policy.delay_ns),
          .reason = exceeded + ", applying a delay"};
}

/// Up to a quarter more, so that tasks that failed together do not come back together.
uint64_t RestartTracker::with_jitter(int64_t delay_ns) {
  auto delay_ms = static_cast<uint64_t>(std::max<int64_t>(delay_ns / kNsPerMs, 0));
  return delay_ms + random_.below(delay_ms / 4 + 1);
}

}  // namespace weir::scheduler

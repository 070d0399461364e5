#pragma once
// The restart policy applied to one task. Pure but for its counter.

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/random.h"
#include "weir/scheduler/job.h"

namespace weir::scheduler {

struct RestartDecision {
  enum class Verdict : uint8_t { restart, fail, complete };
  Verdict verdict = Verdict::fail;
  uint64_t delay_ms = 0;
  std::string reason = {};
};

/// Counts the failures of one task in the current interval. Owned by its TaskRunner.
class RestartTracker {
 public:
  /// Decides what follows an end. `policy` is the task's, canonical; `job_type` decides whether success is an end.
  RestartDecision after_exit(const RestartPolicy& policy, std::string_view job_type, bool success, uint64_t now_ms);
  /// Decides what follows a failed start; starting again cannot help when it is not recoverable.
  RestartDecision after_failed_start(const RestartPolicy& policy, bool recoverable, uint64_t now_ms);

 private:
  RestartDecision count(const RestartPolicy& policy, uint64_t now_ms);
  uint64_t with_jitter(int64_t delay_ns);

  uint64_t interval_start_ms_ = 0;
  int64_t failures_ = 0;  // in this interval; 0: no interval is open
  Random random_;
};

}  // namespace weir::scheduler

#pragma once
// Removes what is over and old enough (nomad-api 3.18).

#include <cstdint>

#include "scheduler/state/transaction.h"
#include "weir/base/result.h"

namespace weir::scheduler {

struct CollectAges {
  int64_t eval_ns = 3'600'000'000'000;  // evaluations and their allocations
  int64_t deployment_ns = 3'600'000'000'000;
  int64_t job_ns = 4 * 3'600'000'000'000;    // after it died
  int64_t node_ns = 24 * 3'600'000'000'000;  // after it went down
};
inline constexpr CollectAges kCollectNow{.eval_ns = 0, .deployment_ns = 0, .job_ns = 0, .node_ns = 0};

/// Versions of a job that are kept although nothing runs them.
inline constexpr size_t kJobVersionsKept = 6;

/// One transaction; nothing to remove is success.
Status collect_garbage(StateStore& store, const CollectAges& ages);

}  // namespace weir::scheduler

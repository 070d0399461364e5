#pragma once
// The planner: one evaluation against one snapshot gives one plan. PURE: no clock, no I/O, no random numbers, no log;
// the same input gives the same plan, so `job plan` and the real run cannot disagree.

#include <cstdint>

#include "scheduler/plan/snapshot.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

/// `snapshot.job` is the job that `evaluation` is for. `now_ns` is wall time, for back-offs and lately freed ports.
Plan plan(const Snapshot& snapshot, const Evaluation& evaluation, int64_t now_ns);

}  // namespace weir::scheduler

#pragma once
// System jobs: one allocation of each group on every node that can run it (nomad-api 3.9). Pure.

#include <vector>

#include "scheduler/plan/placer.h"
#include "scheduler/plan/snapshot.h"

namespace weir::scheduler {

/// Fills the stops, placements, in-place updates, follow-ups and counts of `plan`. The job exists and is not stopped.
void plan_system_job(const Snapshot& snapshot, const Evaluation& evaluation, int64_t now_ns, Plan& plan);

}  // namespace weir::scheduler

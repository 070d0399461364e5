#pragma once
// Steps that plans of every job type share. Pure.

#include <string>
#include <vector>

#include "scheduler/plan/placer.h"
#include "scheduler/plan/reconcile_group.h"

namespace weir::scheduler {

/// Counts an instance that found no place. The first of a group keeps the reason, the others are counted.
void note_failed_placement(Plan& plan, const std::string& group, const AllocMetric& metric);

/// The row of an allocation that goes on under the snapshot's job. Ports stay.
Allocation in_place_row(const Allocation& old, const JobPtr& job, const std::string& deployment_id);

/// Gives the waiting allocations the evaluations that will look at them again: those within a second of each other
/// share one.
void add_followups(Plan& plan, const Evaluation& evaluation, std::vector<LaterReschedule> later);

/// Tries one wanted placement; on success writes the allocation (and the stop of the one it replaces) into the plan.
/// `place` is the Placer's choice of method, bound to its node or not.
bool carry_out(const WantedPlacement& wanted, Placer& placer, const Node* node, int64_t now_ns, Plan& plan);

}  // namespace weir::scheduler

#pragma once
// Empties nodes that drain, a few allocations at a time (nomad-api 3.13, without batch jobs' waiting).

#include <cstdint>

#include "scheduler/state/transaction.h"

namespace weir::scheduler {

/// Marks the next allocations to move, and ends drains that are done. To be called now and then; changes nothing when
/// there is nothing to do.
void advance_drains(StateStore& store);

}  // namespace weir::scheduler

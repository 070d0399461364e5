#pragma once
// The `variable`, `variables` and `locals` blocks of a job file, and where their values come from.

#include "scheduler/hcl/evaluator.h"
#include "scheduler/hcl/syntax.h"
#include "weir/base/result.h"
#include "weir/scheduler/jobspec.h"

namespace weir::scheduler::hcl {

/// Fills `names` from the blocks of `body` (others are left alone) and the sources in `options`. The locals point into
/// `body`, which must outlive `names`.
Status read_names(const Body& body, const Source& source, const JobspecOptions& options, Names& names);

}  // namespace weir::scheduler::hcl

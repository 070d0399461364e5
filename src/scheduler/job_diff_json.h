#pragma once
// The diff as the plan endpoint answers it.

#include <nlohmann/json_fwd.hpp>

#include "scheduler/job_diff.h"

namespace weir::scheduler {

nlohmann::json job_diff_to_json(const JobDiff& diff);
nlohmann::json desired_updates_to_json(const DesiredUpdates& updates);

}  // namespace weir::scheduler

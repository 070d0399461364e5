#pragma once
// Pieces of the job's JSON for the *_json.cc files that build larger documents (allocations, plan replies).

#include <nlohmann/json_fwd.hpp>

#include "weir/base/result.h"
#include "weir/scheduler/job.h"

namespace weir::scheduler {

nlohmann::json job_to_json(const Job& job);
nlohmann::json value_to_json(const Value& value);

/// See decode_job().
Result<Job> job_from_json(const nlohmann::json& json);
/// Fails only when nested too deeply.
Result<Value> value_from_json(const nlohmann::json& json);

}  // namespace weir::scheduler

#pragma once
// A Job as Nomad's API JSON, both ways, as text. Code that builds larger documents uses scheduler/job_json_parts.h.

#include <string>
#include <string_view>

#include "weir/base/result.h"
#include "weir/scheduler/job.h"

namespace weir::scheduler {

/// All fields, in Nomad's names; settings that were not given are null. One line.
std::string encode_job(const Job& job);

/// Lenient as Nomad's own decoder: names in any case, null = not given, durations as nanoseconds or "10s", unknown
/// members ignored. A wrong type is an error that names the path ("TaskGroups[0].Count: expected an integer").
Result<Job> decode_job(std::string_view json_text);

}  // namespace weir::scheduler

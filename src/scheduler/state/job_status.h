#pragma once
// What a job is doing, as one word and in numbers. Pure.

#include <map>
#include <string>
#include <vector>

#include "scheduler/plan/snapshot.h"

namespace weir::scheduler {

/// "pending", "running" or "dead" (nomad-api 3.1).
std::string derive_job_status(const Job& job, const std::vector<AllocPtr>& allocs, const std::vector<EvalPtr>& evals);

struct GroupSummary {
  int64_t queued = 0;
  int64_t complete = 0;
  int64_t failed = 0;
  int64_t running = 0;
  int64_t starting = 0;
  int64_t lost = 0;
  int64_t unknown = 0;
  bool operator==(const GroupSummary&) const = default;
};
struct JobSummary {
  std::map<std::string, GroupSummary> groups;
  uint64_t modify_index = 0;
};
JobSummary summarize_job(const Job& job, const std::vector<AllocPtr>& allocs, const std::vector<EvalPtr>& evals);

}  // namespace weir::scheduler

#pragma once
// What the planner looks at: rows as they stood at one index. The rows are shared and never change.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weir/scheduler/job.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

using NodePtr = std::shared_ptr<const Node>;
using AllocPtr = std::shared_ptr<const Allocation>;
using EvalPtr = std::shared_ptr<const Evaluation>;
using DeploymentPtr = std::shared_ptr<const Deployment>;

struct Snapshot {
  uint64_t index = 0;
  JobPtr job = nullptr;                  // the job of the evaluation as it is now; null: purged
  std::map<std::string, NodePtr> nodes;  // all of them, by id
  std::vector<AllocPtr> job_allocs;      // all that the job has, ordered by create index, then id
  /// Of all jobs, by node: those not client-terminal, and those that ended so lately that their ports are avoided.
  std::map<std::string, std::vector<AllocPtr>> node_allocs;
  DeploymentPtr deployment = nullptr;  // the job's newest, active or not
};

/// A port stays unused for dynamic choice this long after its allocation ended: a proxy may still know the old address.
inline constexpr int64_t kPortQuarantineNs = 30'000'000'000;

}  // namespace weir::scheduler

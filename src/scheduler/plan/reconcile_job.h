#pragma once
// All groups of one job, and its deployment: what the planner then finds places for. Pure.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/plan/reconcile_group.h"

namespace weir::scheduler {

struct JobPlan {
  std::map<std::string, GroupPlan> groups;  // also groups that the job no longer has: only stops in them
  std::optional<Deployment> deployment;     // a new one
  std::vector<DeploymentUpdate> deployment_updates;
  const Deployment* active_deployment = nullptr;  // the snapshot's, if it goes on
};

/// For service and batch jobs, and for any job that is stopped or gone.
JobPlan reconcile_job(const Snapshot& snapshot, const Evaluation& evaluation, int64_t now_ns);

}  // namespace weir::scheduler

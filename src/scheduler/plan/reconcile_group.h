#pragma once
// Desired against actual for one group of a service or batch job (nomad-api 3.5): who stays, stops, changes, comes.
// Pure; does not look for nodes, which is the Placer's.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/plan/snapshot.h"

namespace weir::scheduler {

/// One allocation that should exist and does not yet.
struct WantedPlacement {
  JobPtr job;
  const TaskGroup* group = nullptr;
  std::string name;
  AllocPtr previous = nullptr;
  /// `previous` runs and is stopped only if this placement succeeds; says why. Empty: nothing to stop with it.
  std::string stop_reason = {};
  bool rescheduled = false;  // `previous` failed
  int64_t reschedule_delay_ns = 0;
  bool canary = false;
};

/// Allocations that wait for their back-off: at_ns is when a new evaluation shall look at them.
struct LaterReschedule {
  AllocPtr allocation;
  int64_t at_ns = 0;
};

struct GroupPlan {
  std::vector<AllocStop> stops;
  std::vector<AllocPtr> in_place;
  std::vector<WantedPlacement> placements;
  std::vector<LaterReschedule> later;
  DesiredUpdates desired;
  std::optional<DeploymentGroup> new_deployment;  // the group's part, when this pass starts a deployment
  bool deployment_done = true;                    // nothing left to do for the active deployment here
};

struct GroupInput {
  const Snapshot& snapshot;
  const TaskGroup& group;        // of snapshot.job
  std::vector<AllocPtr> allocs;  // of the group
  const Deployment* deployment;  // of the current version, active or failed; null: none
  int64_t now_ns;
};

GroupPlan reconcile_group(const GroupInput& input);

/// The node is gone or down: what runs there is lost.
bool node_is_lost(const Snapshot& snapshot, const std::string& node_id);
/// "web.g[3]"
std::string allocation_name(const std::string& job_id, const std::string& group, uint64_t index);

inline constexpr const char* kReasonNotNeeded = "alloc not needed due to job update";
inline constexpr const char* kReasonUpdated = "alloc is being updated due to job update";
inline constexpr const char* kReasonLost = "alloc is lost since its node is down";
inline constexpr const char* kReasonMigrated = "alloc is being migrated";
inline constexpr const char* kReasonRescheduled = "alloc was rescheduled because it failed";

}  // namespace weir::scheduler

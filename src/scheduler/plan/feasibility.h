#pragma once
// Which nodes may run a group at all, before resources are looked at (nomad-api 3.2). Pure.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/plan/snapshot.h"

namespace weir::scheduler {

/// Ready, eligible, not draining, in one of the job's datacenters and its pool: the nodes that a job sees.
bool node_is_candidate(const Node& node, const Job& job);
/// Datacenter and pool only: whether what runs there may stay.
bool node_is_in_reach(const Node& node, const Job& job);

/// Why the group cannot run on the node ("missing drivers", "${attr.kernel.name} = windows"); nothing when it can.
std::optional<std::string> infeasible_reason(const Node& node, const Job& job, const TaskGroup& group);

struct FeasibleNodes {
  std::vector<const Node*> nodes;  // by id
  AllocMetric metric;              // what was filtered, so far
};
FeasibleNodes find_feasible_nodes(const Snapshot& snapshot, const Job& job, const TaskGroup& group);

/// A distinct_hosts or distinct_property constraint, and whether it spans the job or only the group.
struct DistinctRule {
  Constraint constraint;
  bool whole_job = false;
  int64_t limit = 1;  // of distinct_property
};
std::vector<DistinctRule> distinct_rules(const Job& job, const TaskGroup& group);

}  // namespace weir::scheduler

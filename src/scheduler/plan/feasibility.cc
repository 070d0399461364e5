#include "scheduler/plan/feasibility.h"

#include <algorithm>

#include "scheduler/plan/constraint.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

std::optional<std::string> first_failing(const std::vector<Constraint>& constraints, const Node& node) {
  for (const Constraint& constraint : constraints) {
    if (!constraint_holds(constraint, node)) return constraint_text(constraint);
  }
  return std::nullopt;
}

bool drivers_healthy(const Node& node, const TaskGroup& group) {
  return std::all_of(group.tasks.begin(), group.tasks.end(), [&](const Task& task) {
    auto it = node.drivers.find(task.driver);
    return it != node.drivers.end() && it->second.detected && it->second.healthy;
  });
}

void collect_distinct(const std::vector<Constraint>& constraints, bool whole_job, std::vector<DistinctRule>& out) {
  for (const Constraint& constraint : constraints) {
    bool hosts = constraint.operand == "distinct_hosts";
    if (!hosts && constraint.operand != "distinct_property") continue;
    if (hosts && constraint.r_target == "false") continue;
    int64_t limit = hosts ? 1 : parse_i64(constraint.r_target).value_or(1);
    out.push_back({.constraint = constraint, .whole_job = whole_job, .limit = std::max<int64_t>(limit, 1)});
  }
}

}  // namespace

bool node_is_in_reach(const Node& node, const Job& job) {
  if (!job.node_pool.empty() && job.node_pool != "all" && job.node_pool != node.node_pool) return false;
  if (!job.datacenters) return true;
  return std::any_of(job.datacenters->begin(), job.datacenters->end(),
                     [&](const std::string& pattern) { return glob_matches(pattern, node.datacenter); });
}

bool node_is_candidate(const Node& node, const Job& job) {
  return node.status == NodeStatus::ready && node.eligible && !node.draining && node_is_in_reach(node, job);
}

std::optional<std::string> infeasible_reason(const Node& node, const Job& job, const TaskGroup& group) {
  if (!drivers_healthy(node, group)) return "missing drivers";
  if (auto reason = first_failing(job.constraints, node)) return reason;
  if (auto reason = first_failing(group.constraints, node)) return reason;
  for (const Task& task : group.tasks) {
    if (auto reason = first_failing(task.constraints, node)) return reason;
  }
  // Agents offer no host volumes yet, so a group that asks for one fits nowhere.
  if (!group.volumes.empty()) return "missing compatible host volumes";
  return std::nullopt;
}

FeasibleNodes find_feasible_nodes(const Snapshot& snapshot, const Job& job, const TaskGroup& group) {
  FeasibleNodes result;
  for (const auto& [id, node] : snapshot.nodes) {
    if (node->node_pool == job.node_pool) ++result.metric.nodes_in_pool;
    if (!node_is_candidate(*node, job)) continue;
    ++result.metric.nodes_available[node->datacenter];
    ++result.metric.nodes_evaluated;
    if (auto reason = infeasible_reason(*node, job, group)) {
      ++result.metric.nodes_filtered;
      ++result.metric.constraint_filtered[*reason];
      continue;
    }
    result.nodes.push_back(node.get());
  }
  return result;
}

std::vector<DistinctRule> distinct_rules(const Job& job, const TaskGroup& group) {
  std::vector<DistinctRule> rules;
  collect_distinct(job.constraints, true, rules);
  collect_distinct(group.constraints, false, rules);
  for (const Task& task : group.tasks) collect_distinct(task.constraints, false, rules);
  return rules;
}

}  // namespace weir::scheduler

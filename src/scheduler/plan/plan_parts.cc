#include "scheduler/plan/plan_parts.h"

#include <algorithm>
#include <tuple>

#include "scheduler/plan/derived_id.h"
#include "scheduler/plan/reschedule.h"

namespace weir::scheduler {
namespace {

constexpr int64_t kFollowupWindowNs = 1'000'000'000;

std::vector<std::string> penalty_nodes(const WantedPlacement& wanted) {
  std::vector<std::string> nodes;
  if (!wanted.rescheduled || wanted.previous == nullptr) return nodes;
  nodes.push_back(wanted.previous->node_id);
  for (const RescheduleEvent& event : wanted.previous->reschedule_events) nodes.push_back(event.previous_node_id);
  return nodes;
}

}  // namespace

void note_failed_placement(Plan& plan, const std::string& group, const AllocMetric& metric) {
  ++plan.queued[group];
  auto [it, first] = plan.failed_groups.try_emplace(group, metric);
  if (!first) ++it->second.coalesced_failures;
}

Allocation in_place_row(const Allocation& old, const JobPtr& job, const std::string& deployment_id) {
  Allocation row = old;
  row.job = job;
  auto ports = std::move(row.resources.ports);
  if (const TaskGroup* group = job->find_group(old.task_group)) row.resources = group_resources(*group);
  row.resources.ports = std::move(ports);
  row.deployment_id = deployment_id;
  if (deployment_id.empty()) {
    row.deployment_status.reset();
  } else {
    // Health is decided again for the new deployment.
    bool canary = old.deployment_status && old.deployment_status->canary;
    row.deployment_status = AllocDeploymentStatus{.canary = canary};
  }
  return row;
}

void add_followups(Plan& plan, const Evaluation& evaluation, std::vector<LaterReschedule> later) {
  std::sort(later.begin(), later.end(), [](const LaterReschedule& a, const LaterReschedule& b) {
    return std::tie(a.at_ns, a.allocation->id) < std::tie(b.at_ns, b.allocation->id);
  });
  int64_t window_start = 0;
  for (const LaterReschedule& item : later) {
    if (plan.followup_evals.empty() || item.at_ns - window_start > kFollowupWindowNs) {
      window_start = item.at_ns;
      Evaluation next;
      next.id = derive_uuid(evaluation.id, "followup", plan.followup_evals.size());
      next.priority = evaluation.priority;
      next.type = evaluation.type;
      next.triggered_by = "alloc-failure";
      next.job_id = evaluation.job_id;
      next.job_modify_index = evaluation.job_modify_index;
      next.status_description = "created for delayed rescheduling";
      next.previous_eval = evaluation.id;
      plan.followup_evals.push_back(std::move(next));
    }
    plan.followup_evals.back().wait_until_ns = item.at_ns;
    plan.followups[item.allocation->id] = plan.followup_evals.back().id;
  }
}

bool carry_out(const WantedPlacement& wanted, Placer& placer, const Node* node, int64_t now_ns, Plan& plan) {
  PlacementRequest request{.job = wanted.job,
                           .group = wanted.group,
                           .name = wanted.name,
                           .previous = wanted.previous,
                           .stops_previous = !wanted.stop_reason.empty(),
                           .penalty_nodes = penalty_nodes(wanted)};
  if (request.stops_previous) placer.note_stop(*wanted.previous);
  auto allocation = node != nullptr ? placer.place_on(*node, request) : placer.place(request);
  if (!allocation) {
    if (request.stops_previous) placer.note_keep(*wanted.previous);
    note_failed_placement(plan, wanted.group->name, placer.metric());
    return false;
  }
  if (request.stops_previous) {
    plan.stops.push_back({.alloc_id = wanted.previous->id, .description = wanted.stop_reason});
  }
  if (wanted.rescheduled) {
    if (auto policy = reschedule_policy_of(*wanted.job, *wanted.group)) {
      allocation->reschedule_events = reschedule_history(*wanted.previous, *policy, now_ns, wanted.reschedule_delay_ns);
    }
  }
  if (wanted.canary) allocation->deployment_status = AllocDeploymentStatus{.canary = true};
  plan.placements.push_back(std::move(*allocation));
  return true;
}

}  // namespace weir::scheduler

#include "scheduler/plan/planner.h"

#include <algorithm>

#include "scheduler/plan/plan_parts.h"
#include "scheduler/plan/reconcile_job.h"
#include "scheduler/plan/reconcile_system.h"

namespace weir::scheduler {
namespace {

/// The deployment that new and updated allocations of a group belong to; "" when none governs it.
std::string deployment_of(const JobPlan& job_plan, const std::string& group) {
  const Deployment* deployment = job_plan.deployment ? &*job_plan.deployment : job_plan.active_deployment;
  if (deployment == nullptr || !deployment->groups.contains(group)) return "";
  return deployment->id;
}

void carry_out_group(const JobPlan& job_plan, const std::string& name, const GroupPlan& group, const Snapshot& snapshot,
                     Placer& placer, int64_t now_ns, Plan& plan) {
  std::string deployment_id = deployment_of(job_plan, name);
  for (const AllocPtr& a : group.in_place) {
    plan.in_place.push_back(in_place_row(*a, snapshot.job, deployment_id));
  }
  for (const WantedPlacement& wanted : group.placements) {
    if (!carry_out(wanted, placer, nullptr, now_ns, plan)) continue;
    // One that stands in for an older version meanwhile is no part of the new version's deployment.
    if (wanted.job->version == snapshot.job->version) plan.placements.back().deployment_id = deployment_id;
  }
}

void plan_groups(const Snapshot& snapshot, const Evaluation& evaluation, int64_t now_ns, Plan& plan) {
  JobPlan job_plan = reconcile_job(snapshot, evaluation, now_ns);
  Placer placer(snapshot, evaluation.id, now_ns);
  std::vector<LaterReschedule> later;
  for (auto& [name, group] : job_plan.groups) {
    for (const AllocStop& stop : group.stops) {
      auto row = std::find_if(snapshot.job_allocs.begin(), snapshot.job_allocs.end(),
                              [&](const AllocPtr& a) { return a->id == stop.alloc_id; });
      if (!(*row)->terminal()) placer.note_stop(**row);
      plan.stops.push_back(stop);
    }
    plan.desired_updates[name] = group.desired;
    later.insert(later.end(), group.later.begin(), group.later.end());
  }
  for (const auto& [name, group] : job_plan.groups) {
    carry_out_group(job_plan, name, group, snapshot, placer, now_ns, plan);
  }
  add_followups(plan, evaluation, std::move(later));
  plan.deployment = std::move(job_plan.deployment);
  plan.deployment_updates = std::move(job_plan.deployment_updates);
  if (plan.deployment) {
    plan.deployment_id = plan.deployment->id;
  } else if (job_plan.active_deployment != nullptr) {
    plan.deployment_id = job_plan.active_deployment->id;
  }
}

}  // namespace

Plan plan(const Snapshot& snapshot, const Evaluation& evaluation, int64_t now_ns) {
  Plan result;
  result.eval_id = evaluation.id;
  result.job_id = evaluation.job_id;
  bool gone = snapshot.job == nullptr || snapshot.job->stop;
  if (!gone && snapshot.job->type == "system") {
    plan_system_job(snapshot, evaluation, now_ns, result);
  } else {
    plan_groups(snapshot, evaluation, now_ns, result);
  }
  if (!gone) {
    for (const TaskGroup& group : snapshot.job->task_groups) result.queued.try_emplace(group.name, 0);
  }
  return result;
}

}  // namespace weir::scheduler

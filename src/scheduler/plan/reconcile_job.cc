#include "scheduler/plan/reconcile_job.h"

#include <algorithm>

#include "scheduler/plan/derived_id.h"
#include "scheduler/plan/deployment_words.h"

namespace weir::scheduler {
namespace {

void stop_all(const Snapshot& snapshot, const std::vector<AllocPtr>& allocs, GroupPlan& plan) {
  for (const AllocPtr& a : allocs) {
    bool lost = !a->client_terminal() && node_is_lost(snapshot, a->node_id);
    if (a->desired_status != DesiredStatus::run && !lost) continue;
    if (a->client_terminal() && a->desired_status != DesiredStatus::run) continue;
    AllocStop stop{.alloc_id = a->id, .description = lost ? kReasonLost : kReasonNotNeeded};
    if (lost) stop.client_status = ClientStatus::lost;
    plan.stops.push_back(std::move(stop));
    if (a->desired_status == DesiredStatus::run && !a->client_terminal()) ++plan.desired.stop;
  }
}

/// The deployment that this version is bound by: the active one, or the failed one that forbids it to go on.
const Deployment* governing_deployment(const Snapshot& snapshot, JobPlan& plan) {
  const Deployment* deployment = snapshot.deployment.get();
  if (deployment == nullptr) return nullptr;
  const Job* job = snapshot.job.get();
  bool gone = job == nullptr || job->stop;
  bool same_version =
      !gone && deployment->job_create_index == job->create_index && deployment->job_version == job->version;
  if (deployment->active() && !same_version) {
    plan.deployment_updates.push_back({.deployment_id = deployment->id,
                                       .status = DeploymentPhase::cancelled,
                                       .description = gone ? kDeploymentJobStopped : kDeploymentNewerJob});
    return nullptr;
  }
  if (!same_version) return nullptr;
  return deployment->active() || deployment->status == DeploymentPhase::failed ? deployment : nullptr;
}

Deployment new_deployment(const Job& job, const Evaluation& evaluation) {
  Deployment deployment;
  deployment.id = derive_uuid(evaluation.id, "deployment", 0);
  deployment.job_id = job.id;
  deployment.job_version = job.version;
  deployment.job_modify_index = job.job_modify_index;
  deployment.job_create_index = job.create_index;
  deployment.eval_priority = evaluation.priority;
  return deployment;
}

void start_deployment(const Job& job, const Evaluation& evaluation, JobPlan& plan) {
  bool canaries = false;
  bool automatic = true;
  for (auto& [name, group] : plan.groups) {
    if (!group.new_deployment) continue;
    if (!plan.deployment) plan.deployment = new_deployment(job, evaluation);
    plan.deployment->groups[name] = *group.new_deployment;
    if (group.new_deployment->desired_canaries == 0) continue;
    canaries = true;
    automatic = automatic && group.new_deployment->auto_promote;
  }
  if (!plan.deployment) return;
  plan.deployment->status_description =
      !canaries ? kDeploymentRunning : (automatic ? kDeploymentRunningAuto : kDeploymentRunningManual);
}

}  // namespace

JobPlan reconcile_job(const Snapshot& snapshot, const Evaluation& evaluation, int64_t now_ns) {
  JobPlan plan;
  const Deployment* deployment = governing_deployment(snapshot, plan);
  std::map<std::string, std::vector<AllocPtr>> by_group;
  for (const AllocPtr& a : snapshot.job_allocs) by_group[a->task_group].push_back(a);
  const Job* job = snapshot.job.get();
  bool gone = job == nullptr || job->stop;
  if (!gone) {
    for (const TaskGroup& group : job->task_groups) by_group.try_emplace(group.name);
  }
  bool done = true;
  for (auto& [name, allocs] : by_group) {
    const TaskGroup* group = gone ? nullptr : job->find_group(name);
    GroupPlan& part = plan.groups[name];
    if (group == nullptr) {
      stop_all(snapshot, allocs, part);
      continue;
    }
    part = reconcile_group({.snapshot = snapshot,
                            .group = *group,
                            .allocs = std::move(allocs),
                            .deployment = deployment,
                            .now_ns = now_ns});
    done = done && part.deployment_done;
  }
  if (gone) return plan;
  if (deployment == nullptr) {
    start_deployment(*job, evaluation, plan);
  } else if (deployment->active()) {
    plan.active_deployment = deployment;
    if (done && deployment->status == DeploymentPhase::running) {
      plan.deployment_updates.push_back({.deployment_id = deployment->id,
                                         .status = DeploymentPhase::successful,
                                         .description = kDeploymentSuccessful});
    }
  }
  return plan;
}

}  // namespace weir::scheduler

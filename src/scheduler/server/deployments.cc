#include "scheduler/server/deployments.h"

#include <algorithm>

#include "scheduler/job_rules.h"
#include "scheduler/plan/deployment_words.h"
#include "scheduler/plan/reschedule.h"
#include "scheduler/server/eval_queue.h"
#include "weir/base/log.h"

namespace weir::scheduler {
namespace {

bool canaries_healthy(const Transaction& txn, const DeploymentGroup& group) {
  int64_t healthy = 0;
  for (const std::string& id : group.placed_canaries) {
    AllocPtr alloc = txn.alloc(id);
    if (alloc == nullptr || alloc->terminal() || !alloc->deployment_status) continue;
    if (alloc->deployment_status->healthy == true) ++healthy;
  }
  return healthy >= group.desired_canaries;
}

bool has_attempts_left(const Allocation& alloc) {
  const TaskGroup* group = alloc.job->find_group(alloc.task_group);
  if (group == nullptr) return false;
  auto policy = reschedule_policy_of(*alloc.job, *group);
  return policy && reschedule_time(alloc, *policy).has_value();
}

/// The newest version that once completed a deployment.
JobPtr newest_stable(const StateStore& store, const std::string& job_id) {
  for (const JobPtr& version : store.job_versions(job_id)) {
    if (version->stable) return version;
  }
  return nullptr;
}

void promote_when_ready(Transaction& txn, const Deployment& deployment) {
  bool any = false;
  for (const auto& [name, group] : deployment.groups) {
    if (group.desired_canaries == 0 || group.promoted) continue;
    if (!group.auto_promote || !canaries_healthy(txn, group)) return;
    any = true;
  }
  if (any) (void)promote_deployment(txn, deployment, {});
}

/// When the group's time is up; 0: never.
int64_t deadline_of(const DeploymentGroup& group) {
  if (group.progress_deadline_ns == 0 || group.require_progress_by_ns == 0) return 0;
  if (group.healthy >= group.desired_total) return 0;
  // Waiting for a person to promote is no lack of progress.
  if (group.desired_canaries > 0 && !group.promoted && group.healthy >= group.desired_canaries) return 0;
  return group.require_progress_by_ns;
}

}  // namespace

Job put_next_version(Transaction& txn, const Job& spec) {
  Job job = spec;
  JobPtr current = txn.job(job.id);
  job.version = current == nullptr ? 0 : current->version + 1;
  job.create_index = current == nullptr ? txn.index() : current->create_index;
  job.job_modify_index = txn.index();
  job.modify_index = txn.index();
  job.submit_time_ns = txn.now_ns();
  job.stop = false;
  job.stable = false;
  job.status = "pending";
  txn.put_version(job);
  txn.put(job);
  return job;
}

bool record_health(Transaction& txn, Allocation& alloc, bool healthy, int64_t timestamp_ns) {
  AllocDeploymentStatus status = alloc.deployment_status.value_or(AllocDeploymentStatus{});
  // Decided once; only good to bad may still follow.
  if (status.healthy.has_value() && (*status.healthy == healthy || healthy)) return false;
  bool was_healthy = status.healthy == true;
  status.healthy = healthy;
  status.timestamp_ns = timestamp_ns != 0 ? timestamp_ns : txn.now_ns();
  status.modify_index = txn.index();
  alloc.deployment_status = status;
  DeploymentPtr row = txn.deployment(alloc.deployment_id);
  if (row == nullptr || !row->active()) return false;
  Deployment deployment = *row;
  auto it = deployment.groups.find(alloc.task_group);
  if (it == deployment.groups.end()) return false;
  DeploymentGroup& group = it->second;
  if (healthy) {
    ++group.healthy;
    // An agent's clock may be behind ours: progress is counted from when we heard of it.
    int64_t by = txn.now_ns() + group.progress_deadline_ns;
    if (group.progress_deadline_ns > 0) group.require_progress_by_ns = std::max(group.require_progress_by_ns, by);
  } else {
    ++group.unhealthy;
    if (was_healthy && group.healthy > 0) --group.healthy;
  }
  txn.put(std::move(deployment));
  return true;
}

void react_to_health(Transaction& txn, const Allocation& alloc) {
  DeploymentPtr deployment = txn.deployment(alloc.deployment_id);
  if (deployment == nullptr || !deployment->active() || !alloc.deployment_status) return;
  JobPtr job = txn.job(alloc.job_id);
  if (job == nullptr) return;
  auto group = deployment->groups.find(alloc.task_group);
  if (group == deployment->groups.end()) return;
  if (alloc.deployment_status->healthy == true) {
    promote_when_ready(txn, *deployment);
    ensure_eval(txn, *job, "deployment-watcher", deployment->id);
    return;
  }
  if (group->second.progress_deadline_ns == 0 || !has_attempts_left(alloc)) {
    fail_deployment(txn, *deployment, kDeploymentUnhealthy, group->second.auto_revert);
    return;
  }
  // Only with this mark is a failed allocation of an active deployment replaced.
  if (AllocPtr row = txn.alloc(alloc.id); row != nullptr && !row->transition_reschedule) {
    Allocation marked = *row;
    marked.transition_reschedule = true;
    txn.put(std::move(marked), Transaction::By::server);
  }
  ensure_eval(txn, *job, "deployment-watcher", deployment->id);
}

std::optional<uint64_t> fail_deployment(Transaction& txn, const Deployment& deployment, const std::string& reason,
                                        bool revert) {
  Deployment failed = deployment;
  failed.status = DeploymentPhase::failed;
  failed.status_description = reason;
  JobPtr job = txn.job(deployment.job_id);
  std::optional<uint64_t> reverted;
  if (revert && job != nullptr) {
    JobPtr stable = newest_stable(txn.store(), job->id);
    if (stable == nullptr) {
      failed.status_description += " - no stable job version to auto revert to";
    } else if (!spec_changed(*job, *stable)) {
      failed.status_description += " - not rolling back to stable job version " + std::to_string(stable->version) +
                                   " as current job has same specification";
    } else {
      failed.status_description += " - rolling back to job version " + std::to_string(stable->version);
      reverted = stable->version;
    }
    if (reverted) put_next_version(txn, *stable);
  }
  log::warn("deployment failed",
            {{"deployment", failed.id}, {"job", failed.job_id}, {"reason", failed.status_description}});
  txn.put(std::move(failed));
  if (JobPtr current = txn.job(deployment.job_id)) add_eval(txn, *current, "deployment-watcher", deployment.id);
  return reverted;
}

Status promote_deployment(Transaction& txn, const Deployment& deployment, const std::vector<std::string>& groups) {
  Deployment promoted = deployment;
  bool any = false;
  for (auto& [name, group] : promoted.groups) {
    bool wanted = groups.empty() || std::find(groups.begin(), groups.end(), name) != groups.end();
    if (!wanted || group.desired_canaries == 0 || group.promoted) continue;
    if (!canaries_healthy(txn, group)) {
      return fail(ErrorCode::conflict, "Task group \"" + name + "\" has not enough healthy canaries: " +
                                           std::to_string(group.desired_canaries) + " are needed");
    }
    group.promoted = true;
    if (group.progress_deadline_ns > 0) group.require_progress_by_ns = txn.now_ns() + group.progress_deadline_ns;
    any = true;
    for (const std::string& id : group.placed_canaries) {
      AllocPtr row = txn.alloc(id);
      if (row == nullptr || !row->deployment_status) continue;
      Allocation alloc = *row;
      alloc.deployment_status->canary = false;  // its agent registers the normal tags
      txn.put(std::move(alloc), Transaction::By::server);
    }
  }
  if (!any) return fail(ErrorCode::invalid, "no canaries to promote");
  promoted.status_description = kDeploymentRunning;
  txn.put(std::move(promoted));
  if (JobPtr job = txn.job(deployment.job_id)) ensure_eval(txn, *job, "deployment-watcher", deployment.id);
  return {};
}

int64_t enforce_progress_deadlines(StateStore& store) {
  int64_t now_ns = store.clock().wall_ns();
  int64_t next_ns = 0;
  std::vector<DeploymentPtr> late;
  for (const auto& [id, deployment] : store.deployments()) {
    if (deployment->status != DeploymentPhase::running) continue;
    for (const auto& [name, group] : deployment->groups) {
      int64_t deadline = deadline_of(group);
      if (deadline == 0) continue;
      if (deadline <= now_ns) {
        late.push_back(deployment);
        break;
      }
      if (next_ns == 0 || deadline < next_ns) next_ns = deadline;
    }
  }
  for (const DeploymentPtr& deployment : late) {
    bool revert = std::any_of(deployment->groups.begin(), deployment->groups.end(), [&](const auto& entry) {
      int64_t deadline = deadline_of(entry.second);
      return deadline != 0 && deadline <= now_ns && entry.second.auto_revert;
    });
    Transaction txn(store);
    fail_deployment(txn, *deployment, kDeploymentDeadline, revert);
    if (auto status = txn.commit(); !status) {
      log::error("deployment not failed", {{"deployment", deployment->id}, {"error", status.error()}});
    }
  }
  return next_ns;
}

}  // namespace weir::scheduler

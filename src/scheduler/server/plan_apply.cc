#include <algorithm>

#include "scheduler/server/eval_queue.h"
#include "weir/base/check.h"
#include "weir/base/random.h"

namespace weir::scheduler {
namespace {

void apply_stops(Transaction& txn, const Plan& plan) {
  for (const AllocStop& stop : plan.stops) {
    AllocPtr row = txn.alloc(stop.alloc_id);
    if (row == nullptr) continue;
    Allocation alloc = *row;
    alloc.desired_status = DesiredStatus::stop;
    alloc.desired_description = stop.description;
    if (stop.client_status) {
      alloc.client_status = *stop.client_status;
      alloc.client_description = stop.description;
    }
    txn.put(std::move(alloc), Transaction::By::server);
  }
}

void apply_placements(Transaction& txn, const Plan& plan) {
  for (const Allocation& placed : plan.placements) {
    CHECK(txn.node(placed.node_id) != nullptr);  // the snapshot is the state: nothing came between
    txn.put(placed, Transaction::By::server);
    AllocPtr previous = txn.alloc(placed.previous_allocation);
    if (previous == nullptr) continue;
    Allocation linked = *previous;
    linked.next_allocation = placed.id;
    txn.put(std::move(linked), Transaction::By::server);
  }
  for (const Allocation& updated : plan.in_place) {
    Allocation alloc = updated;
    txn.put(std::move(alloc), Transaction::By::server);
  }
  for (const auto& [alloc_id, eval_id] : plan.followups) {
    AllocPtr row = txn.alloc(alloc_id);
    if (row == nullptr) continue;
    Allocation alloc = *row;
    alloc.followup_eval_id = eval_id;
    txn.put(std::move(alloc), Transaction::By::server);
  }
}

void count_into(Deployment& deployment, const Allocation& alloc, int64_t now_ns) {
  if (alloc.deployment_id != deployment.id) return;
  auto it = deployment.groups.find(alloc.task_group);
  if (it == deployment.groups.end()) return;
  DeploymentGroup& group = it->second;
  ++group.placed;
  if (alloc.deployment_status && alloc.deployment_status->canary) group.placed_canaries.push_back(alloc.id);
  if (group.require_progress_by_ns == 0 && group.progress_deadline_ns > 0) {
    group.require_progress_by_ns = now_ns + group.progress_deadline_ns;
  }
}

void mark_stable(Transaction& txn, const Deployment& deployment) {
  JobPtr version = txn.store().job_version(
      {.job_id = deployment.job_id, .create_index = deployment.job_create_index, .version = deployment.job_version});
  if (version == nullptr) return;
  Job stable = *version;
  stable.stable = true;
  txn.put_version(std::move(stable));
  JobPtr current = txn.job(deployment.job_id);
  if (current == nullptr || current->create_index != deployment.job_create_index) return;
  if (current->version != deployment.job_version) return;
  Job job = *current;
  job.stable = true;
  txn.put(std::move(job));
}

void apply_deployment(Transaction& txn, const Plan& plan) {
  if (plan.deployment) {
    Deployment made = *plan.deployment;
    for (const Allocation& alloc : plan.placements) count_into(made, alloc, txn.now_ns());
    for (const Allocation& alloc : plan.in_place) count_into(made, alloc, txn.now_ns());
    txn.put(std::move(made));
  } else if (!plan.deployment_id.empty() && (!plan.placements.empty() || !plan.in_place.empty())) {
    if (DeploymentPtr row = txn.deployment(plan.deployment_id)) {
      Deployment deployment = *row;
      for (const Allocation& alloc : plan.placements) count_into(deployment, alloc, txn.now_ns());
      for (const Allocation& alloc : plan.in_place) count_into(deployment, alloc, txn.now_ns());
      if (deployment.groups != row->groups) txn.put(std::move(deployment));
    }
  }
  for (const DeploymentUpdate& update : plan.deployment_updates) {
    DeploymentPtr row = txn.deployment(update.deployment_id);
    if (row == nullptr) continue;
    Deployment deployment = *row;
    deployment.status = update.status;
    deployment.status_description = update.description;
    txn.put(std::move(deployment));
  }
}

/// One blocked evaluation a job: the newest; it stands for everything that waits for room.
void settle_blocked(Transaction& txn, const Plan& plan, Evaluation& evaluation, bool short_of_room) {
  for (const EvalPtr& other : txn.evals_of_job(evaluation.job_id)) {
    if (other->status != EvalStatus::blocked || other->id == evaluation.id) continue;
    Evaluation old = *other;
    old.status = EvalStatus::canceled;
    old.status_description = "evaluation " + evaluation.id + " looked at the job since";
    txn.put(std::move(old));
  }
  if (!short_of_room) return;
  if (evaluation.triggered_by == "queued-allocs") {
    evaluation.status = EvalStatus::blocked;  // it waits on itself again
    evaluation.status_description = "created to place remaining allocations";
    return;
  }
  Evaluation blocked;
  blocked.id = make_uuid();
  blocked.priority = evaluation.priority;
  blocked.type = evaluation.type;
  blocked.triggered_by = "queued-allocs";
  blocked.job_id = evaluation.job_id;
  blocked.job_modify_index = evaluation.job_modify_index;
  blocked.status = EvalStatus::blocked;
  blocked.status_description = "created to place remaining allocations";
  blocked.previous_eval = evaluation.id;
  blocked.snapshot_index = evaluation.snapshot_index;
  blocked.failed_tg_allocs = plan.failed_groups;
  blocked.queued_allocations = plan.queued;
  evaluation.blocked_eval = blocked.id;
  txn.put(std::move(blocked));
}

}  // namespace

void apply_plan(Transaction& txn, const Plan& plan, const Evaluation& evaluation) {
  apply_stops(txn, plan);
  apply_placements(txn, plan);
  apply_deployment(txn, plan);
  for (const DeploymentUpdate& update : plan.deployment_updates) {
    if (update.status != DeploymentPhase::successful) continue;
    if (DeploymentPtr row = txn.deployment(update.deployment_id)) mark_stable(txn, *row);
  }
  for (const Evaluation& followup : plan.followup_evals) txn.put(followup);
  Evaluation done = evaluation;
  done.status = EvalStatus::complete;
  done.status_description = "";
  done.failed_tg_allocs = plan.failed_groups;
  done.queued_allocations = plan.queued;
  done.snapshot_index = txn.index() - 1;
  if (!plan.deployment_id.empty()) done.deployment_id = plan.deployment_id;
  if (plan.next_eval) {
    done.next_eval = plan.next_eval->id;
    txn.put(*plan.next_eval);
  }
  bool short_of_room =
      std::any_of(plan.queued.begin(), plan.queued.end(), [](const auto& entry) { return entry.second > 0; });
  settle_blocked(txn, plan, done, short_of_room);
  txn.put(std::move(done));
}

}  // namespace weir::scheduler

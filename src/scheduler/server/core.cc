#include "scheduler/server/core.h"

#include "scheduler/plan/deployment_words.h"
#include "scheduler/server/deployments.h"
#include "scheduler/server/drainer.h"
#include "weir/base/log.h"

namespace weir::scheduler {

Result<std::unique_ptr<Core>> Core::open(const CoreOptions& options, const Clock& clock) {
  auto store = StateStore::open(options.state_path, clock);
  if (!store) return fail(store.error());
  return std::unique_ptr<Core>(new Core(std::move(*store), options));
}

Core::Core(std::unique_ptr<StateStore> store, const CoreOptions& options)
    : options_(options),
      store_(std::move(store)),
      queue_(*store_),
      jobs_(*store_),
      nodes_(*store_, queue_, options.node_times),
      next_collect_ms_(store_->clock().monotonic_ms() + options.collect_period_ms) {
  // What was blocked when we stopped may fit now: nodes may have changed meanwhile.
  queue_.note_capacity();
}

bool Core::turn() {
  nodes_.expire();
  advance_drains(*store_);
  enforce_progress_deadlines(*store_);
  bool more = queue_.run();
  if (store_->clock().monotonic_ms() >= next_collect_ms_) {
    next_collect_ms_ = store_->clock().monotonic_ms() + options_.collect_period_ms;
    if (auto status = collect_garbage(*store_, options_.collect_ages); !status) {
      log::error("garbage not collected", {{"error", status.error()}});
    }
  }
  return more;
}

Status Core::collect_now() { return collect_garbage(*store_, kCollectNow); }

Result<std::string> Core::stop_alloc(const std::string& id) {
  AllocPtr row = store_->alloc(id);
  if (row == nullptr) return fail(ErrorCode::not_found, "alloc not found");
  Transaction txn(*store_);
  Allocation alloc = *row;
  alloc.desired_status = DesiredStatus::stop;
  alloc.desired_description = "alloc was stopped by hand";
  txn.put(std::move(alloc), Transaction::By::server);
  std::string eval_id = ensure_eval_of(txn, row->job_id, "alloc-stop");
  if (auto status = txn.commit(); !status) return fail(status.error());
  return eval_id;
}

Result<DeploymentPtr> Core::active_deployment(const std::string& id) const {
  DeploymentPtr deployment = store_->deployment(id);
  if (deployment == nullptr) return fail(ErrorCode::not_found, "deployment not found");
  if (!deployment->active()) {
    return fail(ErrorCode::invalid,
                "can't change terminal deployment: it is " + std::string(to_string(deployment->status)));
  }
  return deployment;
}

Result<Core::DeploymentOutcome> Core::finish(Transaction& txn, const Deployment& deployment) {
  DeploymentOutcome outcome{.index = txn.index()};
  if (JobPtr job = txn.job(deployment.job_id)) {
    outcome.eval_id = ensure_eval(txn, *job, "deployment-watcher", deployment.id);
  }
  if (auto status = txn.commit(); !status) return fail(status.error());
  return outcome;
}

Result<Core::DeploymentOutcome> Core::promote(const std::string& id, const std::vector<std::string>& groups) {
  auto deployment = active_deployment(id);
  if (!deployment) return fail(deployment.error());
  Transaction txn(*store_);
  if (auto status = promote_deployment(txn, **deployment, groups); !status) return fail(status.error());
  return finish(txn, **deployment);
}

Result<Core::DeploymentOutcome> Core::fail_by_hand(const std::string& id) {
  auto deployment = active_deployment(id);
  if (!deployment) return fail(deployment.error());
  bool revert = false;
  for (const auto& [name, group] : (*deployment)->groups) revert = revert || group.auto_revert;
  Transaction txn(*store_);
  auto reverted = fail_deployment(txn, **deployment, kDeploymentMarkedFailed, revert);
  auto outcome = finish(txn, **deployment);
  if (outcome) outcome->reverted_version = reverted;
  return outcome;
}

Result<Core::DeploymentOutcome> Core::pause(const std::string& id, bool pause) {
  auto row = active_deployment(id);
  if (!row) return fail(row.error());
  Transaction txn(*store_);
  Deployment deployment = **row;
  deployment.status = pause ? DeploymentPhase::paused : DeploymentPhase::running;
  deployment.status_description = pause ? kDeploymentPaused : kDeploymentRunning;
  if (!pause) {
    for (auto& [name, group] : deployment.groups) {
      if (group.require_progress_by_ns != 0) group.require_progress_by_ns = txn.now_ns() + group.progress_deadline_ns;
    }
  }
  txn.put(deployment);
  return finish(txn, deployment);
}

Result<Core::DeploymentOutcome> Core::set_health(const std::string& id, const std::vector<std::string>& healthy,
                                                 const std::vector<std::string>& unhealthy) {
  auto deployment = active_deployment(id);
  if (!deployment) return fail(deployment.error());
  Transaction txn(*store_);
  auto apply = [&](const std::string& alloc_id, bool value) -> Status {
    AllocPtr row = txn.alloc(alloc_id);
    if (row == nullptr || row->deployment_id != id) {
      return fail(ErrorCode::not_found, "alloc " + alloc_id + " is not part of the deployment");
    }
    Allocation alloc = *row;
    if (!record_health(txn, alloc, value, txn.now_ns())) return {};
    Allocation shown = alloc;
    txn.put(std::move(alloc), Transaction::By::server);
    react_to_health(txn, shown);
    return {};
  };
  for (const std::string& alloc_id : healthy) {
    if (auto status = apply(alloc_id, true); !status) return fail(status.error());
  }
  for (const std::string& alloc_id : unhealthy) {
    if (auto status = apply(alloc_id, false); !status) return fail(status.error());
  }
  return finish(txn, **deployment);
}

}  // namespace weir::scheduler

#include "scheduler/server/collector.h"

#include <algorithm>
#include <set>

namespace weir::scheduler {
namespace {

/// One sweep. The order matters: allocations go before the evaluations, deployments and jobs that they refer to.
class Sweep {
 public:
  Sweep(StateStore& store, const CollectAges& ages) : store_(store), ages_(ages), txn_(store) {}

  Status run() {
    allocs();
    evals();
    deployments();
    jobs();
    versions();
    nodes();
    return txn_.commit();
  }

 private:
  [[nodiscard]] bool old(int64_t since_ns, int64_t age_ns) const { return txn_.now_ns() - since_ns >= age_ns; }

  /// One that failed and has no successor still holds its place in the count, and its history.
  [[nodiscard]] bool collectable(const Allocation& a) const {
    if (!a.client_terminal() || !old(a.modify_time_ns, ages_.eval_ns)) return false;
    JobPtr job = store_.job(a.job_id);
    bool job_over = job == nullptr || job->stop || job->create_index != a.job->create_index;
    if (a.desired_status == DesiredStatus::run && a.next_allocation.empty() && !job_over) return false;
    AllocPtr next = store_.alloc(a.next_allocation);
    return next == nullptr || next->client_status != ClientStatus::pending;
  }

  void allocs() {
    for (const auto& [id, a] : store_.allocs()) {
      if (collectable(*a)) {
        txn_.erase_alloc(id);
      } else {
        kept_evals_.insert(a->eval_id);
        kept_deployments_.insert(a->deployment_id);
        kept_versions_.insert({.job_id = a->job_id, .create_index = a->job->create_index, .version = a->job->version});
        kept_jobs_.insert(a->job_id);
        kept_nodes_.insert(a->node_id);
      }
    }
  }

  void evals() {
    for (const auto& [id, e] : store_.evals()) {
      bool over = e->terminal() && old(e->modify_time_ns, ages_.eval_ns) && !kept_evals_.contains(id);
      if (over) {
        txn_.erase_eval(id);
      } else {
        kept_jobs_.insert(e->job_id);
      }
    }
  }

  void deployments() {
    for (const auto& [id, d] : store_.deployments()) {
      if (d->active() || !old(d->modify_time_ns, ages_.deployment_ns) || kept_deployments_.contains(id)) continue;
      // The newest one tells that the present version was refused; without it the planner would try again.
      auto of_job = store_.deployments_of_job(d->job_id);
      bool newest = of_job.back()->id == id;
      JobPtr job = store_.job(d->job_id);
      if (newest && d->status == DeploymentPhase::failed && job != nullptr && !job->stop) continue;
      txn_.erase_deployment(id);
    }
  }

  void jobs() {
    for (const auto& [id, job] : store_.jobs()) {
      if (!job->stop || job->status != "dead" || kept_jobs_.contains(id)) continue;
      if (old(job->submit_time_ns, ages_.job_ns)) txn_.erase_job(id);
    }
  }

  void versions() {
    std::map<std::string, size_t> seen;  // of the present job; versions are walked from the oldest, so count them first
    for (const auto& [reference, row] : store_.all_job_versions()) ++seen[reference.job_id];
    for (const auto& [reference, row] : store_.all_job_versions()) {
      JobPtr job = txn_.job(reference.job_id);
      bool present = job != nullptr && job->create_index == reference.create_index;
      bool recent = present && seen[reference.job_id] <= kJobVersionsKept;
      bool current = present && job->version == reference.version;
      if (recent || current || kept_versions_.contains(reference) || (present && last_stable(*job, reference)))
        continue;
      --seen[reference.job_id];
      txn_.erase_version(reference);
    }
  }

  /// What auto_revert would go back to stays, however old.
  [[nodiscard]] bool last_stable(const Job& job, const JobReference& reference) const {
    for (const JobPtr& version : store_.job_versions(job.id)) {
      if (version->stable) return version->version == reference.version;
    }
    return false;
  }

  void nodes() {
    for (const auto& [id, node] : store_.nodes()) {
      if (node->status != NodeStatus::down || kept_nodes_.contains(id)) continue;
      if (old(node->status_updated_at_s * 1'000'000'000, ages_.node_ns)) txn_.erase_node(id);
    }
  }

  StateStore& store_;
  const CollectAges& ages_;
  Transaction txn_;
  std::set<std::string> kept_evals_;
  std::set<std::string> kept_deployments_;
  std::set<std::string> kept_jobs_;
  std::set<std::string> kept_nodes_;
  std::set<JobReference> kept_versions_;
};

}  // namespace

Status collect_garbage(StateStore& store, const CollectAges& ages) { return Sweep(store, ages).run(); }

}  // namespace weir::scheduler

#include "scheduler/plan/reconcile_system.h"

#include <algorithm>
#include <set>

#include "scheduler/job_diff.h"
#include "scheduler/plan/derived_id.h"
#include "scheduler/plan/feasibility.h"
#include "scheduler/plan/plan_parts.h"
#include "scheduler/plan/reschedule.h"

namespace weir::scheduler {
namespace {

/// One pass over one group of a system job.
class SystemGroupPass {
 public:
  SystemGroupPass(const Snapshot& snapshot, const TaskGroup& group, int64_t now_ns, Plan& plan)
      : snapshot_(snapshot),
        job_(*snapshot.job),
        group_(group),
        now_ns_(now_ns),
        plan_(plan),
        desired_(plan.desired_updates[group.name]) {}

  void sort(const AllocPtr& a) {
    bool lost = !a->client_terminal() && node_is_lost(snapshot_, a->node_id);
    if (a->desired_status != DesiredStatus::run) {
      if (lost) stop(*a, kReasonLost, ClientStatus::lost);
      return;
    }
    if (a->job->create_index != job_.create_index) return stop(*a, kReasonNotNeeded);
    if (lost) return stop(*a, kReasonLost, ClientStatus::lost);
    auto node = snapshot_.nodes.find(a->node_id);
    if (a->client_terminal()) {
      if (node != snapshot_.nodes.end()) sort_ended(a, *node->second);
      return;
    }
    if (group_.count.value() <= 0 || !node_is_in_reach(*node->second, job_) ||
        infeasible_reason(*node->second, job_, group_)) {
      return stop(*a, kReasonNotNeeded);
    }
    if (node->second->draining && a->transition_migrate) return stop(*a, kReasonMigrated);
    if (!covered_.insert(a->node_id).second) return stop(*a, kReasonNotNeeded);
    compare_versions(a);
  }

  void wanted_on_new_nodes() {
    if (group_.count.value() <= 0) return;
    FeasibleNodes feasible = find_feasible_nodes(snapshot_, job_, group_);
    for (const Node* node : feasible.nodes) {
      if (covered_.contains(node->id)) continue;
      wanted_.push_back({.job = snapshot_.job, .group = &group_, .name = allocation_name(job_.id, group_.name, 0)});
      nodes_.push_back(node);
      ++desired_.place;
    }
    // Filtered nodes are no failure of a system job, unless there is no other.
    if (feasible.nodes.empty() && feasible.metric.nodes_filtered > 0 && covered_.empty()) {
      plan_.failed_groups[group_.name] = feasible.metric;
    }
  }

  /// Destructive updates, as many as `limit` still allows. Returns how many are left over.
  size_t take_destructive(size_t limit) {
    size_t now = std::min(limit, destructive_.size());
    for (size_t i = 0; i < now; ++i) {
      const AllocPtr& a = destructive_[i];
      wanted_.push_back(
          {.job = snapshot_.job, .group = &group_, .name = a->name, .previous = a, .stop_reason = kReasonUpdated});
      nodes_.push_back(snapshot_.nodes.at(a->node_id).get());
    }
    desired_.destructive_update = now;
    desired_.ignore += destructive_.size() - now;
    return destructive_.size() - now;
  }

  void carry_out_all(Placer& placer) {
    for (size_t i = 0; i < wanted_.size(); ++i) carry_out(wanted_[i], placer, nodes_[i], now_ns_, plan_);
  }

  std::vector<LaterReschedule> take_later() { return std::move(later_); }

 private:
  void stop(const Allocation& a, const char* reason, std::optional<ClientStatus> status = {}) {
    plan_.stops.push_back({.alloc_id = a.id, .description = reason, .client_status = status});
    if (a.desired_status == DesiredStatus::run) ++desired_.stop;
  }

  /// It has ended on a node where it should run: again after a back-off, at once when the job was changed.
  void sort_ended(const AllocPtr& a, const Node& node) {
    if (a->client_status == ClientStatus::lost) return;
    if (!node_is_candidate(node, job_) || infeasible_reason(node, job_, group_)) return;
    if (!covered_.insert(a->node_id).second) return;
    auto time = reschedule_time(*a, *reschedule_policy_of(job_, group_));
    bool changed = a->job->version != job_.version;
    constexpr int64_t kToleranceNs = 1'000'000'000;
    if (!changed && time->at_ns > now_ns_ + kToleranceNs) {
      ++desired_.ignore;
      if (a->followup_eval_id.empty()) later_.push_back({.allocation = a, .at_ns = time->at_ns});
      return;
    }
    stop(*a, changed ? kReasonUpdated : kReasonRescheduled);
    --desired_.stop;
    ++desired_.place;
    wanted_.push_back({.job = snapshot_.job,
                       .group = &group_,
                       .name = a->name,
                       .previous = a,
                       .rescheduled = !changed,
                       .reschedule_delay_ns = changed ? 0 : time->delay_ns});
    nodes_.push_back(&node);
  }

  void compare_versions(const AllocPtr& a) {
    if (a->job->version == job_.version) {
      ++desired_.ignore;
    } else if (classify_group(*a->job, job_, group_.name) == ChangeClass::destructive) {
      destructive_.push_back(a);
    } else {
      plan_.in_place.push_back(in_place_row(*a, snapshot_.job, ""));
      ++desired_.in_place_update;
    }
  }

  const Snapshot& snapshot_;
  const Job& job_;
  const TaskGroup& group_;
  int64_t now_ns_;
  Plan& plan_;
  DesiredUpdates& desired_;
  std::set<std::string> covered_;  // nodes that have theirs
  std::vector<AllocPtr> destructive_;
  std::vector<WantedPlacement> wanted_;
  std::vector<const Node*> nodes_;  // of wanted_
  std::vector<LaterReschedule> later_;
};

}  // namespace

void plan_system_job(const Snapshot& snapshot, const Evaluation& evaluation, int64_t now_ns, Plan& plan) {
  const Job& job = *snapshot.job;
  std::vector<SystemGroupPass> passes;
  passes.reserve(job.task_groups.size());
  std::map<std::string, size_t> by_name;
  for (const TaskGroup& group : job.task_groups) {
    by_name[group.name] = passes.size();
    passes.emplace_back(snapshot, group, now_ns, plan);
  }
  for (const AllocPtr& a : snapshot.job_allocs) {
    auto it = by_name.find(a->task_group);
    if (it != by_name.end()) {
      passes[it->second].sort(a);
    } else if (a->desired_status == DesiredStatus::run) {
      plan.stops.push_back({.alloc_id = a->id, .description = kReasonNotNeeded});
      ++plan.desired_updates[a->task_group].stop;
    }
  }
  Placer placer(snapshot, evaluation.id, now_ns);
  std::vector<LaterReschedule> later;
  size_t left_over = 0;
  int64_t stagger_ns = 0;
  for (size_t i = 0; i < passes.size(); ++i) {
    const auto& update = job.task_groups[i].update;
    bool rolling = update && update->max_parallel.value() > 0 && update->stagger_ns.value() > 0;
    size_t limit = rolling ? static_cast<size_t>(update->max_parallel.value()) : SIZE_MAX;
    passes[i].wanted_on_new_nodes();
    size_t rest = passes[i].take_destructive(limit);
    if (rest > 0) stagger_ns = std::max(stagger_ns, update->stagger_ns.value());
    left_over += rest;
    passes[i].carry_out_all(placer);
    auto part = passes[i].take_later();
    later.insert(later.end(), part.begin(), part.end());
  }
  add_followups(plan, evaluation, std::move(later));
  if (left_over == 0) return;
  Evaluation next;
  next.id = derive_uuid(evaluation.id, "rolling", 0);
  next.priority = evaluation.priority;
  next.type = evaluation.type;
  next.triggered_by = "rolling-update";
  next.job_id = evaluation.job_id;
  next.job_modify_index = job.job_modify_index;
  next.previous_eval = evaluation.id;
  next.wait_ns = stagger_ns;
  next.wait_until_ns = now_ns + stagger_ns;
  plan.next_eval = std::move(next);
}

}  // namespace weir::scheduler

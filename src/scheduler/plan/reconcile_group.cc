#include "scheduler/plan/reconcile_group.h"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include "scheduler/job_diff.h"
#include "scheduler/plan/feasibility.h"
#include "scheduler/plan/reschedule.h"
#include "scheduler/task_env.h"

namespace weir::scheduler {
namespace {

// A follow-up evaluation may run a little before the time it was made for.
constexpr int64_t kRescheduleToleranceNs = 1'000'000'000;

struct Rescheduled {
  AllocPtr allocation;
  int64_t delay_ns = 0;
};

/// One pass over one group. The steps stand in the order they run.
class GroupPass {
 public:
  explicit GroupPass(const GroupInput& input)
      : in_(input), job_(*input.snapshot.job), strategy_(input.group.update ? &*input.group.update : nullptr) {
    if (strategy_ != nullptr && (strategy_->max_parallel.value() <= 0 || job_.type != "service")) strategy_ = nullptr;
    if (in_.deployment == nullptr) return;
    auto it = in_.deployment->groups.find(in_.group.name);
    if (it != in_.deployment->groups.end()) state_ = &it->second;
  }

  GroupPlan run() {
    sort();
    stop_stale_canaries();
    split_canaries();
    stop_surplus();
    classify();
    plan_canaries();
    plan_replacements();
    plan_new();
    plan_destructive();
    finish();
    return std::move(plan_);
  }

 private:
  [[nodiscard]] bool deployment_failed() const {
    return in_.deployment != nullptr && in_.deployment->status == DeploymentPhase::failed;
  }
  [[nodiscard]] bool deployment_paused() const {
    return in_.deployment != nullptr && in_.deployment->status == DeploymentPhase::paused;
  }
  [[nodiscard]] bool in_active_deployment(const Allocation& a) const {
    return in_.deployment != nullptr && in_.deployment->active() && a.deployment_id == in_.deployment->id;
  }
  [[nodiscard]] bool is_current(const Allocation& a) const { return a.job->version == job_.version; }
  [[nodiscard]] bool may_place() const { return !deployment_failed() && !deployment_paused() && !canarying_; }

  void stop(const Allocation& a, const char* reason, std::optional<ClientStatus> status = {}) {
    plan_.stops.push_back({.alloc_id = a.id, .description = reason, .client_status = status});
  }

  void sort() {
    for (const AllocPtr& a : in_.allocs) {
      if (is_current(*a) && a->job->create_index == job_.create_index) version_ran_ = true;
      bool lost = !a->client_terminal() && node_is_lost(in_.snapshot, a->node_id);
      if (a->desired_status != DesiredStatus::run) {
        if (lost) stop(*a, kReasonLost, ClientStatus::lost);
        continue;
      }
      if (a->job->create_index != job_.create_index) {
        stop(*a, kReasonNotNeeded);
        ++plan_.desired.stop;
      } else if (a->client_terminal()) {
        sort_ended(a);
      } else if (lost) {
        stop(*a, kReasonLost, ClientStatus::lost);
        lost_.push_back(a);
      } else if (a->transition_migrate && in_.snapshot.nodes.at(a->node_id)->draining) {
        migrate_.push_back(a);
      } else {
        live_.push_back(a);
      }
    }
  }

  void sort_ended(const AllocPtr& a) {
    if (a->client_status == ClientStatus::lost) return;
    if (a->client_status == ClientStatus::complete && job_.type == "batch") return live_.push_back(a);
    if (in_active_deployment(*a) && !a->transition_reschedule) return live_.push_back(a);
    auto policy = reschedule_policy_of(job_, in_.group);
    auto time = policy ? reschedule_time(*a, *policy) : std::nullopt;
    if (!time) return live_.push_back(a);
    if (time->at_ns <= in_.now_ns + kRescheduleToleranceNs) {
      reschedule_.push_back({.allocation = a, .delay_ns = time->delay_ns});
      return;
    }
    waiting_.push_back(a);
    if (a->followup_eval_id.empty()) plan_.later.push_back({.allocation = a, .at_ns = time->at_ns});
  }

  /// Canaries of a deployment that is over without having been promoted have no task any more.
  void stop_stale_canaries() {
    auto stale = [&](const AllocPtr& a) {
      if (!a->deployment_status || !a->deployment_status->canary) return false;
      if (in_active_deployment(*a)) return false;
      stop(*a, kReasonNotNeeded);
      ++plan_.desired.stop;
      return true;
    };
    std::erase_if(live_, stale);
    std::erase_if(migrate_, stale);
    std::erase_if(waiting_, stale);
    std::erase_if(reschedule_, [&](const Rescheduled& r) { return stale(r.allocation); });
  }

  /// Until promotion canaries come on top of the count.
  void split_canaries() {
    bool promoted = state_ != nullptr && state_->promoted;
    if (promoted || state_ == nullptr || state_->desired_canaries == 0) return;
    canarying_ = true;
    auto is_canary = [&](const AllocPtr& a) { return a->deployment_status && a->deployment_status->canary; };
    for (auto* list : {&live_, &waiting_}) {
      for (const AllocPtr& a : *list) {
        if (is_canary(a)) canaries_.push_back(a);
      }
      std::erase_if(*list, is_canary);
    }
    std::erase_if(lost_, is_canary);  // the canary count itself brings a new one
    for (const Rescheduled& r : reschedule_) {
      if (is_canary(r.allocation)) rescheduled_canaries_.push_back(r);
    }
    std::erase_if(reschedule_, [&](const Rescheduled& r) { return is_canary(r.allocation); });
  }

  [[nodiscard]] int64_t count() const { return std::max<int64_t>(in_.group.count.value(), 0); }
  [[nodiscard]] int64_t holding() const {
    return static_cast<int64_t>(live_.size() + migrate_.size() + waiting_.size());
  }

  /// Who goes first: what does not run anyway, what leaves its node, an old version whose name a new one bears, an old
  /// version, the highest index.
  void stop_surplus() {
    int64_t surplus = holding() - count();
    if (surplus <= 0) return;
    std::set<std::string> new_names;
    for (const AllocPtr& a : live_) {
      if (is_current(*a)) new_names.insert(a->name);
    }
    struct Rank {
      int dead, migrating, doubled, old;
      uint64_t index;
      AllocPtr allocation;
    };
    std::vector<Rank> ranks;
    for (auto* list : {&live_, &migrate_, &waiting_}) {
      for (const AllocPtr& a : *list) {
        bool old = !is_current(*a);
        ranks.push_back({a->client_terminal(), list == &migrate_, old && new_names.contains(a->name), old,
                         allocation_index(a->name), a});
      }
    }
    std::stable_sort(ranks.begin(), ranks.end(), [](const Rank& a, const Rank& b) {
      return std::tie(a.dead, a.migrating, a.doubled, a.old, a.index) >
             std::tie(b.dead, b.migrating, b.doubled, b.old, b.index);
    });
    std::set<std::string> going;
    for (int64_t i = 0; i < surplus; ++i) {
      stop(*ranks[static_cast<size_t>(i)].allocation, kReasonNotNeeded);
      going.insert(ranks[static_cast<size_t>(i)].allocation->id);
      ++plan_.desired.stop;
    }
    auto gone = [&](const AllocPtr& a) { return going.contains(a->id); };
    std::erase_if(live_, gone);
    std::erase_if(migrate_, gone);
    std::erase_if(waiting_, gone);
    std::erase_if(plan_.later, [&](const LaterReschedule& l) { return going.contains(l.allocation->id); });
  }

  void classify() {
    for (const AllocPtr& a : live_) {
      if (is_current(*a)) {
        ++plan_.desired.ignore;
        continue;
      }
      if (a->client_terminal()) {
        if (a->client_status == ClientStatus::complete) {
          ++plan_.desired.ignore;  // batch work that is done
        } else {
          destructive_.push_back(a);
        }
        continue;
      }
      const Node& node = *in_.snapshot.nodes.at(a->node_id);
      bool stays = node_is_in_reach(node, job_) && !infeasible_reason(node, job_, in_.group) &&
                   classify_group(*a->job, job_, in_.group.name) != ChangeClass::destructive;
      (stays ? plan_.in_place : destructive_).push_back(a);
    }
    plan_.desired.in_place_update = plan_.in_place.size();
    plan_.desired.ignore += waiting_.size();
    std::stable_sort(destructive_.begin(), destructive_.end(), [](const AllocPtr& a, const AllocPtr& b) {
      return std::make_tuple(!a->client_terminal(), allocation_index(a->name)) <
             std::make_tuple(!b->client_terminal(), allocation_index(b->name));
    });
  }

  void place(WantedPlacement wanted) {
    wanted.group = wanted.job->find_group(in_.group.name);
    names_.insert(wanted.name);
    plan_.placements.push_back(std::move(wanted));
  }

  void plan_canaries() {
    if (strategy_ == nullptr || strategy_->canary.value() <= 0 || deployment_failed() || deployment_paused()) return;
    if (state_ != nullptr && state_->promoted) return;
    if (destructive_.empty() && !canarying_) return;
    canarying_ = true;
    wants_canaries_ = true;
    int64_t missing = strategy_->canary.value() - static_cast<int64_t>(canaries_.size());
    for (const Rescheduled& r : rescheduled_canaries_) {
      stop(*r.allocation, kReasonRescheduled);
      if (missing-- <= 0) continue;
      place({.job = in_.snapshot.job,
             .name = r.allocation->name,
             .previous = r.allocation,
             .rescheduled = true,
             .reschedule_delay_ns = r.delay_ns,
             .canary = true});
      ++plan_.desired.canary;
    }
    std::set<std::string> taken;
    for (const AllocPtr& a : canaries_) taken.insert(a->name);
    for (const WantedPlacement& p : plan_.placements) taken.insert(p.name);
    // The names of those they will replace, so that promotion stops just these.
    std::vector<std::string> names;
    for (const AllocPtr& a : destructive_) names.push_back(a->name);
    uint64_t next = 0;
    for (size_t i = 0; missing > 0; ++i) {
      std::string name = i < names.size() ? names[i] : allocation_name(job_.id, in_.group.name, next++);
      if (!taken.insert(name).second) continue;
      place({.job = in_.snapshot.job, .name = name, .canary = true});
      ++plan_.desired.canary;
      --missing;
    }
  }

  /// Lost, failed and migrating ones, as far as the count has room; also while a deployment holds everything else back.
  void plan_replacements() {
    int64_t room = count() - holding();
    auto job_for = [&](const Allocation& a) { return canarying_ && !is_current(a) ? a.job : in_.snapshot.job; };
    auto of_failed_deployment = [&](const Allocation& a) {
      return deployment_failed() && a.deployment_id == in_.deployment->id;
    };
    for (const AllocPtr& a : lost_) {
      if (room <= 0) break;
      --room;
      if (of_failed_deployment(*a) && !deployment_allows(*a)) continue;
      place({.job = job_for(*a), .name = a->name, .previous = a});
      ++plan_.desired.place;
    }
    for (const Rescheduled& r : reschedule_) {
      const Allocation& a = *r.allocation;
      if (of_failed_deployment(a)) continue;
      stop(a, room > 0 ? kReasonRescheduled : kReasonNotNeeded);
      if (room <= 0) {
        ++plan_.desired.stop;
        continue;
      }
      --room;
      place({.job = job_for(a),
             .name = a.name,
             .previous = r.allocation,
             .rescheduled = true,
             .reschedule_delay_ns = r.delay_ns});
      ++plan_.desired.place;
    }
    for (const AllocPtr& a : migrate_) {
      place({.job = job_for(*a), .name = a->name, .previous = a, .stop_reason = kReasonMigrated});
      ++plan_.desired.migrate;
    }
    room_ = room;
  }

  /// A node that was lost is no fault of the version: its allocations come back, unless this version never worked.
  static bool deployment_allows(const Allocation& a) {
    return a.deployment_status && a.deployment_status->healthy.value_or(false);
  }

  void plan_new() {
    if (!may_place()) return;
    for (auto* list : {&live_, &migrate_, &waiting_}) {
      for (const AllocPtr& a : *list) names_.insert(a->name);
    }
    uint64_t next = 0;
    for (; room_ > 0; --room_) {
      std::string name = allocation_name(job_.id, in_.group.name, next);
      while (names_.contains(name)) name = allocation_name(job_.id, in_.group.name, ++next);
      place({.job = in_.snapshot.job, .name = name});
      ++plan_.desired.place;
    }
  }

  [[nodiscard]] int64_t update_limit() const {
    if (strategy_ == nullptr) return std::numeric_limits<int64_t>::max();
    if (!may_place()) return 0;
    int64_t limit = strategy_->max_parallel.value();
    if (in_.deployment == nullptr || state_ == nullptr) {
      return limit - static_cast<int64_t>(plan_.placements.size());
    }
    for (const AllocPtr& a : in_.allocs) {
      if (a->desired_status != DesiredStatus::run || a->deployment_id != in_.deployment->id) continue;
      if (a->client_status == ClientStatus::lost) continue;
      auto healthy = a->deployment_status ? a->deployment_status->healthy : std::nullopt;
      if (healthy == false || a->client_status == ClientStatus::failed) return 0;
      if (!healthy) --limit;
    }
    return limit - static_cast<int64_t>(plan_.placements.size());
  }

  void plan_destructive() {
    int64_t limit = std::max<int64_t>(update_limit(), 0);
    size_t now = std::min(destructive_.size(), static_cast<size_t>(limit));
    if (strategy_ != nullptr && canarying_) now = 0;
    plan_.desired.ignore += destructive_.size() - now;
    plan_.desired.destructive_update = now;
    for (size_t i = 0; i < now; ++i) {
      const AllocPtr& a = destructive_[i];
      place({.job = in_.snapshot.job, .name = a->name, .previous = a, .stop_reason = kReasonUpdated});
    }
  }

  void finish() {
    size_t now = plan_.desired.destructive_update;
    size_t fresh = plan_.placements.size() - now - plan_.desired.canary - migrate_.size();
    bool spec_moves = !destructive_.empty() || !plan_.in_place.empty();
    bool nothing_left = destructive_.empty() && plan_.in_place.empty() && plan_.placements.empty() &&
                        reschedule_.empty() && waiting_.empty() && migrate_.empty();
    plan_.deployment_done = nothing_left && group_is_healthy();
    if (strategy_ == nullptr || in_.deployment != nullptr || (version_ran_ && !spec_moves)) return;
    auto total = static_cast<int64_t>(destructive_.size() + plan_.in_place.size() + fresh);
    if (total == 0) return;
    plan_.new_deployment = DeploymentGroup{
        .auto_revert = strategy_->auto_revert.value(),
        .auto_promote = strategy_->auto_promote.value(),
        .progress_deadline_ns = strategy_->progress_deadline_ns.value(),
        .desired_canaries = wants_canaries_ ? strategy_->canary.value() : 0,
        .desired_total = total,
    };
  }

  [[nodiscard]] bool group_is_healthy() const {
    if (state_ == nullptr) return true;
    if (state_->desired_canaries > 0 && !state_->promoted) return false;
    return state_->healthy >= std::max(state_->desired_total, state_->desired_canaries);
  }

  const GroupInput& in_;
  const Job& job_;
  const UpdateStrategy* strategy_;          // null: no deployment, no limit
  const DeploymentGroup* state_ = nullptr;  // the group's part of the deployment
  GroupPlan plan_;
  bool version_ran_ = false;
  bool canarying_ = false;
  bool wants_canaries_ = false;
  int64_t room_ = 0;
  std::vector<AllocPtr> live_;     // hold a place of the count, running or not
  std::vector<AllocPtr> migrate_;  // run, must leave their node
  std::vector<AllocPtr> lost_;
  std::vector<AllocPtr> waiting_;  // failed, their back-off is not over
  std::vector<Rescheduled> reschedule_;
  std::vector<AllocPtr> canaries_;
  std::vector<Rescheduled> rescheduled_canaries_;
  std::vector<AllocPtr> destructive_;
  std::set<std::string> names_;
};

}  // namespace

bool node_is_lost(const Snapshot& snapshot, const std::string& node_id) {
  auto it = snapshot.nodes.find(node_id);
  return it == snapshot.nodes.end() || it->second->status == NodeStatus::down;
}

std::string allocation_name(const std::string& job_id, const std::string& group, uint64_t index) {
  return job_id + "." + group + "[" + std::to_string(index) + "]";
}

GroupPlan reconcile_group(const GroupInput& input) { return GroupPass(input).run(); }

}  // namespace weir::scheduler

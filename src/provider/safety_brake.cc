#include "provider/safety_brake.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

namespace weir::provider {
namespace {

using catalog::CatalogSnapshot;
using catalog::Health;
using catalog::Instance;
using catalog::Service;

// Several hundred changes within the window: above that the oldest are merged, which only makes the brake stricter.
constexpr size_t kLossesMax = 256;

bool live(const Instance& instance) { return instance.health <= Health::warning; }
bool lost_to(const Instance* after) { return after == nullptr || after->health == Health::critical; }

/// Calls with (before, after) for each instance in either; one of them is null where it is only in the other.
template <typename F>
void for_each_pair(const std::vector<Instance>& before, const std::vector<Instance>& after, F&& call) {
  auto key = [](const Instance& one) { return std::tie(one.node, one.id); };
  auto old_it = before.begin();
  auto new_it = after.begin();
  while (old_it != before.end() || new_it != after.end()) {
    if (new_it == after.end() || (old_it != before.end() && key(*old_it) < key(*new_it))) {
      call(&*old_it++, nullptr);
    } else if (old_it == before.end() || key(*new_it) < key(*old_it)) {
      call(nullptr, &*new_it++);
    } else {
      call(&*old_it++, &*new_it++);
    }
  }
}

/// Calls with the instances of each service that differs between the snapshots; an absent service has none.
template <typename F>
void for_each_change(const CatalogSnapshot& before, const CatalogSnapshot& after, F&& call) {
  static const std::vector<Instance> none;
  const catalog::CatalogDiff changes = catalog::diff(before, after);
  for (const std::string& name : changes.removed) call(name, before.services.find(name)->second->instances, none);
  for (const std::string& name : changes.added) call(name, none, after.services.find(name)->second->instances);
  for (const std::string& name : changes.changed) {
    call(name, before.services.find(name)->second->instances, after.services.find(name)->second->instances);
  }
}

struct Movement {
  size_t lost = 0;
  size_t gained = 0;
};

Movement count_movement(const CatalogSnapshot& before, const CatalogSnapshot& after) {
  Movement out;
  for_each_change(before, after, [&](const std::string&, const auto& old_ones, const auto& new_ones) {
    for_each_pair(old_ones, new_ones, [&](const Instance* was, const Instance* is) {
      const bool was_live = was != nullptr && live(*was);
      if (was_live && lost_to(is)) ++out.lost;
      if (!was_live && is != nullptr && live(*is)) ++out.gained;
    });
  });
  return out;
}

/// `wanted`, with every endpoint that would be lost as it was in `applied`.
std::shared_ptr<const CatalogSnapshot> keep_lost(const CatalogSnapshot& applied, const CatalogSnapshot& wanted) {
  auto out = std::make_shared<CatalogSnapshot>(wanted);
  for_each_change(applied, wanted, [&](const std::string& name, const auto& old_ones, const auto& new_ones) {
    Service merged{name, {}};
    bool kept = false;
    for_each_pair(old_ones, new_ones, [&](const Instance* was, const Instance* is) {
      const bool keep = was != nullptr && live(*was) && lost_to(is);
      kept = kept || keep;
      if (keep || is != nullptr) merged.instances.push_back(keep ? *was : *is);
    });
    if (kept) out->services.insert_or_assign(name, std::make_shared<const Service>(std::move(merged)));
  });
  return out;
}

}  // namespace

BrakeVerdict SafetyBrake::weigh(const std::shared_ptr<const CatalogSnapshot>& applied,
                                const std::shared_ptr<const CatalogSnapshot>& wanted, uint64_t now_ms) {
  const Movement movement = count_movement(*applied, *wanted);
  const size_t live_after = catalog::count_live_instances(*wanted);
  BrakeVerdict out{.apply = wanted, .live_before = catalog::count_live_instances(*applied)};
  forget_old_losses(now_ms);

  if (holding() && movement.lost == 0) release_at_ms_ = 0;
  if (holding()) note_recovery(movement.lost, live_after, now_ms);
  if (holding() && now_ms >= release_at_ms_) {
    release_at_ms_ = 0;
    out.released = true;
    losses_.clear();  // it has been weighed and waited for: it does not count against what comes next
    return out;
  }
  if (!holding() && too_much(movement.lost, movement.gained, out.live_before, live_after)) {
    hold_until_ms_ = now_ms + limits_.hold_ms;
    release_at_ms_ = hold_until_ms_;
    missing_ = movement.lost;
  }
  if (holding()) {
    out.apply = keep_lost(*applied, *wanted);
    out.held_endpoints = movement.lost;
    out.release_at_ms = release_at_ms_;
    return out;
  }
  if (movement.lost > movement.gained) {
    if (losses_.size() == kLossesMax) {
      losses_[1].endpoints += losses_[0].endpoints;
      losses_.pop_front();
    }
    losses_.push_back({now_ms, movement.lost - movement.gained});
  }
  return out;
}

void SafetyBrake::note_recovery(size_t lost, size_t live_after, uint64_t now_ms) {
  const bool moved = lost != std::exchange(missing_, lost);
  const bool little = lost < limits_.count_min && live_after > 0;
  if (!little) {
    release_at_ms_ = hold_until_ms_;
  } else if (moved) {
    release_at_ms_ = std::min(hold_until_ms_, now_ms + kCalmMs);
  }
}

bool SafetyBrake::too_much(size_t lost, size_t gained, size_t live_before, size_t live_after) {
  if (lost <= gained || limits_.share_percent >= 100) return false;
  if (live_after == 0 && lost == live_before) return true;
  const size_t earlier = std::accumulate(losses_.begin(), losses_.end(), size_t{0},
                                         [](size_t sum, const Loss& one) { return sum + one.endpoints; });
  const size_t loss = lost - gained + earlier;
  return loss >= limits_.count_min && loss * 100 > size_t{limits_.share_percent} * (live_before + earlier);
}

void SafetyBrake::forget_old_losses(uint64_t now_ms) {
  while (!losses_.empty() && now_ms - losses_.front().at_ms > kWindowMs) losses_.pop_front();
}

}  // namespace weir::provider

#include "provider/safety_brake.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace weir::provider {
namespace {

using catalog::CatalogSnapshot;
using catalog::Health;
using catalog::Instance;
using catalog::Service;

// Falling totals within the window: above that the oldest are merged, which only makes the brake stricter.
constexpr size_t kFormerMax = 256;

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
  size_t retired = 0;  // into maintenance
};

Movement count_movement(const CatalogSnapshot& before, const CatalogSnapshot& after) {
  Movement out;
  for_each_change(before, after, [&](const std::string&, const auto& old_ones, const auto& new_ones) {
    for_each_pair(old_ones, new_ones, [&](const Instance* was, const Instance* is) {
      const bool was_live = was != nullptr && live(*was);
      if (was_live && lost_to(is)) ++out.lost;
      if (was_live && is != nullptr && is->health == Health::maintenance) ++out.retired;
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
    if (kept) out->services.put(std::make_shared<const Service>(std::move(merged)));
  });
  return out;
}

}  // namespace

BrakeVerdict SafetyBrake::weigh(const std::shared_ptr<const CatalogSnapshot>& applied,
                                const std::shared_ptr<const CatalogSnapshot>& wanted, uint64_t now_ms) {
  const Movement movement = count_movement(*applied, *wanted);
  const size_t live_after = catalog::count_live_instances(*wanted);
  BrakeVerdict out{.apply = wanted, .live_before = catalog::count_live_instances(*applied)};
  const size_t believed = out.live_before - movement.retired;  // what would be left if nothing were lost
  forget_former(now_ms, movement.retired);

  if (holding() && movement.lost == 0) release_at_ms_ = 0;
  if (holding()) note_recovery(movement.lost, live_after, now_ms);
  if (holding() && now_ms >= release_at_ms_) {
    release_at_ms_ = 0;
    out.released = true;
    former_.clear();  // it has been weighed and waited for: it does not count against what comes next
    return out;
  }
  const bool shrinks = movement.lost > movement.gained;
  const bool everything = live_after == 0 && movement.lost == out.live_before;
  if (!holding() && shrinks && limits_.share_percent < 100 && (everything || too_much(believed, live_after))) {
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
  if (shrinks) remember_former(now_ms, believed);
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

bool SafetyBrake::too_much(size_t believed, size_t live_after) const {
  const size_t peak = former_.empty() ? believed : std::max(believed, former_.front().live);
  const size_t loss = peak - live_after;
  return loss >= limits_.count_min && loss * 100 > size_t{limits_.share_percent} * peak;
}

void SafetyBrake::remember_former(uint64_t now_ms, size_t live) {
  while (!former_.empty() && former_.back().live <= live) former_.pop_back();  // this one is higher and stays longer
  if (former_.size() == kFormerMax) {
    former_[1].live = former_[0].live;
    former_.pop_front();
  }
  former_.push_back({now_ms, live});
}

void SafetyBrake::forget_former(uint64_t now_ms, size_t retired) {
  while (!former_.empty() && now_ms - former_.front().until_ms > kWindowMs) former_.pop_front();
  for (Former& one : former_) one.live -= std::min(one.live, retired);
}

}  // namespace weir::provider

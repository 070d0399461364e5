#include "provider/registration_plan.h"

#include <algorithm>

namespace weir::provider {

void RegistrationPlan::want(const std::set<std::string, std::less<>>& names) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    Entry& entry = at->second;
    const bool wanted = names.contains(at->first);
    if (wanted != entry.wanted) entry = {.wanted = wanted, .tried = entry.tried};
    at = wanted || entry.tried ? std::next(at) : entries_.erase(at);
  }
  for (const std::string& name : names) entries_.try_emplace(name);
}

std::optional<RegistrationPlan::Step> RegistrationPlan::next(uint64_t now_ms) const {
  if (now_ms < paused_until_ms_) return std::nullopt;
  auto first = std::min_element(entries_.begin(), entries_.end(),
                                [](const auto& a, const auto& b) { return a.second.due_ms < b.second.due_ms; });
  if (first == entries_.end() || first->second.due_ms > now_ms) return std::nullopt;
  const Entry& entry = first->second;
  const Step::Kind kind = !entry.wanted ? Step::Kind::remove : entry.enlisted ? Step::Kind::renew : Step::Kind::enlist;
  return Step{kind, first->first};
}

void RegistrationPlan::settle(const Step& step, Outcome outcome, uint64_t now_ms) {
  auto found = entries_.find(step.name);
  if (outcome == Outcome::unreachable) {
    paused_until_ms_ = now_ms + pause_ms(failures_++);
  } else {
    failures_ = 0;
  }
  if (found == entries_.end()) {
    if (step.kind != Step::Kind::enlist) return;
    found = entries_.emplace(step.name, Entry{.wanted = false}).first;  // not wanted any more while it was asked for
  }
  Entry& entry = found->second;
  // Who sent it does not know whether it arrived.
  entry.tried = entry.tried || step.kind == Step::Kind::enlist;
  const bool of_what_is_wanted = entry.wanted == (step.kind != Step::Kind::remove);
  if (outcome == Outcome::unreachable) return;
  if (outcome == Outcome::refused) {
    entry.due_ms = now_ms + pause_ms(entry.refusals++);
    return;
  }
  entry.refusals = 0;
  const bool there = outcome == Outcome::done && step.kind != Step::Kind::remove;
  entry.tried = there;
  entry.enlisted = there && entry.wanted;
  // Wanted otherwise meanwhile: that is due at once.
  entry.due_ms = there && of_what_is_wanted ? now_ms + timing_.renew_ms : 0;
  if (!entry.wanted && !there) entries_.erase(found);
}

uint64_t RegistrationPlan::due_in_ms(uint64_t now_ms) const {
  uint64_t due_ms = UINT64_MAX;
  for (const auto& [name, entry] : entries_) due_ms = std::min(due_ms, entry.due_ms);
  if (due_ms == UINT64_MAX) return due_ms;
  due_ms = std::max(due_ms, paused_until_ms_);
  return due_ms > now_ms ? due_ms - now_ms : 0;
}

size_t RegistrationPlan::enlisted_count() const {
  return static_cast<size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const auto& one) { return one.second.enlisted; }));
}

uint64_t RegistrationPlan::pause_ms(uint32_t failures) const {
  return std::min(timing_.pause_max_ms, timing_.pause_first_ms << std::min<uint32_t>(failures, 20));
}

}  // namespace weir::provider

#include "provider/service_ages.h"

#include <algorithm>

namespace weir::provider {
namespace {

constexpr uint64_t kPeriodMsMax = 1'000;

}  // namespace

using catalog::Freshness;

uint64_t AgeLimits::period_ms() const {
  uint64_t out = kPeriodMsMax;
  for (uint64_t limit : {late_ms, stale_ms}) {
    if (limit != 0) out = std::min(out, std::max<uint64_t>(limit / 4, 1));
  }
  return out;
}

bool AgeLimits::half_over(uint64_t age_ms) const {
  auto over = [age_ms](uint64_t limit) { return limit != 0 && age_ms >= limit / 2; };
  return over(late_ms) || over(stale_ms);
}

Freshness AgeLimits::at(uint64_t age_ms, uint64_t asked_ms) const {
  if (stale_ms != 0 && age_ms >= stale_ms) return Freshness::stale;
  return late_ms != 0 && asked_ms >= late_ms ? Freshness::late : Freshness::fresh;
}

void ServiceAges::note_saved(const std::string& name, uint64_t age_ms, uint64_t now_ms) {
  doubts_.insert_or_assign(name, Doubt{now_ms, age_ms});
}

void ServiceAges::note_doubted(const std::string& name, uint64_t good_at_ms) {
  doubts_.try_emplace(name, Doubt{good_at_ms, 0});
}

std::vector<std::string> ServiceAges::take_unasked(uint64_t now_ms) {
  std::vector<std::string> out;
  for (auto& [name, doubt] : doubts_) {
    if (doubt.asked || !limits_.half_over(doubt.age_ms + now_ms - doubt.since_ms)) continue;
    doubt.asked = true;
    out.push_back(name);
  }
  return out;
}

void ServiceAges::forget(std::string_view name) {
  auto found = doubts_.find(name);
  if (found != doubts_.end()) doubts_.erase(found);
}

FreshnessMap ServiceAges::overdue(uint64_t now_ms) const {
  FreshnessMap out;
  for (const auto& [name, doubt] : doubts_) {
    const uint64_t asked_ms = now_ms - doubt.since_ms;
    const Freshness found = limits_.at(doubt.age_ms + asked_ms, asked_ms);
    if (found != Freshness::fresh) out.emplace_hint(out.end(), name, found);
  }
  return out;
}

}  // namespace weir::provider

#include "provider/definition_gate.h"

#include <algorithm>
#include <set>

#include "weir/base/clock.h"
#include "weir/base/duration.h"
#include "weir/base/log.h"
#include "weir/routing/qualified_name.h"

namespace weir::provider {
namespace {

using routing::Definitions;

/// "router web" of all that a source speaks of, well or badly.
std::set<std::string> spoken_of(const Definitions& all) {
  std::set<std::string> out;
  for (const auto& one : all.routers) out.insert("router " + one.name);
  for (const auto& one : all.services) out.insert("service " + one.name);
  for (const auto& one : all.middlewares) out.insert("middleware " + one.name);
  for (const auto& one : all.rejected) out.insert(one.kind + " " + std::string(routing::local_name(one.name)));
  return out;
}

template <typename Definition>
void keep_lost(const std::vector<Definition>& before, const char* kind, const std::set<std::string>& now,
               std::vector<Definition>& into) {
  for (const Definition& one : before) {
    if (!now.contains(kind + one.name)) into.push_back(one);
  }
}

/// All that it says, but that nobody serves.
std::shared_ptr<const Definitions> without_endpoints(const Definitions& all) {
  auto out = std::make_shared<Definitions>(all);
  for (auto& service : out->services) {
    service.panic_threshold_percent = 0;
    for (auto& endpoint : service.endpoints) routing::make_stale(endpoint);
  }
  for (auto& edit : out->edits) {
    if (edit.kind == routing::RouteEdit::Kind::add) routing::make_stale(edit.endpoint);
  }
  return out;
}

size_t objects(const Definitions& all) { return all.routers.size() + all.services.size(); }

}  // namespace

DefinitionGate::DefinitionGate(event::Loop& loop, const Clock& clock, BrakeLimits limits, uint64_t age_ms_max,
                               OnDefinitions on_definitions)
    : clock_(clock),
      limits_(limits),
      age_ms_max_(age_ms_max),
      on_definitions_(std::move(on_definitions)),
      release_(loop, [this] { evaluate(steady_us()); }),
      expiry_(loop, [this] { on_time(); }) {}

void DefinitionGate::put(std::shared_ptr<const Definitions> wanted, uint64_t seen_us) {
  wanted_ = std::move(wanted);
  evaluate(seen_us);
}

void DefinitionGate::evaluate(uint64_t seen_us) {
  const uint64_t now_ms = clock_.monotonic_ms();
  auto kept = std::make_shared<Definitions>(*wanted_);
  if (applied_ != nullptr) {
    const auto now = spoken_of(*wanted_);
    keep_lost(applied_->routers, "router ", now, kept->routers);
    keep_lost(applied_->services, "service ", now, kept->services);
    keep_lost(applied_->middlewares, "middleware ", now, kept->middlewares);
    lost_ = objects(*kept) - objects(*wanted_);
    before_ = objects(*applied_);
  }
  const bool everything = lost_ > 0 && objects(*wanted_) == 0;
  const bool much = lost_ >= limits_.count_min && lost_ * 100 > size_t{limits_.share_percent} * before_;
  const bool brakes = limits_.share_percent < 100 && (everything || much);
  if (holding() && (!brakes || now_ms >= release_at_ms_)) {
    end_hold(brakes);
  } else if (brakes && !holding()) {
    begin_hold(now_ms);
  }
  if (holding()) release_.start_once(release_at_ms_ > now_ms ? release_at_ms_ - now_ms : 1);
  applied_ = holding() ? std::move(kept) : wanted_;
  hand_on(seen_us);
}

void DefinitionGate::hand_on(uint64_t seen_us) {
  if (stale_ && !std::exchange(stale_said_, true)) {
    log::warn("not confirmed for too long, answered 503", {{"provider", applied_->provider},
                                                           {"services", applied_->services.size()},
                                                           {"last_good_age_ms_max", age_ms_max_}});
  }
  on_definitions_(stale_ ? without_endpoints(*applied_) : applied_, seen_us);
}

void DefinitionGate::doubt(uint64_t age_ms) {
  if (age_ms_max_ == 0 || stale_ || expiry_.active()) return;
  const uint64_t all_ms = age_ms_max_ - std::min(age_ms, age_ms_max_);
  left_ms_ = all_ms / 2;
  if (all_ms - left_ms_ == 0) return expire();
  expiry_.start_once(all_ms - left_ms_);
}

void DefinitionGate::on_time() {
  if (left_ms_ == 0) return expire();
  if (ask_afresh_) ask_afresh_();
  expiry_.start_once(std::exchange(left_ms_, 0));
}

void DefinitionGate::trust() {
  expiry_.stop();
  stale_said_ = false;
  if (!std::exchange(stale_, false) || applied_ == nullptr) return;
  log::info("confirmed again, served again", {{"provider", applied_->provider}});
  hand_on(steady_us());
}

void DefinitionGate::expire() {
  stale_ = true;
  if (ask_afresh_) ask_afresh_();
  if (applied_ != nullptr) hand_on(steady_us());
}

void DefinitionGate::begin_hold(uint64_t now_ms) {
  release_at_ms_ = now_ms + limits_.hold_ms;
  log::warn("mass removal held",
            {{"provider", wanted_->provider}, {"objects", lost_}, {"of", before_}, {"hold_ms", limits_.hold_ms}});
}

void DefinitionGate::end_hold(bool released) {
  release_at_ms_ = 0;
  release_.stop();
  if (released) {
    log::warn("mass removal applied after the hold", {{"provider", wanted_->provider}, {"objects", lost_}});
  } else {
    log::info("mass removal taken back by the source", {{"provider", wanted_->provider}});
  }
}

std::string DefinitionGate::held_text() const {
  if (!holding()) return "";
  const uint64_t now_ms = clock_.monotonic_ms();
  const uint64_t left_ms = release_at_ms_ > now_ms ? release_at_ms_ - now_ms : 0;
  return std::to_string(lost_) + " of " + std::to_string(before_) +
         " routers and services would go; they are kept for another " +
         format_duration(static_cast<int64_t>(left_ms) * 1'000'000);
}

}  // namespace weir::provider

#include "provider/snapshot_gate.h"

#include "weir/base/clock.h"
#include "weir/base/duration.h"
#include "weir/base/file.h"
#include "weir/base/log.h"

namespace weir::provider {

using catalog::CatalogSnapshot;

SnapshotGate::SnapshotGate(event::Loop& loop, const Clock& clock, GateOptions options, OnSnapshot on_snapshot)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      on_snapshot_(std::move(on_snapshot)),
      brake_(options_.brake),
      coalesce_(loop, [this] { evaluate(); }),
      release_(loop, [this] { evaluate(); }) {
  auto empty = std::make_shared<CatalogSnapshot>();
  empty->provider = options_.provider;
  applied_ = served_ = std::move(empty);
  if (!options_.path.empty()) writer_ = std::make_unique<DiskWriter>(options_.path, options_.save_period_ms);
}

int64_t SnapshotGate::load(const std::function<void(int64_t)>& on_loaded) {
  if (options_.path.empty()) return 0;
  auto text = read_file(options_.path);
  if (!text) {
    log::info("no last good catalog", {{"provider", options_.provider}, {"reason", text.error()}});
    return 0;
  }
  auto saved = decode_snapshot(*text);
  if (saved && saved->snapshot->provider != options_.provider) {
    saved = fail(ErrorCode::invalid, "it belongs to provider " + saved->snapshot->provider);
  }
  if (!saved) {
    log::warn("last good catalog ignored", {{"path", options_.path}, {"error", saved.error()}});
    return 0;
  }
  log::info("last good catalog loaded", {{"path", options_.path},
                                         {"saved", format_rfc3339(saved->saved_wall_ns)},
                                         {"services", saved->snapshot->services.size()},
                                         {"live_endpoints", catalog::count_live_instances(*saved->snapshot)}});
  applied_ = saved->snapshot;
  known_ = applied_->services;
  if (on_loaded) on_loaded(saved->saved_wall_ns);
  hand_out(steady_us());
  return saved->saved_wall_ns;
}

void SnapshotGate::put_service(std::shared_ptr<const catalog::Service> service, uint64_t seen_us) {
  auto found = known_.find(service->name);
  if (found != known_.end() && *found->second == *service) return;
  known_.put(std::move(service));
  touch(seen_us);
}

void SnapshotGate::remove_service(std::string_view name, uint64_t seen_us) {
  if (!known_.contains(name)) return;
  known_.erase(name);
  unmark(name);
  touch(seen_us);
}

void SnapshotGate::mark(FreshnessMap marks) {
  if (marks == marks_) return;
  marks_ = std::move(marks);
  hand_out_anyway_ = true;
  touch(steady_us());
}

void SnapshotGate::unmark(std::string_view name) {
  auto found = marks_.find(name);
  if (found == marks_.end()) return;
  marks_.erase(found);
  hand_out_anyway_ = true;
  touch(steady_us());
}

void SnapshotGate::complete() {
  if (complete_once_) return;
  complete_once_ = true;
  hand_out_anyway_ = save_anyway_ = true;
  touch(steady_us());
}

void SnapshotGate::confirm() {
  const bool due = complete_once_ && clock_.monotonic_ms() - saved_at_ms_ >= options_.resave_ms;
  if (due) save();
}

void SnapshotGate::touch(uint64_t seen_us) {
  if (changed_us_ == 0) changed_us_ = seen_us;
  if (coalesce_.active()) return;
  const uint64_t due_ms = evaluated_at_ms_ + options_.coalesce_ms;
  if (loop_.now_ms() < due_ms) return coalesce_.start_once(due_ms - loop_.now_ms());
  request_turn_end(loop_);
}

void SnapshotGate::evaluate() {
  evaluated_at_ms_ = loop_.now_ms();
  auto wanted = std::make_shared<CatalogSnapshot>();
  wanted->provider = options_.provider;
  wanted->services = known_;
  wanted->index = index_;

  const BrakeVerdict verdict = brake_.weigh(applied_, wanted, clock_.monotonic_ms());
  note_brake(verdict);
  const uint64_t seen_us = changed_us_ != 0 ? changed_us_ : steady_us();
  changed_us_ = 0;
  const bool changed = !catalog::diff(*applied_, *verdict.apply).empty();
  if (!changed && !hand_out_anyway_) return;
  applied_ = verdict.apply;
  // What has only become older was not confirmed just now.
  if (std::exchange(save_anyway_, false) || changed) save();
  hand_out(seen_us);
}

void SnapshotGate::hand_out(uint64_t seen_us) {
  hand_out_anyway_ = false;
  if (marks_.empty()) {
    served_ = applied_;
    return on_snapshot_(served_, seen_us);
  }
  auto out = std::make_shared<CatalogSnapshot>(*applied_);
  for (const auto& [name, freshness] : marks_) {
    auto found = applied_->services.find(name);
    if (found == applied_->services.end()) continue;
    auto before = served_->services.find(name);
    auto marked = std::make_shared<catalog::Service>(*found->second);
    marked->freshness = freshness;
    const bool same = before != served_->services.end() && *before->second == *marked;
    out->services.put(same ? before->second : std::move(marked));
  }
  served_ = std::move(out);
  on_snapshot_(served_, seen_us);
}

void SnapshotGate::note_brake(const BrakeVerdict& verdict) {
  const bool was_held = held_.release_at_ms != 0;
  const bool is_held = verdict.release_at_ms != 0;
  if (is_held && !was_held) {
    log::warn("mass removal held", {{"provider", options_.provider},
                                    {"endpoints", verdict.held_endpoints},
                                    {"of", verdict.live_before},
                                    {"hold_ms", options_.brake.hold_ms}});
  }
  if (verdict.released) log::warn("mass removal applied after the hold", {{"provider", options_.provider}});
  if (was_held && !is_held && !verdict.released) {
    log::info("mass removal taken back by the catalog", {{"provider", options_.provider}});
  }
  held_ = verdict;
  if (!is_held) {
    release_.stop();
    return;
  }
  const uint64_t now_ms = clock_.monotonic_ms();
  release_.start_once(verdict.release_at_ms > now_ms ? verdict.release_at_ms - now_ms : 1);
}

void SnapshotGate::save() {
  saved_at_ms_ = clock_.monotonic_ms();
  if (!writer_) return;
  writer_->put([snapshot = applied_, now_ns = clock_.wall_ns()] { return encode_snapshot(*snapshot, now_ns); });
}

std::string SnapshotGate::held_text() const {
  if (held_.release_at_ms == 0) return "";
  const uint64_t now_ms = clock_.monotonic_ms();
  const uint64_t left_ms = held_.release_at_ms > now_ms ? held_.release_at_ms - now_ms : 0;
  return std::to_string(held_.held_endpoints) + " of " + std::to_string(held_.live_before) +
         " live endpoints would go; they are kept for another " +
         format_duration(static_cast<int64_t>(left_ms) * 1'000'000);
}

}  // namespace weir::provider

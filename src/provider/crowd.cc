#include "provider/crowd.h"

#include <algorithm>
#include <utility>

#include "provider/map_difference.h"

namespace weir::provider {
namespace {

constexpr const char* kChecksPath = "/v1/health/state/any";
constexpr const char* kNodesPath = "/v1/catalog/nodes";

}  // namespace

Crowd::Crowd(event::Loop& loop, SourceLink& link, Random& random, const QueryTiming& timing,
             const CatalogDialect& dialect, Callbacks callbacks)
    : loop_(loop),
      link_(link),
      random_(random),
      timing_(timing),
      dialect_(dialect),
      callbacks_(std::move(callbacks)),
      fetcher_(loop, link, random, timing, dialect.service_path, callbacks_.on_answer, callbacks_.on_failure),
      sweep_timer_(loop, [this] { sweep(); }) {}

void Crowd::add(const std::string& name) {
  if (members_.empty() && dialect_.has_check_lists) {
    auto ask = [this](const char* path, Status (Crowd::*on_answer)(const QueryAnswer&), RepeatedText* text) {
      auto query = std::make_unique<BlockingQuery>(
          loop_, link_, random_, timing_, QuerySubject{.path = path, .text = text},
          [this, on_answer](const QueryAnswer& answer) { return (this->*on_answer)(answer); },
          [this, path](const Error& error) {
            failing_.emplace(path);
            callbacks_.on_query_failure(error);
          });
      query->start();
      return query;
    };
    checks_query_ = ask(kChecksPath, &Crowd::on_checks, &checks_.text());
    nodes_query_ = ask(kNodesPath, &Crowd::on_nodes, nullptr);
  }
  if (members_.empty() && !dialect_.events_path.empty()) {
    events_ = std::make_unique<EventStream>(
        loop_, link_, random_, timing_, std::string(dialect_.events_path), std::string(dialect_.events_query),
        dialect_.decode_events,
        EventStream::Callbacks{[this] { on_events_open(); }, [this] { told_ = false; },
                               [this](const ServiceEvents& events) { on_events(events); }});
    events_->start();
  }
  members_.try_emplace(name);
  read_now(name);
}

void Crowd::remove(const std::string& name) {
  members_.erase(name);
  fetcher_.forget(name);
  if (!members_.empty()) return;
  checks_query_.reset();
  nodes_query_.reset();
  events_.reset();
  failing_.clear();
  told_ = false;
  checks_ = CheckList();
  node_addresses_.clear();
  sweep_timer_.stop();
  swept_to_.clear();
  forget_indexes();
  moved_since_ = put_off_ = unprovable_ = false;
  late_sweep_at_ms_ = 0;
}

void Crowd::note_instances(const catalog::Service& service) {
  auto found = members_.find(service.name);
  if (found == members_.end()) return;
  found->second.clear();
  for (const catalog::Instance& one : service.instances) found->second.insert(one.node);
}

void Crowd::on_services_moved(uint64_t index_before, uint64_t index) {
  if (members_.empty()) return;
  if (index < index_before) forget_indexes();  // the same numbers will come again, for other changes
  const bool countable = told_ || (index_before != 0 && index > index_before && index - index_before <= kIndexesMax &&
                                   passed_.size() <= kIndexesMax);
  unprovable_ = unprovable_ || !countable;
  // Events tell all up to an index.
  if (told_) passed_.clear();
  for (uint64_t i = told_ ? index : index_before + 1; countable && i <= index; ++i) passed_.emplace(i, loop_.now_ms());
  request_sweep();
}

void Crowd::note_known(uint64_t index) {
  if (index == 0 || members_.empty()) return;
  known_.insert(index);
  if (known_.size() > kIndexesMax) known_.erase(known_.begin());
}

void Crowd::forget_indexes() {
  unprovable_ = unprovable_ || !passed_.empty();  // a sweep must find what they were
  known_.clear();
  passed_.clear();
  gone_ = 0;
}

void Crowd::note_gone(size_t instances) {
  if (!members_.empty()) gone_ += instances;
}

void Crowd::request_sweep() {
  if (!swept_to_.empty()) {
    moved_since_ = true;
  } else if (!sweep_timer_.active() || std::exchange(put_off_, false)) {
    schedule_sweep();
  }
}

void Crowd::schedule_sweep() {
  const uint64_t due_ms = swept_at_ms_ + kSweepPeriodMs + kSweepPerMemberMs * members_.size();
  const bool first = swept_at_ms_ == 0;
  const uint64_t delay_ms = first || due_ms <= loop_.now_ms() ? 0 : due_ms - loop_.now_ms();
  sweep_timer_.start_once(std::max(delay_ms, timing_.proof_ms));
}

/// True where all that the list has passed is known to be no member's, or has been read, or may still become known.
bool Crowd::put_off() {
  const uint64_t now_ms = loop_.now_ms();
  const bool late = late_sweep_at_ms_ != 0 && now_ms >= late_sweep_at_ms_;
  const bool explained = all_explained();
  if (!explained && !fetcher_.idle() && !late && !unprovable_) {
    sweep_timer_.start_once(timing_.proof_ms);  // what is being read may explain it
    return true;
  }
  if (late || !explained || unprovable_ || !(dialect_.has_check_lists || told_)) {
    passed_.clear();
    gone_ = 0;
    unprovable_ = false;
    return false;
  }
  if (late_sweep_at_ms_ == 0) late_sweep_at_ms_ = now_ms + kProvenSweepMs;
  put_off_ = passed_.empty();
  sweep_timer_.start_once(put_off_ ? late_sweep_at_ms_ - now_ms : timing_.proof_ms);
  return true;
}

/// False where an index was passed as long ago as a proof may take and nothing tells whose it is. Those that are told
/// are forgotten.
bool Crowd::all_explained() {
  auto is_old = [this, now_ms = loop_.now_ms()](const auto& one) { return now_ms - one.second >= timing_.proof_ms; };
  std::erase_if(passed_,
                [this](const auto& one) { return known_.contains(one.first) || (told_ && one.first <= told_to_); });
  const auto unknown = static_cast<size_t>(std::count_if(passed_.begin(), passed_.end(), is_old));
  if (unknown > gone_) return false;
  std::erase_if(passed_, is_old);
  gone_ = std::min(gone_ - unknown, passed_.size());  // they went by what has been passed until now, not by what comes
  return true;
}

void Crowd::sweep() {
  if (swept_to_.empty()) {
    if (put_off()) return;
    late_sweep_at_ms_ = 0;
    put_off_ = false;
    swept_at_ms_ = loop_.now_ms();
    moved_since_ = false;
  }
  auto next = members_.upper_bound(swept_to_);
  for (size_t i = 0; i < kSliceMembers && next != members_.end(); ++i, ++next) {
    fetcher_.fetch(next->first, ServiceFetcher::Urgency::later);
    swept_to_ = next->first;
  }
  if (next != members_.end()) return sweep_timer_.start_once(kSliceMs);
  swept_to_.clear();
  if (std::exchange(moved_since_, false)) schedule_sweep();
}

Status Crowd::on_checks(const QueryAnswer& answer) {
  if (answer.same_body) {
    failing_.erase(kChecksPath);
    return {};
  }
  auto changed = checks_.read();
  if (!changed) return fail(changed.error());
  failing_.erase(kChecksPath);
  for (const std::string& name : changed->services) {
    if (members_.contains(name)) read_now(name);
  }
  read_services_on(changed->nodes);
  // A node may have come with a service that has no check.
  if (!changed->services.empty() && changed->nodes.empty()) note_known(answer.index);
  return {};
}

Status Crowd::on_nodes(const QueryAnswer& answer) {
  if (answer.same_body) {
    failing_.erase(kNodesPath);
    return {};
  }
  auto decoded = decode_nodes(answer.body);
  if (!decoded) return fail(decoded.error());
  failing_.erase(kNodesPath);
  std::set<std::string> changed;
  for_each_changed(node_addresses_, *decoded, [&](const std::string& node) { changed.insert(changed.end(), node); });
  read_services_on(changed);
  node_addresses_ = std::move(*decoded);
  return {};
}

// What changed before it was heard is found by a sweep.
void Crowd::on_events_open() {
  told_ = true;
  told_to_ = 0;
  unprovable_ = true;
  request_sweep();
}

void Crowd::on_events(const ServiceEvents& events) {
  told_to_ = std::max(told_to_, events.index);
  for (const std::string& name : events.names) {
    if (members_.contains(name)) read_now(name);
  }
}

// The members are gone through once, whatever the number of nodes: a catalog that comes back may have moved them all.
void Crowd::read_services_on(const std::set<std::string>& changed) {
  if (changed.empty()) return;
  for (const auto& [name, nodes] : members_) {
    auto have_changed = [&](const std::string& node) { return changed.contains(node); };
    auto are_its_own = [&nodes = nodes](const std::string& node) { return nodes.contains(node); };
    const bool touched = changed.size() < nodes.size() ? std::any_of(changed.begin(), changed.end(), are_its_own)
                                                       : std::any_of(nodes.begin(), nodes.end(), have_changed);
    if (touched) read_now(name);
  }
}

void Crowd::ask_afresh() {
  forget_indexes();
  for (auto* query : {checks_query_.get(), nodes_query_.get()}) {
    if (query != nullptr) query->ask_afresh();
  }
  if (events_ != nullptr) events_->restart();
  fetcher_.restart();
}

void Crowd::ask_again() {
  for (auto* query : {checks_query_.get(), nodes_query_.get()}) {
    if (query != nullptr) query->ask_again();
  }
  if (events_ != nullptr) events_->restart();
  fetcher_.restart();
}

void Crowd::wake() {
  for (auto* query : {checks_query_.get(), nodes_query_.get()}) {
    if (query != nullptr) query->wake();
  }
  if (events_ != nullptr) events_->wake();
}

}  // namespace weir::provider

#include "weir/provider/table_assembler.h"

#include <algorithm>

#include "weir/base/clock.h"
#include "weir/base/duration.h"
#include "weir/base/log.h"
#include "weir/routing/qualified_name.h"

namespace weir::provider {
namespace {

std::string age_text(const ProviderStatus& status) {
  return format_duration(static_cast<int64_t>(status.age_ms / 1'000) * 1'000'000'000) + " old";
}

std::string text_of(const routing::Rejection& one) {
  return one.kind + '\0' + one.name + '\0' + one.reason + '\0' + one.origin;
}

std::set<std::string> texts_of(const routing::RejectionList& all) {
  std::set<std::string> out;
  for (const auto& one : all) out.insert(text_of(one));
  return out;
}

}  // namespace

std::string_view to_string(Source source) {
  switch (source) {
    case Source::none: return "none";
    case Source::disk: return "disk";
    case Source::live: return "live";
  }
  return "unknown";
}

TableAssembler::TableAssembler(const Clock& clock, Publish publish, OnAliases on_aliases)
    : clock_(clock), publish_(std::move(publish)), on_aliases_(std::move(on_aliases)) {}

void TableAssembler::add(Provider& provider) { inputs_[provider.status().name].provider = &provider; }

void TableAssembler::add(Provider& provider, routing::CatalogOptions options) {
  Input& input = inputs_[provider.status().name];
  input.provider = &provider;
  input.decoder = std::make_unique<routing::CatalogDecoder>(std::move(options));
}

void TableAssembler::on_catalog(std::shared_ptr<const catalog::CatalogSnapshot> snapshot, uint64_t seen_us) {
  auto found = inputs_.find(snapshot->provider);
  if (found == inputs_.end() || !found->second.decoder) return;
  take(found->second, found->second.decoder->decode(*snapshot, clock_.monotonic_ms()), seen_us);
}

void TableAssembler::expire() {
  for (auto& [name, input] : inputs_) {
    if (input.decoder && input.set) take(input, input.decoder->expire(clock_.monotonic_ms()), steady_us());
  }
}

void TableAssembler::on_verdicts(routing::HealthVerdicts verdicts, uint64_t seen_us) {
  verdicts_ = std::move(verdicts);
  if (table_ != nullptr) build(std::string(kHealthChecks), seen_us);
}

void TableAssembler::on_definitions(std::shared_ptr<const routing::Definitions> definitions, uint64_t seen_us) {
  auto found = inputs_.find(definitions->provider);
  if (found == inputs_.end()) return;
  auto set = routing::share(definitions->provider, {definitions}, found->second.set.get());
  const bool edited = found->second.edits != definitions->edits;
  if (edited) found->second.edits = definitions->edits;
  take(found->second, std::move(set), seen_us);
  if (edited) tell_edits(seen_us);
}

/// Commands about routes of fabio's tags act on every catalog's.
void TableAssembler::tell_edits(uint64_t seen_us) {
  auto all = std::make_shared<std::vector<routing::RouteEdit>>();
  for (const auto& [name, input] : inputs_) all->insert(all->end(), input.edits.begin(), input.edits.end());
  for (auto& [name, input] : inputs_) {
    if (!input.decoder) continue;
    auto set = input.decoder->edit(all, clock_.monotonic_ms());
    if (set != nullptr) take(input, std::move(set), seen_us);
  }
}

void TableAssembler::take(Input& input, std::shared_ptr<const routing::DefinitionSet> set, uint64_t seen_us) {
  if (input.set == set) return;
  const std::string provider = set->provider;
  const bool first = input.set == nullptr;
  const bool names_changed = count_named(input, *set);
  const bool aliases_changed = (first ? nullptr : input.set->aliases) != set->aliases;
  input.set = std::move(set);
  if (first || names_changed) tell_wanted();
  build(provider, seen_us);
  if (aliases_changed) tell_aliases();
}

void TableAssembler::tell_aliases() {
  Names names;
  for (const auto& [name, input] : inputs_) {
    if (input.set && input.set->aliases) names.insert(input.set->aliases->begin(), input.set->aliases->end());
  }
  if (names == aliases_) return;
  aliases_ = std::move(names);
  if (on_aliases_) on_aliases_(aliases_);
}

/// True where the services of other providers that this one's routers name are not those of before.
bool TableAssembler::count_named(Input& input, const routing::DefinitionSet& now) {
  static const SharedList<routing::Versions<routing::RouterDefinition>> none;
  bool changed = false;
  auto count = [&](const auto& versions, bool there) {
    const std::string_view whose = routing::provider_of(versions.first.service);
    if (whose.empty() || whose == now.provider) return;
    const std::string name(routing::local_name(versions.first.service));
    auto& services = input.named[std::string(whose)];
    size_t& times = services[name];
    times += there ? 1 : -1;
    changed = changed || times == (there ? 1 : 0);
    if (times == 0) services.erase(name);
  };
  for_each_difference(input.set ? input.set->routers : none, now.routers, [&](const auto* before, const auto* after) {
    if (before != nullptr) count(**before, false);
    if (after != nullptr) count(**after, true);
  });
  return changed;
}

void TableAssembler::tell_wanted() {
  for (auto& [name, input] : inputs_) {
    std::set<std::string, std::less<>> wanted;
    for (const auto& [other_name, other] : inputs_) {
      auto named = other.named.find(name);
      if (named == other.named.end()) continue;
      for (const auto& [service, times] : named->second) wanted.insert(service);
    }
    input.provider->want_services(std::move(wanted));
  }
}

void TableAssembler::build(const std::string& provider, uint64_t seen_us) {
  std::vector<std::shared_ptr<const routing::DefinitionSet>> all;
  for (const auto& [name, input] : inputs_) {
    if (input.set) all.push_back(input.set);
  }
  routing::BuildOutcome outcome = routing::build_table(all, table_, verdicts_);
  note_rejected(std::move(outcome.rejected));
  if (outcome.table == table_) return;
  table_ = std::move(outcome.table);
  last_change_wall_ns_ = clock_.wall_ns();
  const TableChange change{provider, seen_us, steady_us()};
  publish_(table_, change);
  note_latency(steady_us() - seen_us);
  log::debug("routing table published", {{"generation", table_->generation()},
                                         {"provider", provider},
                                         {"rejected", rejected_.size()},
                                         {"took_us", latency_.last_us}});
}

void TableAssembler::note_rejected(routing::RejectionList rejected) {
  if (rejected == rejected_) return;
  const auto keys_before = texts_of(rejected_);
  const auto keys_now = texts_of(rejected);
  for (const auto& one : rejected) {
    if (keys_before.contains(text_of(one))) continue;
    // A tag that cannot be followed costs itself; the rest of its object routes.
    log::warn(one.kind == "tag" ? "left out" : "not routed",
              {{"kind", one.kind}, {"name", one.name}, {"reason", one.reason}, {"origin", one.origin}});
  }
  for (const auto& one : rejected_) {
    if (!keys_now.contains(text_of(one))) log::info("rejection gone", {{"kind", one.kind}, {"name", one.name}});
  }
  rejected_ = std::move(rejected);
}

void TableAssembler::note_latency(uint64_t took_us) {
  const auto& bounds = ChangeLatency::kBoundsUs;
  const auto slot = std::lower_bound(bounds.begin(), bounds.end(), took_us);
  ++(slot == bounds.end() ? latency_.over : latency_.counts[static_cast<size_t>(slot - bounds.begin())]);
  ++latency_.count;
  latency_.sum_us += took_us;
  latency_.last_us = took_us;
}

std::vector<ProviderStatus> TableAssembler::statuses() const {
  std::vector<ProviderStatus> out;
  for (const auto& [name, input] : inputs_) out.push_back(input.provider->status());
  return out;
}

Readiness TableAssembler::readiness() const {
  Readiness out{.ready = true, .reason = ""};
  for (const auto& [name, input] : inputs_) {
    const ProviderStatus status = input.provider->status();
    // What a provider has read it tells at the end of its turn; until then the table knows nothing of it.
    const Source source = input.set == nullptr ? Source::none : status.source;
    if (!out.reason.empty()) out.reason += "; ";
    out.reason += status.name + ": ";
    switch (source) {
      case Source::none:
        out.ready = false;
        out.reason += "not read yet";
        break;
      case Source::disk:
        out.reason += "from disk, " + age_text(status);
        // Nothing of it is served from: it is as if it had not been read.
        if (!status.stale.empty() && status.stale.size() >= status.services) out.ready = false;
        break;
      case Source::live: out.reason += "live, " + age_text(status); break;
    }
    if (!status.stale.empty()) {
      const size_t count = status.stale.size();
      out.reason += ", stale: " + std::to_string(count) + (count == 1 ? " service" : " services");
    }
    if (!status.held.empty()) out.reason += ", held: " + status.held;
    if (!status.error.empty()) out.reason += ", error: " + status.error;
  }
  out.ready = out.ready && table_ != nullptr;
  return out;
}

}  // namespace weir::provider

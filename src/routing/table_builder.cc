// build_table: find what changed in the sets, compile that (object_compiler.h), link the routers that are or use it
// (link.h), and make the table of the one before and the changes.

#include <algorithm>
#include <set>
#include <tuple>

#include "routing/link.h"
#include "routing/matcher.h"
#include "routing/object_compiler.h"
#include "routing/slot_table.h"
#include "routing/table_state.h"
#include "weir/routing/table.h"
#include "weir/routing/tls_hosts.h"

namespace weir::routing {

namespace {

using Names = std::set<std::string, std::less<>>;

template <typename Definition>
void add_changed(const SharedList<Versions<Definition>>& before, const SharedList<Versions<Definition>>& after,
                 Names& to) {
  for_each_difference(before, after, [&](const auto* old, const auto* now) {
    to.emplace_hint(to.end(), key_of(old != nullptr ? **old : **now));
  });
}

// "router web" and its like, of what a provider names but could not decode.
Names undecoded_names(const DefinitionSet& set) {
  Names out;
  if (set.rejected == nullptr) return out;
  for (const Rejection& one : *set.rejected) {
    if (one.kind != "router" && one.kind != "service" && one.kind != "middleware") continue;
    out.insert(one.kind + " " + std::string(local_name(one.name)));
  }
  return out;
}

void add_changed_marks(const Names& before, const Names& after, std::string_view kind, Names& to) {
  for (const auto& [from, against] : {std::pair(&before, &after), std::pair(&after, &before)}) {
    for (const std::string& mark : *from) {
      if (mark.starts_with(kind) && !against->contains(mark)) to.insert(mark.substr(kind.size()));
    }
  }
}

// A rule in force is known to be good.
std::shared_ptr<const Rule> rule_of(const Router& router) { return compile_rule(router.rule()).value(); }

template <typename T>
std::shared_ptr<const T> item_or_null(const std::shared_ptr<const T>* found) {
  return found != nullptr ? *found : nullptr;
}

}  // namespace

// One call of build_table. Everything that is shared with `previous` is kept by pointer.
class TableBuilder {
 public:
  TableBuilder(const std::shared_ptr<const RoutingTable>& previous, const HealthVerdicts& verdicts)
      : previous_(previous),
        verdicts_(verdicts),
        before_(previous != nullptr ? *previous->state_ : nothing()),
        slots_(previous != nullptr ? *previous->slots_ : SlotTable()),
        free_slots_(before_.free_slots),
        last_router_id_(before_.last_router_id) {}

  BuildOutcome build(const std::vector<std::shared_ptr<const DefinitionSet>>& sets);

 private:
  static const TableState& nothing() {
    static const TableState kNothing;
    return kNothing;
  }
  struct Pending {
    std::string provider;
    std::shared_ptr<const RouterDefinition> definition;  // null: the router goes
    std::shared_ptr<const Rule> rule = {};               // of the definition; null: it was there before
  };
  template <typename T>
  using Edits = std::vector<typename SharedList<T>::Edit>;

  void compare_verdicts();
  void compile_provider(const std::string& provider, std::shared_ptr<const DefinitionSet> set);
  void compile_services(ProviderPart& part, const Names& names);
  void compile_middlewares(ProviderPart& part, const Names& names);
  void compile_routers(const ProviderPart& part, const Names& names);
  void note_use_of(char kind, const std::string& qualified_name);
  void add_users();
  void link_routers();
  void note_uses(const Router* before, const Router* after);
  void remove_router(const std::string& name, const Router& before);
  void take_slot(const Router* before, Router& after, std::shared_ptr<const Rule> rule);
  void complain(std::string_view step, std::string_view kind, const std::string& name, std::vector<Rejection> rejected);
  [[nodiscard]] const Router* router_before(const std::string& name) const;
  [[nodiscard]] BuildOutcome finish();
  [[nodiscard]] std::shared_ptr<const std::vector<Rejection>> collect_rejected(
      const SharedList<Complaint>& complaints) const;

  std::shared_ptr<const RoutingTable> previous_;
  const HealthVerdicts& verdicts_;
  std::map<std::string, Names, std::less<>> judged_;  // the services whose verdicts changed, by provider
  const TableState& before_;                          // lives as long as `previous_`
  SlotEditor slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t last_router_id_;
  Parts parts_;
  Names changed_uses_;                     // prefixes of uses
  std::map<std::string, Pending> relink_;  // by qualified name
  std::vector<RouteChange> changes_;
  bool rejected_changed_ = false;
  bool routers_changed_ = false;
  Edits<Service> services_;
  Edits<Middleware> middlewares_;
  Edits<Router> routers_;
  Edits<Use> uses_;
  Edits<Complaint> complaints_;
};

BuildOutcome TableBuilder::build(const std::vector<std::shared_ptr<const DefinitionSet>>& sets) {
  compare_verdicts();
  for (const auto& set : sets) compile_provider(set->provider, set);
  for (const auto& [provider, part] : before_.parts) {
    if (!parts_.contains(provider)) compile_provider(provider, nullptr);
  }
  add_users();
  link_routers();
  return finish();
}

// ---- First step: what each provider says now ----

void TableBuilder::compare_verdicts() {
  for_each_difference(before_.verdicts, verdicts_.services, [&](const auto* old, const auto* now) {
    const std::string_view name = key_of(old != nullptr ? **old : **now);
    const std::string_view provider = provider_of(name);
    if (!provider.empty()) judged_[std::string(provider)].emplace(local_name(name));
  });
}

void TableBuilder::compile_provider(const std::string& provider, std::shared_ptr<const DefinitionSet> set) {
  auto known = before_.parts.find(provider);
  if (known != before_.parts.end() && known->second->set == set && !judged_.contains(provider)) {
    parts_.emplace(provider, known->second);
    return;
  }
  static const DefinitionSet kNothing;
  const DefinitionSet& old = known != before_.parts.end() ? *known->second->set : kNothing;
  const DefinitionSet& now = set != nullptr ? *set : kNothing;
  auto part = std::make_shared<ProviderPart>();
  if (known != before_.parts.end()) *part = *known->second;
  part->provider = provider;
  Names undecoded_before = std::move(part->undecoded);
  bool same_rejected = old.rejected == now.rejected;
  rejected_changed_ = rejected_changed_ || !same_rejected;
  part->undecoded = same_rejected ? undecoded_before : undecoded_names(now);
  Names services = std::move(judged_[provider]);
  Names middlewares;
  Names routers;
  add_changed(old.services, now.services, services);
  add_changed(old.middlewares, now.middlewares, middlewares);
  add_changed(old.routers, now.routers, routers);
  if (!same_rejected) {
    add_changed_marks(undecoded_before, part->undecoded, "service ", services);
    add_changed_marks(undecoded_before, part->undecoded, "middleware ", middlewares);
    add_changed_marks(undecoded_before, part->undecoded, "router ", routers);
  }
  part->set = std::move(set);
  compile_services(*part, services);
  compile_middlewares(*part, middlewares);
  compile_routers(*part, routers);
  if (part->set != nullptr) parts_.emplace(provider, std::move(part));
}

template <typename Definition>
Said<Definition> said_of(const ProviderPart& part, const std::string& name,
                         SharedList<Versions<Definition>> DefinitionSet::*list, const char* kind) {
  Said<Definition> out{part.provider, name, nullptr};
  if (part.set != nullptr) out.versions = item_or_null(((*part.set).*list).find(name));
  out.is_decided = part.set != nullptr && part.set->is_decided;
  out.undecoded = part.set != nullptr && part.undecoded.contains(kind + name);
  return out;
}

void TableBuilder::compile_services(ProviderPart& part, const Names& names) {
  Edits<ServiceSource> edits;
  for (const std::string& name : names) {
    auto before = item_or_null(part.services.find(name));
    std::string qualified = name + "@" + part.provider;
    const auto verdicts = item_or_null(verdicts_.services.find(qualified));
    const bool judged = verdicts != item_or_null(before_.verdicts.find(qualified));
    const ServiceHealth health{verdicts, judged, verdicts_.new_are_up};
    auto made = compile_service(said_of(part, name, &DefinitionSet::services, "service "), health, before);
    complain("1", "service", qualified, std::move(made.rejected));
    auto service = made.source != nullptr ? made.source->service : nullptr;
    if (service != (before != nullptr ? before->service : nullptr)) {
      note_use_of('s', qualified);
      services_.push_back({std::move(qualified), std::move(service)});
    }
    edits.push_back({name, std::move(made.source)});
  }
  part.services = part.services.edited(std::move(edits));
}

void TableBuilder::compile_middlewares(ProviderPart& part, const Names& names) {
  Edits<MiddlewareSource> edits;
  for (const std::string& name : names) {
    auto before = item_or_null(part.middlewares.find(name));
    auto made = compile_middleware_source(said_of(part, name, &DefinitionSet::middlewares, "middleware "), before);
    std::string qualified = name + "@" + part.provider;
    complain("1", "middleware", qualified, std::move(made.rejected));
    auto middleware = made.source != nullptr ? made.source->middleware : nullptr;
    if (middleware != (before != nullptr ? before->middleware : nullptr)) {
      note_use_of('m', qualified);
      middlewares_.push_back({std::move(qualified), std::move(middleware)});
    }
    edits.push_back({name, std::move(made.source)});
  }
  part.middlewares = part.middlewares.edited(std::move(edits));
}

void TableBuilder::compile_routers(const ProviderPart& part, const Names& names) {
  for (const std::string& name : names) {
    std::string qualified = name + "@" + part.provider;
    auto made = compile_router(said_of(part, name, &DefinitionSet::routers, "router "), router_before(qualified));
    complain("1", "router", qualified, std::move(made.rejected));
    relink_.insert_or_assign(relink_.end(), std::move(qualified),
                             Pending{part.provider, std::move(made.definition), std::move(made.rule)});
  }
}

const Router* TableBuilder::router_before(const std::string& name) const {
  return previous_ != nullptr ? item_or_null(previous_->routers_.find(name)).get() : nullptr;
}

void TableBuilder::complain(std::string_view step, std::string_view kind, const std::string& name,
                            std::vector<Rejection> rejected) {
  if (rejected.empty() && before_.complaints.empty()) return;
  std::string key = std::string(step).append(kind).append(" ").append(name);
  const auto* before = before_.complaints.find(key);
  if (before == nullptr && rejected.empty()) return;
  if (before != nullptr && (*before)->rejected == rejected) return;
  auto made = rejected.empty() ? nullptr : std::make_shared<const Complaint>(Complaint{key, std::move(rejected)});
  complaints_.push_back({std::move(key), std::move(made)});
  rejected_changed_ = true;
}

// ---- Second step: the routers that changed, and those that use what changed ----

void TableBuilder::note_use_of(char kind, const std::string& qualified_name) {
  if (!before_.uses.empty()) changed_uses_.insert(use_prefix(kind, qualified_name));
}

void TableBuilder::add_users() {
  for (const std::string& prefix : changed_uses_) {
    for (auto use = before_.uses.lower_bound(prefix); use != before_.uses.end(); ++use) {
      if (!key_of(**use).starts_with(prefix)) break;
      const Router& router = *(*previous_->slots_)[(*use)->slot()];
      const bool waits = router.unlinked != nullptr && router.unlinked->newest != nullptr;
      const auto& definition = waits ? router.unlinked->newest : router.definition;
      relink_.try_emplace(router.name, Pending{std::string(provider_of(router)), definition});
    }
  }
}

void TableBuilder::link_routers() {
  // First what goes, so that its slots can be given away again.
  for (const auto& [name, pending] : relink_) {
    const Router* before = router_before(name);
    if (pending.definition == nullptr && before != nullptr) remove_router(name, *before);
  }
  for (const auto& [name, pending] : relink_) {
    if (pending.definition == nullptr) continue;
    const Router* before = router_before(name);
    LinkOutcome outcome = link_router(pending.provider, pending.definition, parts_, before);
    complain("2", "router", name, std::move(outcome.rejected));
    if (outcome.router == nullptr) continue;
    take_slot(before, *outcome.router, pending.rule);
    note_uses(before, outcome.router.get());
    routers_changed_ = routers_changed_ || before == nullptr || !serve_the_same(*before, *outcome.router);
    routers_.push_back({name, std::move(outcome.router)});
  }
}

void TableBuilder::remove_router(const std::string& name, const Router& before) {
  changes_.push_back({before.slot, rule_of(before), nullptr, 0});
  slots_.set(before.slot, nullptr);
  free_slots_.push_back(before.slot);
  note_uses(&before, nullptr);
  complain("2", "router", name, {});
  routers_.push_back({name, nullptr});
  routers_changed_ = true;
}

// `rule` is that of the newest definition, where it is a new one.
void TableBuilder::take_slot(const Router* before, Router& after, std::shared_ptr<const Rule> rule) {
  if (before == nullptr) {
    if (free_slots_.empty()) {
      after.slot = slots_.append();
    } else {
      after.slot = free_slots_.back();
      free_slots_.pop_back();
    }
  }
  const bool counts_on = before != nullptr && before->service->name == after.service->name;
  after.id = counts_on ? before->id : ++last_router_id_;
  slots_.set(after.slot, &after);
  const bool same_place = before != nullptr && before->rule() == after.rule() && before->priority == after.priority &&
                          before->tombstone == after.tombstone &&
                          before->definition->path_order == after.definition->path_order;
  if (same_place) return;
  const bool is_newest = after.unlinked == nullptr || after.unlinked->newest == nullptr;
  if (rule == nullptr || !is_newest) rule = rule_of(after);
  changes_.push_back({after.slot, before != nullptr ? rule_of(*before) : nullptr, std::move(rule), after.priority});
}

void TableBuilder::note_uses(const Router* before, const Router* after) {
  std::vector<Use> old = before != nullptr ? uses_of(*before) : std::vector<Use>();
  std::vector<Use> now = after != nullptr ? uses_of(*after) : std::vector<Use>();
  for (const Use& use : old) {
    if (!std::binary_search(now.begin(), now.end(), use)) uses_.push_back({std::string(key_of(use)), nullptr});
  }
  for (const Use& use : now) {
    bool had = std::binary_search(old.begin(), old.end(), use);
    if (!had) uses_.push_back({std::string(key_of(use)), std::make_shared<const Use>(use)});
  }
}

// ---- Last: the table ----

BuildOutcome TableBuilder::finish() {
  auto complaints = before_.complaints.edited(std::move(complaints_));
  auto rejected = rejected_changed_ ? collect_rejected(complaints) : before_.rejected;
  bool unchanged = previous_ != nullptr && services_.empty() && middlewares_.empty() && !routers_changed_;
  if (unchanged) return {previous_, RejectionList(std::move(rejected))};

  auto table = std::make_shared<RoutingTable>();
  table->generation_ = previous_ != nullptr ? previous_->generation_ + 1 : 1;
  if (previous_ != nullptr) {
    table->tls_options_count_ = previous_->tls_options_count_;
    table->mesh_count_ = previous_->mesh_count_;
    table->routers_ = previous_->routers_;
    table->services_ = previous_->services_;
    table->middlewares_ = previous_->middlewares_;
  }
  for (const auto& edit : routers_) {
    const auto* before = table->routers_.find(edit.key);
    if (before != nullptr && !(*before)->tls_options().empty()) --table->tls_options_count_;
    if (edit.item != nullptr && !edit.item->tls_options().empty()) ++table->tls_options_count_;
  }
  for (const auto& edit : services_) {
    const auto* before = table->services_.find(edit.key);
    if (before != nullptr && !mesh_transport_of(**before).empty()) --table->mesh_count_;
    if (edit.item != nullptr && !mesh_transport_of(*edit.item).empty()) ++table->mesh_count_;
  }
  table->routers_ = table->routers_.edited(std::move(routers_));
  table->services_ = table->services_.edited(std::move(services_));
  table->middlewares_ = table->middlewares_.edited(std::move(middlewares_));
  for (const auto& [provider, part] : parts_) {
    table->catalog_index_ = std::max(table->catalog_index_, part->set->index);
  }
  table->slots_ = std::make_unique<const SlotTable>(slots_.table());
  bool rules_changed = !changes_.empty() || previous_ == nullptr;
  table->matcher_ = rules_changed
                        ? Matcher::apply(previous_ ? previous_->matcher_.get() : nullptr, changes_, *table->slots_)
                        : previous_->matcher_;
  auto state = std::make_shared<TableState>();
  state->parts = std::move(parts_);
  state->uses = before_.uses.edited(std::move(uses_));
  state->complaints = std::move(complaints);
  state->rejected = rejected;
  state->free_slots = std::move(free_slots_);
  state->last_router_id = last_router_id_;
  state->verdicts = verdicts_.services;
  table->state_ = std::move(state);
  return {std::move(table), RejectionList(std::move(rejected))};
}

std::shared_ptr<const std::vector<Rejection>> TableBuilder::collect_rejected(
    const SharedList<Complaint>& complaints) const {
  std::vector<Rejection> out;
  for (const auto& [provider, part] : parts_) {
    if (part->set->rejected != nullptr) out.insert(out.end(), part->set->rejected->begin(), part->set->rejected->end());
  }
  for (const auto& complaint : complaints) {
    out.insert(out.end(), complaint->rejected.begin(), complaint->rejected.end());
  }
  auto key = [](const Rejection& one) { return std::tie(one.name, one.kind, one.origin, one.reason); };
  std::sort(out.begin(), out.end(), [&](const Rejection& a, const Rejection& b) { return key(a) < key(b); });
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.empty()) return nullptr;
  return std::make_shared<const std::vector<Rejection>>(std::move(out));
}

BuildOutcome build_table(const std::vector<std::shared_ptr<const DefinitionSet>>& sets,
                         const std::shared_ptr<const RoutingTable>& previous, const HealthVerdicts& verdicts) {
  return TableBuilder(previous, verdicts).build(sets);
}

BuildOutcome build_table(const std::vector<std::shared_ptr<const Definitions>>& definitions,
                         const std::shared_ptr<const RoutingTable>& previous) {
  std::map<std::string, std::vector<std::shared_ptr<const Definitions>>> by_provider;
  for (const auto& one : definitions) {
    if (one != nullptr) by_provider[one->provider].push_back(one);
  }
  std::vector<std::shared_ptr<const DefinitionSet>> sets;
  sets.reserve(by_provider.size());
  for (const auto& [provider, sources] : by_provider) {
    sets.push_back(share(provider, sources, previous != nullptr ? previous->set_of(provider) : nullptr));
  }
  return build_table(sets, previous);
}

}  // namespace weir::routing

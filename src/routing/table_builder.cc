// build_table: group by provider, compile each (provider_part.h), link them (link.h), then make the table of it.

#include <algorithm>
#include <tuple>

#include "routing/link.h"
#include "routing/matcher.h"
#include "routing/name_cursor.h"
#include "routing/provider_part.h"
#include "routing/table_state.h"
#include "weir/routing/table.h"

namespace weir::routing {

// One call of build_table. Everything that is shared with `previous` is kept by pointer.
class TableBuilder {
 public:
  explicit TableBuilder(const std::shared_ptr<const RoutingTable>& previous) : previous_(previous) {
    if (previous_ != nullptr) {
      slots_ = previous_->slots_;
      free_slots_ = previous_->state_->free_slots;
    }
  }

  BuildOutcome build(const std::vector<std::shared_ptr<const Definitions>>& definitions);

 private:
  using LinkedParts = std::map<std::string, std::shared_ptr<const LinkedPart>>;

  [[nodiscard]] const LinkedPart* previous_part(const std::string& provider) const;
  [[nodiscard]] Parts compile(const std::vector<std::shared_ptr<const Definitions>>& definitions) const;
  void link(const Parts& parts);
  void update_slots(const LinkedPart* before, LinkedPart& after);
  void remove_routers(const LinkedPart& before, const LinkedPart* after);
  [[nodiscard]] std::shared_ptr<RoutingTable> assemble();
  [[nodiscard]] std::vector<Rejection> take_rejected() const;

  std::shared_ptr<const RoutingTable> previous_;
  LinkedParts linked_;
  std::vector<const Router*> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<RouteChange> changes_;
};

BuildOutcome TableBuilder::build(const std::vector<std::shared_ptr<const Definitions>>& definitions) {
  link(compile(definitions));
  BuildOutcome out;
  out.rejected = take_rejected();
  auto table = assemble();
  if (previous_ != nullptr && table->routers_ == previous_->routers_ && table->services_ == previous_->services_ &&
      table->middlewares_ == previous_->middlewares_) {
    out.table = previous_;
    return out;
  }
  bool rules_changed = !changes_.empty() || previous_ == nullptr;
  table->matcher_ = rules_changed
                        ? Matcher::apply(previous_ ? previous_->matcher_.get() : nullptr, changes_, table->slots_)
                        : previous_->matcher_;
  out.table = std::move(table);
  return out;
}

const LinkedPart* TableBuilder::previous_part(const std::string& provider) const {
  if (previous_ == nullptr) return nullptr;
  auto found = previous_->state_->parts.find(provider);
  return found != previous_->state_->parts.end() ? found->second.get() : nullptr;
}

Parts TableBuilder::compile(const std::vector<std::shared_ptr<const Definitions>>& definitions) const {
  std::map<std::string, std::vector<std::shared_ptr<const Definitions>>> by_provider;
  for (const auto& one : definitions) {
    if (one != nullptr) by_provider[one->provider].push_back(one);
  }
  Parts out;
  for (auto& [provider, sources] : by_provider) {
    const LinkedPart* before = previous_part(provider);
    bool same = before != nullptr && before->part->sources == sources;
    out[provider] = same ? before->part : compile_part(provider, std::move(sources), before);
  }
  return out;
}

void TableBuilder::link(const Parts& parts) {
  // First what goes, so that its slots can be given away again.
  std::map<std::string, std::shared_ptr<LinkedPart>> fresh;
  for (const auto& [provider, part] : parts) {
    const LinkedPart* before = previous_part(provider);
    if (before != nullptr && is_current(*before, parts)) {
      linked_[provider] = previous_->state_->parts.at(provider);
      continue;
    }
    auto after = link_part(part, parts, before);
    if (before != nullptr) remove_routers(*before, after.get());
    fresh[provider] = std::move(after);
  }
  if (previous_ != nullptr) {
    for (const auto& [provider, before] : previous_->state_->parts) {
      if (!parts.contains(provider)) remove_routers(*before, nullptr);
    }
  }
  for (auto& [provider, after] : fresh) {
    update_slots(previous_part(provider), *after);
    linked_[provider] = std::move(after);
  }
}

void TableBuilder::remove_routers(const LinkedPart& before, const LinkedPart* after) {
  NameCursor<LinkedRouter> remaining;
  if (after != nullptr) remaining = NameCursor(after->routers);
  for (const LinkedRouter& router : before.routers) {
    if (remaining.find(name_of(router)) != nullptr) continue;
    changes_.push_back({router.slot, router.in_force.rule, nullptr, 0});
    slots_[router.slot] = nullptr;
    free_slots_.push_back(router.slot);
  }
}

void TableBuilder::update_slots(const LinkedPart* before, LinkedPart& after) {
  NameCursor<LinkedRouter> routers_before;
  if (before != nullptr) routers_before = NameCursor(before->routers);
  for (LinkedRouter& router : after.routers) {
    const auto& rule = router.in_force.rule;
    const LinkedRouter* old = nullptr;
    if (router.slot != kNoSlot) {
      old = routers_before.find(name_of(router));
    } else if (!free_slots_.empty()) {
      router.slot = free_slots_.back();
      free_slots_.pop_back();
    } else {
      router.slot = static_cast<uint32_t>(slots_.size());
      slots_.push_back(nullptr);
    }
    slots_[router.slot] = router.router.get();
    if (old == nullptr) {
      changes_.push_back({router.slot, nullptr, rule, router.router->priority});
    } else if (old->in_force.rule->text != rule->text || old->router->priority != router.router->priority) {
      changes_.push_back({router.slot, old->in_force.rule, rule, router.router->priority});
    }
  }
}

std::shared_ptr<RoutingTable> TableBuilder::assemble() {
  auto out = std::make_shared<RoutingTable>();
  out->generation_ = previous_ != nullptr ? previous_->generation_ + 1 : 1;
  for (const auto& [provider, linked] : linked_) {
    for (const LinkedRouter& router : linked->routers) out->routers_.push_back(router.router);
    for (const ServiceSource& service : linked->part->services) out->services_.push_back(service.service);
    for (const auto& middleware : linked->part->middlewares) out->middlewares_.push_back(middleware.middleware);
  }
  auto state = std::make_shared<TableState>();
  state->parts = std::move(linked_);
  state->free_slots = std::move(free_slots_);
  out->state_ = std::move(state);
  out->slots_ = std::move(slots_);
  return out;
}

std::vector<Rejection> TableBuilder::take_rejected() const {
  std::vector<Rejection> out;
  for (const auto& [provider, linked] : linked_) {
    out.insert(out.end(), linked->part->rejected.begin(), linked->part->rejected.end());
    out.insert(out.end(), linked->rejected.begin(), linked->rejected.end());
  }
  auto key = [](const Rejection& one) { return std::tie(one.name, one.kind, one.origin, one.reason); };
  std::sort(out.begin(), out.end(), [&](const Rejection& a, const Rejection& b) { return key(a) < key(b); });
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

BuildOutcome build_table(const std::vector<std::shared_ptr<const Definitions>>& definitions,
                         const std::shared_ptr<const RoutingTable>& previous) {
  return TableBuilder(previous).build(definitions);
}

}  // namespace weir::routing

#include <algorithm>

#include "weir/routing/definitions.h"

namespace weir::routing {

namespace {

template <typename Definition>
SharedList<Versions<Definition>> share_all(const std::vector<std::shared_ptr<const Definitions>>& sources,
                                           std::vector<Definition> Definitions::*list,
                                           const SharedList<Versions<Definition>>* previous) {
  std::vector<const Definition*> all;
  for (const auto& source : sources) {
    for (const Definition& one : (*source).*list) all.push_back(&one);
  }
  auto by_name = [](const Definition* a, const Definition* b) { return a->name < b->name; };
  if (!std::is_sorted(all.begin(), all.end(), by_name)) std::stable_sort(all.begin(), all.end(), by_name);
  std::vector<std::shared_ptr<const Versions<Definition>>> out;
  for (size_t at = 0; at < all.size();) {
    Versions<Definition> made{*all[at], {}};
    for (++at; at < all.size() && all[at]->name == made.first.name; ++at) {
      bool said = made.first == *all[at] || std::count(made.others.begin(), made.others.end(), *all[at]) > 0;
      if (!said) made.others.push_back(*all[at]);
    }
    const auto* before = previous != nullptr ? previous->find(made.first.name) : nullptr;
    out.push_back(before != nullptr && says_the_same(**before, made)
                      ? *before
                      : std::make_shared<const Versions<Definition>>(std::move(made)));
  }
  SharedList<Versions<Definition>> made(std::move(out));
  return previous != nullptr && made == *previous ? *previous : made;
}

template <typename Definition>
void append_all(const SharedList<Versions<Definition>>& from, std::vector<Definition>& to) {
  for (const auto& versions : from) {
    to.push_back(versions->first);
    to.insert(to.end(), versions->others.begin(), versions->others.end());
  }
}

}  // namespace

std::shared_ptr<const DefinitionSet> share(std::string provider,
                                           const std::vector<std::shared_ptr<const Definitions>>& sources,
                                           const DefinitionSet* previous) {
  auto out = std::make_shared<DefinitionSet>();
  out->provider = std::move(provider);
  out->routers = share_all(sources, &Definitions::routers, previous != nullptr ? &previous->routers : nullptr);
  out->services = share_all(sources, &Definitions::services, previous != nullptr ? &previous->services : nullptr);
  out->middlewares =
      share_all(sources, &Definitions::middlewares, previous != nullptr ? &previous->middlewares : nullptr);
  std::vector<Rejection> rejected;
  for (const auto& source : sources) rejected.insert(rejected.end(), source->rejected.begin(), source->rejected.end());
  bool as_before = previous != nullptr && previous->rejected != nullptr && *previous->rejected == rejected;
  if (as_before) {
    out->rejected = previous->rejected;
  } else if (!rejected.empty()) {
    out->rejected = std::make_shared<const std::vector<Rejection>>(std::move(rejected));
  }
  std::set<std::string, std::less<>> aliases;
  for (const auto& source : sources) aliases.insert(source->aliases.begin(), source->aliases.end());
  if (!aliases.empty()) out->aliases = std::make_shared<const std::set<std::string, std::less<>>>(std::move(aliases));
  return out;
}

Definitions list(const DefinitionSet& set) {
  Definitions out;
  out.provider = set.provider;
  append_all(set.routers, out.routers);
  append_all(set.services, out.services);
  append_all(set.middlewares, out.middlewares);
  if (set.rejected != nullptr) out.rejected = *set.rejected;
  if (set.aliases != nullptr) out.aliases.assign(set.aliases->begin(), set.aliases->end());
  return out;
}

}  // namespace weir::routing

#include "routing/definition_merger.h"

#include <algorithm>
#include <span>

#include "routing/endpoint_pool.h"

namespace weir::routing {

namespace {

using Pool = ServiceDefinitions::Pool;

const std::string& name_of(const RouterDefinition& router) { return router.name; }
const std::string& name_of(const MiddlewareDefinition& middleware) { return middleware.name; }
const std::string& name_of(const Pool& pool) { return pool.definition.name; }

bool is_dead(const RouterDefinition& router, const ServiceDefinitions& of) {
  return of.dead_routers.contains(router.name);
}
bool is_dead(const MiddlewareDefinition& middleware, const ServiceDefinitions& of) {
  return of.dead_middlewares.contains(middleware.name);
}
bool is_dead(const Pool& pool, const ServiceDefinitions&) { return !pool.living; }

template <typename Claims, typename Objects, typename Places>
void add_claims(Claims& claims, const ServiceDefinitions& decoded, std::string_view service, const Objects& objects,
                const Places& before) {
  const bool gone = decoded.since == ServiceDefinitions::kTombstone;
  for (const auto& object : objects) {
    auto& all = claims.by_name[name_of(object)];
    auto place = before.find(name_of(object));
    const bool stays = !gone && place != before.end();
    typename std::remove_cvref_t<decltype(all)>::value_type claim{
        !gone && !is_dead(object, decoded), stays ? std::min(place->second, decoded.since) : decoded.since, service,
        &object};
    all.insert(std::upper_bound(all.begin(), all.end(), claim), claim);
    claims.touched.insert(name_of(object));
  }
}

template <typename Claims, typename Objects>
std::map<std::string, uint64_t, std::less<>> remove_claims(Claims& claims, std::string_view service,
                                                           const Objects& objects) {
  std::map<std::string, uint64_t, std::less<>> places;
  for (const auto& object : objects) {
    auto found = claims.by_name.find(name_of(object));
    std::erase_if(found->second, [&](const auto& claim) {
      if (claim.service != service) return false;
      places.emplace(name_of(object), claim.since);
      return true;
    });
    if (found->second.empty()) claims.by_name.erase(found);
    claims.touched.insert(name_of(object));
  }
  return places;
}

// Those that are there: tombstones, which come last, only where there is nobody else.
template <typename Claim>
std::span<const Claim> present(const std::vector<Claim>& claims) {
  auto first = std::find_if(claims.begin(), claims.end(),
                            [](const Claim& one) { return one.since == ServiceDefinitions::kTombstone; });
  return first == claims.begin() ? std::span(claims) : std::span(claims.begin(), first);
}

// Those that count: of those that are there, the dead only where nobody lives.
template <typename Claim>
std::span<const Claim> decisive(const std::vector<Claim>& claims) {
  auto first = std::find_if(claims.begin(), claims.end(), [](const Claim& one) { return !one.living; });
  return first == claims.begin() ? present(claims) : std::span(claims.begin(), first);
}

bool same_options(const Pool& a, const Pool& b) {
  if (&a == &b) return true;
  return a.declared && b.declared && a.definition.pass_host_header == b.definition.pass_host_header &&
         a.definition.strategy == b.definition.strategy &&
         a.definition.servers_transport == b.definition.servers_transport &&
         a.definition.server_name == b.definition.server_name &&
         a.definition.proxy_protocol == b.definition.proxy_protocol &&
         a.definition.health_check == b.definition.health_check && a.definition.sticky == b.definition.sticky;
}

std::span<const Rejection> rejected_of(const ServiceDefinitions* decoded) {
  return decoded != nullptr ? std::span(decoded->rejected) : std::span<const Rejection>();
}

}  // namespace

void DefinitionMerger::replace(const std::string& service, std::shared_ptr<const ServiceDefinitions> decoded) {
  auto known = services_.find(service);
  PlacesOfKinds places;
  const auto before = rejected_of(known != services_.end() ? known->second.get() : nullptr);
  if (!std::ranges::equal(before, rejected_of(decoded.get()))) rejected_changed_ = true;
  if (known == services_.end()) {
    if (decoded == nullptr) return;
    known = services_.emplace(service, nullptr).first;
  } else {
    places = remove(known->first, *known->second);
  }
  if (decoded == nullptr) {
    services_.erase(known);
    return;
  }
  known->second = std::move(decoded);
  add(known->first, *known->second, places);
}

void DefinitionMerger::add(const std::string& service, const ServiceDefinitions& decoded, const PlacesOfKinds& before) {
  add_claims(routers_, decoded, service, decoded.routers, before.routers);
  add_claims(middlewares_, decoded, service, decoded.middlewares, before.middlewares);
  add_claims(pools_, decoded, service, decoded.pools, before.pools);
  count_aliases(decoded, 1);
}

DefinitionMerger::PlacesOfKinds DefinitionMerger::remove(const std::string& service,
                                                         const ServiceDefinitions& decoded) {
  count_aliases(decoded, -1);
  return {remove_claims(routers_, service, decoded.routers), remove_claims(middlewares_, service, decoded.middlewares),
          remove_claims(pools_, service, decoded.pools)};
}

void DefinitionMerger::count_aliases(const ServiceDefinitions& decoded, int change) {
  for (const std::string& alias : decoded.aliases) {
    int& times = aliases_[alias];
    times += change;
    if (times == 0) aliases_.erase(alias);
    aliases_changed_ = true;
  }
}

std::shared_ptr<const DefinitionSet> DefinitionMerger::merge(const std::shared_ptr<const DefinitionSet>& before,
                                                             uint64_t index) {
  auto out = before != nullptr ? std::make_shared<DefinitionSet>(*before) : std::make_shared<DefinitionSet>();
  out->provider = provider_;
  out->index = index;
  out->is_decided = true;
  merge_claims("router", routers_, out->routers);
  merge_claims("middleware", middlewares_, out->middlewares);
  merge_services(*out);
  if (std::exchange(rejected_changed_, false)) collect_rejected(*out);
  if (std::exchange(aliases_changed_, false)) take_aliases(*out);
  bool same = before != nullptr && out->routers == before->routers && out->services == before->services &&
              out->middlewares == before->middlewares && out->rejected == before->rejected &&
              out->aliases == before->aliases;
  return same ? before : out;
}

// Equal definitions of two services are one. Different ones of the living all stay: build_table takes the first and
// reports the others. Where we do as Traefik none stays.
template <typename Definition>
void DefinitionMerger::merge_claims(const char* kind, Claims<Definition>& claims,
                                    SharedList<Versions<Definition>>& list) {
  std::vector<typename SharedList<Versions<Definition>>::Edit> edits;
  for (const std::string& name : claims.touched) {
    const auto* before = list.find(name);
    auto found = claims.by_name.find(name);
    if (found == claims.by_name.end()) {
      if (before != nullptr) edits.push_back({name, nullptr});
      note_clashes(std::string(kind) + " " + name, {});
      continue;
    }
    Versions<Definition> made{*found->second.front().object, {}};
    const auto counting = decisive(found->second);
    for (const auto& claim : counting) {
      bool said = made.first == *claim.object || std::count(made.others.begin(), made.others.end(), *claim.object) > 0;
      if (!said) made.others.push_back(*claim.object);
    }
    std::vector<Rejection> clashes;
    for (const auto& claim : present(found->second).subspan(counting.size())) {
      if (*claim.object == made.first) continue;
      clashes.push_back({"tag", name + "@" + provider_,
                         std::string(kind) + " is defined by instances that may not serve; the one that stays: " +
                             made.first.origin.text,
                         claim.object->origin.text});
    }
    const bool is_fabio = !fabio_prefix_.empty() && name.starts_with(fabio_prefix_);
    if (!keep_incumbent_ && !is_fabio && !made.others.empty()) {
      clashes.push_back({"tag", name + "@" + provider_,
                         std::string(kind) + " defined multiple times, differently: dropped", made.first.origin.text});
      if (before != nullptr) edits.push_back({name, nullptr});
    } else if (before == nullptr || !says_the_same(**before, made)) {
      edits.push_back({name, std::make_shared<const Versions<Definition>>(std::move(made))});
    }
    note_clashes(std::string(kind) + " " + name, std::move(clashes));
  }
  claims.touched.clear();
  list = list.edited(std::move(edits));
}

void DefinitionMerger::note_clashes(const std::string& key, std::vector<Rejection> clashes) {
  auto known = clashes_.find(key);
  if (known != clashes_.end() ? known->second != clashes : !clashes.empty()) rejected_changed_ = true;
  if (!clashes.empty()) {
    clashes_[key] = std::move(clashes);
  } else if (known != clashes_.end()) {
    clashes_.erase(known);
  }
}

void DefinitionMerger::merge_services(DefinitionSet& set) {
  std::vector<SharedList<Versions<ServiceDefinition>>::Edit> edits;
  for (const std::string& name : pools_.touched) {
    const auto* before = set.services.find(name);
    auto found = pools_.by_name.find(name);
    std::vector<Rejection> clashes;
    if (found == pools_.by_name.end()) {
      if (before != nullptr) edits.push_back({name, nullptr});
    } else {
      Versions<ServiceDefinition> made;
      merge_pools(found->second, made.first, clashes);
      if (before == nullptr || !says_the_same(**before, made)) {
        edits.push_back({name, std::make_shared<const Versions<ServiceDefinition>>(std::move(made))});
      }
    }
    note_clashes("service " + name, std::move(clashes));
  }
  pools_.touched.clear();
  set.services = set.services.edited(std::move(edits));
}

// What tags declare goes before the catalog's own service of that name, also where those that declare it are dead: what
// stands before that service would be passed by.
void DefinitionMerger::merge_pools(const std::vector<Claim<Pool>>& claims, ServiceDefinition& out,
                                   std::vector<Rejection>& clashes) {
  std::vector<const Pool*> pools;
  for (const Claim<Pool>& claim : present(claims)) pools.push_back(claim.object);
  std::stable_partition(pools.begin(), pools.end(), [](const Pool* pool) { return pool->declared; });
  const Pool& first = *pools[0];
  std::vector<const Pool*> taken;
  for (const Pool* pool : pools) {
    if (same_options(first, *pool)) {
      taken.push_back(pool);
      continue;
    }
    std::string reason = "the name is taken: " + first.definition.origin.text +
                         (pool->declared ? " defines it with other options" : " names this service by tag");
    clashes.push_back({"tag", pool->definition.name + "@" + provider_, reason, pool->definition.origin.text});
  }
  out = first.definition;
  out.endpoints = merge_endpoints(taken);
}

void DefinitionMerger::collect_rejected(DefinitionSet& set) const {
  std::vector<Rejection> all;
  for (const auto& [name, service] : services_) {
    all.insert(all.end(), service->rejected.begin(), service->rejected.end());
  }
  for (const auto& [name, clashes] : clashes_) all.insert(all.end(), clashes.begin(), clashes.end());
  bool same = set.rejected != nullptr ? *set.rejected == all : all.empty();
  if (!same) set.rejected = all.empty() ? nullptr : std::make_shared<const std::vector<Rejection>>(std::move(all));
}

void DefinitionMerger::take_aliases(DefinitionSet& set) const {
  std::set<std::string, std::less<>> names;
  for (const auto& [name, times] : aliases_) names.insert(names.end(), name);
  const bool same = set.aliases != nullptr ? *set.aliases == names : names.empty();
  if (same) return;
  set.aliases = names.empty() ? nullptr : std::make_shared<const std::set<std::string, std::less<>>>(std::move(names));
}

}  // namespace weir::routing

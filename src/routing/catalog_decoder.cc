#include <algorithm>

#include "routing/definition_merger.h"
#include "routing/endpoint_pool.h"
#include "weir/base/text.h"
#include "weir/routing/catalog_definitions.h"

namespace weir::routing {

namespace {

bool has_fabio_tag(const catalog::Service& service, const std::string& prefix) {
  if (prefix.empty()) return false;
  return std::any_of(service.instances.begin(), service.instances.end(), [&](const catalog::Instance& one) {
    return std::any_of(one.tags.begin(), one.tags.end(), [&](const auto& tag) { return tag.starts_with(prefix); });
  });
}

}  // namespace

CatalogDecoder::CatalogDecoder(CatalogOptions options)
    : options_(std::move(options)),
      merger_(
          std::make_unique<DefinitionMerger>(options_.provider, options_.keep_incumbent, options_.fabio_tag_prefix)) {}

CatalogDecoder::~CatalogDecoder() = default;

std::shared_ptr<const DefinitionSet> CatalogDecoder::decode(const catalog::CatalogSnapshot& snapshot, uint64_t now_ms) {
  decoded_count_ = 0;
  for_each_difference(seen_, snapshot.services.list(), [&](const auto* before, const auto* after) {
    if (after == nullptr) return take((*before)->name, nullptr, true, now_ms);
    // Often a new object that says the same: another index, another check's output.
    if (before != nullptr && **before == **after) return;
    const catalog::Service& service = **after;
    take(service.name, std::make_shared<const ServiceDefinitions>(decode_service(service, options_)),
         service.instances.empty(), now_ms);
    ++decoded_count_;
  });
  seen_ = snapshot.services.list();
  if (std::exchange(claimed_, false)) drop_claimed();
  last_ = merger_->merge(last_, snapshot.index);
  return last_;
}

std::shared_ptr<const DefinitionSet> CatalogDecoder::edit(std::shared_ptr<const std::vector<RouteEdit>> edits,
                                                          uint64_t now_ms) {
  options_.edits = edits != nullptr ? std::make_shared<const EditIndex>(std::move(edits)) : nullptr;
  for (auto& [name, tombstone] : tombstones_) {
    auto kept = std::make_shared<ServiceDefinitions>(*tombstone.last);
    for (ServiceDefinitions::Pool& pool : kept->pools) empty(pool);
    tombstone.last = kept;
    merger_->replace(name, std::move(kept));
  }
  decoded_count_ = 0;
  for (const auto& service : seen_) {
    if (tombstones_.contains(service->name) || !has_fabio_tag(*service, options_.fabio_tag_prefix)) continue;
    take(service->name, std::make_shared<const ServiceDefinitions>(decode_service(*service, options_)), false, now_ms);
    ++decoded_count_;
  }
  if (last_ != nullptr) last_ = merger_->merge(last_, last_->index);
  return last_;
}

// What a service defines now; `gone` where it has no instance left to say so.
void CatalogDecoder::take(const std::string& name, std::shared_ptr<const ServiceDefinitions> decoded, bool gone,
                          uint64_t now_ms) {
  auto routed = routed_.find(name);
  if (routed != routed_.end()) {
    auto last = std::move(routed->second);
    routed_.erase(routed);
    count_rules(rules_, buried_rules_, *last, -1);
    bool buries = gone && options_.tombstone_ms > 0 && tombstones_.size() < kTombstonesMax;
    if (buries) return bury(name, *last, now_ms);
  }
  auto tombstone = tombstones_.find(name);
  if (gone && tombstone != tombstones_.end()) return;
  if (tombstone != tombstones_.end()) dig_up(tombstone);
  if (decoded != nullptr && !decoded->routers.empty()) {
    count_rules(rules_, buried_rules_, *decoded, 1);
    routed_.emplace(name, decoded);
  }
  merger_->replace(name, std::move(decoded));
}

// Nobody is left but whom commands have added.
void CatalogDecoder::empty(ServiceDefinitions::Pool& pool) const {
  pool.definition.endpoints.clear();
  pool.shares.clear();
  if (!pool.is_fabio || options_.edits == nullptr) return;
  std::string_view source = std::string_view(pool.definition.name).substr(options_.fabio_tag_prefix.size());
  set_commanded(pool, source, *options_.edits);
  sort_endpoints(pool);
}

// Its routes stay, without endpoints: who asks for them hears 503 and no other route's answer.
void CatalogDecoder::bury(const std::string& name, const ServiceDefinitions& last, uint64_t now_ms) {
  auto kept = std::make_shared<ServiceDefinitions>(last);
  kept->since = ServiceDefinitions::kTombstone;
  kept->rejected.clear();
  kept->aliases.clear();
  for (RouterDefinition& router : kept->routers) router.tombstone = true;
  for (ServiceDefinitions::Pool& pool : kept->pools) empty(pool);
  count_rules(buried_rules_, rules_, *kept, 1);
  tombstones_.insert_or_assign(name, Tombstone{now_ms + options_.tombstone_ms, kept});
  merger_->replace(name, std::move(kept));
}

// A service that was renamed: another one claims its rule and has it at once.
void CatalogDecoder::drop_claimed() {
  for (auto at = tombstones_.begin(); at != tombstones_.end();) {
    auto claimed = [&](const RouterDefinition& router) { return rules_.contains(fnv1a(router.rule)); };
    const auto& routers = at->second.last->routers;
    if (std::none_of(routers.begin(), routers.end(), claimed)) {
      ++at;
      continue;
    }
    auto left = std::make_shared<ServiceDefinitions>(*at->second.last);
    std::erase_if(left->routers, claimed);
    if (left->routers.empty()) {
      const std::string name = at->first;
      at = dig_up(at);
      reveal(name);
      continue;
    }
    count_rules(buried_rules_, rules_, *at->second.last, -1);
    count_rules(buried_rules_, rules_, *left, 1);
    at->second.last = left;
    merger_->replace(at->first, std::move(left));
    ++at;
  }
}

// What stands in the catalog under that name, now that its tombstone is gone.
void CatalogDecoder::reveal(const std::string& name) {
  const auto* service = seen_.find(name);
  merger_->replace(name, service == nullptr
                             ? nullptr
                             : std::make_shared<const ServiceDefinitions>(decode_service(**service, options_)));
}

std::shared_ptr<const DefinitionSet> CatalogDecoder::expire(uint64_t now_ms) {
  bool any = false;
  for (auto at = tombstones_.begin(); at != tombstones_.end();) {
    if (at->second.until_ms > now_ms) {
      ++at;
      continue;
    }
    any = true;
    const std::string name = at->first;
    at = dig_up(at);
    reveal(name);
  }
  if (any) last_ = merger_->merge(last_, last_ != nullptr ? last_->index : 0);
  return last_;
}

// A tombstone and a live service with the same rule: the latter has it (drop_claimed()).
void CatalogDecoder::count_rules(RuleCounts& counts, const RuleCounts& opposite, const ServiceDefinitions& of,
                                 int change) {
  for (const RouterDefinition& router : of.routers) {
    const uint64_t hash = fnv1a(router.rule);
    int& times = counts[hash];
    times += change;
    if (times == 0) counts.erase(hash);
    claimed_ = claimed_ || (change > 0 && opposite.contains(hash));
  }
}

CatalogDecoder::Tombstones::iterator CatalogDecoder::dig_up(Tombstones::iterator tombstone) {
  count_rules(buried_rules_, rules_, *tombstone->second.last, -1);
  return tombstones_.erase(tombstone);
}

}  // namespace weir::routing

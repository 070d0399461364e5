#include "weir/routing/catalog_definitions.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <unordered_map>

#include "routing/default_rule.h"
#include "routing/expression.h"
#include "weir/config/config.h"

namespace weir::routing {

namespace {

using catalog::Health;
using Pool = ServiceDefinitions::Pool;

constexpr double kWeightOfAll = 10'000;  // fabio's ring has as many places

bool may_serve(const EndpointDefinition& endpoint) { return endpoint.health <= Health::warning; }

/// An endpoint with its share, while a service is put together.
struct SharedEndpoint {
  EndpointDefinition endpoint;
  double share = 0;
};

/// fabio's shares as weights: a fixed share of all requests, the rest in equal parts to those without one. Fixed shares
/// of 1 and more together leave nothing for the others.
void weigh_by_share(std::vector<SharedEndpoint>& endpoints) {
  double fixed = 0;
  size_t open = 0;
  for (const SharedEndpoint& each : endpoints) {
    if (!may_serve(each.endpoint)) continue;
    fixed += each.share;
    if (each.share <= 0) ++open;
  }
  double each_open = open == 0 ? 0 : std::max(0.0, 1 - fixed) / static_cast<double>(open);
  for (SharedEndpoint& each : endpoints) {
    double share = each.share > 0 ? each.share : each_open;
    double weight = std::round(share * kWeightOfAll);
    each.endpoint.weight = share > 0 ? static_cast<uint32_t>(std::max(weight, 1.0)) : 0;
  }
}

std::vector<EndpointDefinition> finish_endpoints(std::vector<SharedEndpoint> all) {
  auto order = [](const SharedEndpoint& each) {
    const EndpointDefinition& e = each.endpoint;
    return std::tie(e.host, e.port, e.scheme, e.health, e.node, e.instance_id);
  };
  std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  // The same place registered twice serves once, by its better health.
  auto same_place = [](const SharedEndpoint& a, const SharedEndpoint& b) {
    return std::tie(a.endpoint.host, a.endpoint.port, a.endpoint.scheme) ==
           std::tie(b.endpoint.host, b.endpoint.port, b.endpoint.scheme);
  };
  all.erase(std::unique(all.begin(), all.end(), same_place), all.end());
  bool shared = std::any_of(all.begin(), all.end(), [](const SharedEndpoint& each) { return each.share > 0; });
  if (shared) weigh_by_share(all);
  std::vector<EndpointDefinition> out;
  out.reserve(all.size());
  for (SharedEndpoint& each : all) out.push_back(std::move(each.endpoint));
  return out;
}

/// Puts the services' definitions together. Names live in one space per provider, so services may meet in one.
class Assembler {
 public:
  explicit Assembler(std::string provider) { out_.provider = std::move(provider); }

  void add(const ServiceDefinitions& service) {
    for (const RouterDefinition& router : service.routers) add_once(router, out_.routers, routers_);
    for (const MiddlewareDefinition& middleware : service.middlewares)
      add_once(middleware, out_.middlewares, middlewares_);
    for (const Pool& pool : service.pools) pools_[pool.definition.name].push_back(&pool);
    out_.rejected.insert(out_.rejected.end(), service.rejected.begin(), service.rejected.end());
  }

  Definitions finish() {
    for (auto& [name, pools] : pools_) out_.services.push_back(merge(pools));
    auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
    std::stable_sort(out_.routers.begin(), out_.routers.end(), by_name);
    std::stable_sort(out_.middlewares.begin(), out_.middlewares.end(), by_name);
    return std::move(out_);
  }

 private:
  /// Equal definitions of two services are one. Different ones both stay: build_table keeps the incumbent and reports
  /// the other.
  template <typename T>
  static void add_once(const T& object, std::vector<T>& all, std::unordered_map<std::string_view, size_t>& known) {
    auto [at, added] = known.emplace(object.name, all.size());
    if (!added && object == all[at->second]) return;
    all.push_back(object);
  }

  ServiceDefinition merge(std::vector<const Pool*>& pools) {
    std::stable_partition(pools.begin(), pools.end(), [](const Pool* pool) { return pool->declared; });
    const Pool& first = *pools[0];
    ServiceDefinition merged = first.definition;
    merged.endpoints.clear();
    std::vector<SharedEndpoint> endpoints;
    for (const Pool* pool : pools) {
      if (!same_options(first, *pool)) {
        report_other(first, *pool);
        continue;
      }
      for (size_t i = 0; i < pool->definition.endpoints.size(); ++i) {
        endpoints.push_back({pool->definition.endpoints[i], pool->shares.empty() ? 0 : pool->shares[i]});
      }
    }
    merged.endpoints = finish_endpoints(std::move(endpoints));
    return merged;
  }

  static bool same_options(const Pool& a, const Pool& b) {
    if (&a == &b) return true;
    return a.declared && b.declared && a.definition.pass_host_header == b.definition.pass_host_header &&
           a.definition.strategy == b.definition.strategy;
  }

  void report_other(const Pool& first, const Pool& other) {
    std::string reason = "the name is taken: " + first.definition.origin.text +
                         (other.declared ? " defines it with other options" : " names this service by tag");
    out_.rejected.push_back({"tag", other.definition.name + "@" + out_.provider, reason, other.definition.origin.text});
  }

  Definitions out_;
  // The keys are views of names in the ServiceDefinitions that were added, which outlive this.
  std::unordered_map<std::string_view, size_t> routers_;
  std::unordered_map<std::string_view, size_t> middlewares_;
  std::map<std::string_view, std::vector<const Pool*>> pools_;
};

/// Who was registered first comes first: where names meet, the newcomer has to give way.
Definitions assemble(const std::string& provider, std::vector<const ServiceDefinitions*> services) {
  std::stable_sort(services.begin(), services.end(),
                   [](const ServiceDefinitions* a, const ServiceDefinitions* b) { return a->since < b->since; });
  Assembler assembler(provider);
  for (const ServiceDefinitions* service : services) assembler.add(*service);
  return assembler.finish();
}

}  // namespace

Result<CatalogOptions> catalog_options(const config::ConsulConfig& config, std::string provider) {
  CatalogOptions out;
  out.provider = std::move(provider);
  out.tag_prefixes = config.tag_prefixes;
  out.fabio_tag_prefix = config.fabio_tag_prefix;
  out.exposed_by_default = config.exposed_by_default;
  out.default_rule = config.default_rule;
  auto rule = expand_default_rule(out.default_rule, "name");
  if (!rule) return fail(rule.error());
  if (auto parsed = parse_expression(*rule); !parsed) {
    return fail(ErrorCode::invalid, "default rule: " + parsed.error().message);
  }
  out.strict_checks.clear();
  for (const std::string& word : config.strict_checks) {
    if (word == "any") {
      out.strict_checks = {Health::passing, Health::warning, Health::critical};
      break;
    }
    auto health = catalog::parse_health(word);
    if (!health) return fail(health.error());
    out.strict_checks.push_back(*health);
  }
  return out;
}

Definitions definitions_from_catalog(const catalog::CatalogSnapshot& snapshot, const CatalogOptions& options) {
  return *CatalogDecoder(options).decode(snapshot);
}

std::shared_ptr<const Definitions> CatalogDecoder::decode(const catalog::CatalogSnapshot& snapshot) {
  decoded_count_ = 0;
  bool changed = last_ == nullptr || entries_.size() != snapshot.services.size();
  std::map<std::string, Entry, std::less<>> entries;
  for (const auto& [name, service] : snapshot.services) {
    Entry entry;
    if (auto known = entries_.find(name); known != entries_.end()) {
      entry = std::move(known->second);
    }
    if (entry.source != service) {
      auto decoded = std::make_shared<const ServiceDefinitions>(decode_service(*service, options_));
      ++decoded_count_;
      if (!entry.decoded || !(*decoded == *entry.decoded)) {
        entry.decoded = std::move(decoded);
        changed = true;
      }
      entry.source = service;
    }
    entries.emplace_hint(entries.end(), name, std::move(entry));
  }
  entries_ = std::move(entries);
  if (!changed) return last_;
  std::vector<const ServiceDefinitions*> services;
  services.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) services.push_back(entry.decoded.get());
  last_ = std::make_shared<const Definitions>(assemble(options_.provider, std::move(services)));
  return last_;
}

}  // namespace weir::routing

#include "weir/routing/catalog_definitions.h"

#include <algorithm>
#include <span>

#include "routing/default_rule.h"
#include "routing/endpoint_pool.h"
#include "routing/expression.h"
#include "weir/config/config.h"

namespace weir::routing {

namespace {

using catalog::Health;
using Pool = ServiceDefinitions::Pool;

/// Puts the services' definitions together. Names live in one space per provider, so services may meet in one.
/// Collects pointers, sorts those, and copies each object once: this runs for every change of the catalog.
class Assembler {
 public:
  explicit Assembler(std::string provider) { out_.provider = std::move(provider); }

  void add(const ServiceDefinitions& service) {
    for (const RouterDefinition& router : service.routers) routers_.push_back(&router);
    for (const MiddlewareDefinition& middleware : service.middlewares) middlewares_.push_back(&middleware);
    for (const Pool& pool : service.pools) pools_.push_back(&pool);
    out_.rejected.insert(out_.rejected.end(), service.rejected.begin(), service.rejected.end());
  }

  Definitions finish() {
    copy_distinct(routers_, out_.routers);
    copy_distinct(middlewares_, out_.middlewares);
    merge_pools();
    return std::move(out_);
  }

 private:
  /// Equal definitions of two services are one. Different ones both stay, in the order they were added: build_table
  /// keeps the incumbent and reports the other.
  template <typename T>
  static void copy_distinct(std::vector<const T*>& from, std::vector<T>& to) {
    std::stable_sort(from.begin(), from.end(), [](const T* a, const T* b) { return a->name < b->name; });
    to.reserve(from.size());
    for (size_t i = 0, first = 0; i < from.size(); ++i) {
      if (from[i]->name != from[first]->name) first = i;
      if (i == first || *from[i] != *from[first]) to.push_back(*from[i]);
    }
  }

  /// What tags declare goes before the catalog's own services of that name.
  void merge_pools() {
    std::stable_sort(pools_.begin(), pools_.end(), [](const Pool* a, const Pool* b) {
      int order = a->definition.name.compare(b->definition.name);
      return order != 0 ? order < 0 : a->declared && !b->declared;
    });
    out_.services.reserve(pools_.size());
    for (size_t begin = 0; begin < pools_.size();) {
      size_t end = begin + 1;
      while (end < pools_.size() && pools_[end]->definition.name == pools_[begin]->definition.name) ++end;
      merge_same_name(std::span(pools_).subspan(begin, end - begin));
      begin = end;
    }
  }

  void merge_same_name(std::span<const Pool* const> pools) {
    const Pool& first = *pools[0];
    std::vector<const Pool*> taken;
    for (const Pool* pool : pools) {
      if (same_options(first, *pool)) {
        taken.push_back(pool);
      } else {
        report_other(first, *pool);
      }
    }
    ServiceDefinition& merged = out_.services.emplace_back();
    merged.name = first.definition.name;
    merged.endpoints = merge_endpoints(taken);
    merged.pass_host_header = first.definition.pass_host_header;
    merged.strategy = first.definition.strategy;
    merged.proxy_protocol = first.definition.proxy_protocol;
    merged.origin = first.definition.origin;
  }

  static bool same_options(const Pool& a, const Pool& b) {
    if (&a == &b) return true;
    return a.declared && b.declared && a.definition.pass_host_header == b.definition.pass_host_header &&
           a.definition.strategy == b.definition.strategy && a.definition.proxy_protocol == b.definition.proxy_protocol;
  }

  void report_other(const Pool& first, const Pool& other) {
    std::string reason = "the name is taken: " + first.definition.origin.text +
                         (other.declared ? " defines it with other options" : " names this service by tag");
    out_.rejected.push_back({"tag", other.definition.name + "@" + out_.provider, reason, other.definition.origin.text});
  }

  Definitions out_;
  std::vector<const RouterDefinition*> routers_;
  std::vector<const MiddlewareDefinition*> middlewares_;
  std::vector<const Pool*> pools_;
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
  bool changed = last_ == nullptr;
  // Both maps are sorted by name: one walk finds what came, went and changed.
  auto known = entries_.begin();
  for (const auto& [name, service] : snapshot.services) {
    while (known != entries_.end() && known->first < name) {
      known = entries_.erase(known);
      changed = true;
    }
    if (known == entries_.end() || known->first != name) known = entries_.emplace_hint(known, name, Entry{});
    changed = refresh(known->second, service) || changed;
    ++known;
  }
  if (known != entries_.end()) {
    entries_.erase(known, entries_.end());
    changed = true;
  }
  if (!changed) return last_;
  std::vector<const ServiceDefinitions*> services;
  services.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) services.push_back(entry.decoded.get());
  last_ = std::make_shared<const Definitions>(assemble(options_.provider, std::move(services)));
  return last_;
}

bool CatalogDecoder::refresh(Entry& entry, const std::shared_ptr<const catalog::Service>& service) {
  if (entry.source == service) return false;
  auto decoded = std::make_shared<const ServiceDefinitions>(decode_service(*service, options_));
  ++decoded_count_;
  entry.source = service;
  if (entry.decoded && *decoded == *entry.decoded) return false;
  entry.decoded = std::move(decoded);
  return true;
}

}  // namespace weir::routing

#include "weir/routing/catalog_definitions.h"

#include "routing/default_rule.h"
#include "routing/definition_merger.h"
#include "routing/expression.h"
#include "weir/config/config.h"

namespace weir::routing {

using catalog::Health;

namespace {

Result<std::vector<Health>> parse_healths(const std::vector<std::string>& words) {
  std::vector<Health> out;
  for (const std::string& word : words) {
    if (word == "any") return std::vector<Health>{Health::passing, Health::warning, Health::critical};
    auto health = catalog::parse_health(word);
    if (!health) return fail(health.error());
    out.push_back(*health);
  }
<<<<<<< HEAD
  return out;
=======

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
>>>>>>> limits
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
  auto strict = parse_healths(config.strict_checks);
  if (!strict) return fail(strict.error());
  out.strict_checks = std::move(*strict);
  auto status = parse_healths(config.fabio_status);
  if (!status) return fail(status.error());
  out.fabio_status = std::move(*status);
  out.fabio_matcher = config.fabio_matcher;
  out.fabio_checks_required = config.fabio_checks_required == "all"    ? FabioChecks::all
                              : config.fabio_checks_required == "none" ? FabioChecks::none
                                                                       : FabioChecks::one;
  out.keep_incumbent = config.conflicts != "drop";
  out.drop_object_only = config.unknown_fields != "instance";
  out.empty_routes = config.empty_routes != "absent";
  out.tombstone_ms = config.tombstone_ms;
  return out;
}

Definitions definitions_from_catalog(const catalog::CatalogSnapshot& snapshot, const CatalogOptions& options) {
  return list(*CatalogDecoder(options).decode(snapshot));
}

}  // namespace weir::routing

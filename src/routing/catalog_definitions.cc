#include "weir/routing/catalog_definitions.h"

#include <algorithm>

#include "routing/default_rule.h"
#include "routing/definition_merger.h"
#include "routing/expression.h"
#include "routing/rule_rewriter.h"
#include "weir/base/go_bool.h"
#include "weir/base/text.h"
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
  return out;
}

/// Whether it makes a rule of such a name.
Status try_default_rule(const std::string& rule_template, const std::string& name) {
  auto rule = expand_default_rule(rule_template, {name, {}});
  if (!rule && rule.error().code == ErrorCode::not_found) return {};  // the name that is tried here has no such part
  if (!rule) return fail(rule.error());
  // What it makes of no tags at all may be nothing; it is looked at again where it is used.
  if (rule_template.find(".Labels") != std::string::npos) return {};
  if (auto parsed = parse_expression(*rule); !parsed) {
    return fail(ErrorCode::invalid, "default rule: " + parsed.error().message);
  }
  return {};
}

// A template may be for names of several parts, and make nothing good of one word.
Status check_default_rule(const std::string& rule_template) {
  if (rule_template.empty()) return {};
  Status tried = try_default_rule(rule_template, "name");
  return tried || try_default_rule(rule_template, "some-long-er-na-me") ? Status() : tried;
}

Status check_constraints(const std::string& constraints) {
  auto parsed = Constraints::parse(constraints);
  if (parsed) return {};
  return fail(ErrorCode::invalid, "constraints: " + parsed.error().message);
}

std::vector<Error> rule_problems(const std::string& default_rule, const std::string& constraints) {
  std::vector<Error> out;
  if (Status good = check_default_rule(default_rule); !good) out.push_back(good.error());
  if (Status good = check_constraints(constraints); !good) out.push_back(good.error());
  return out;
}

/// What catalogs have in common.
template <typename Config>
CatalogOptions common_options(const Config& config, std::string provider) {
  CatalogOptions out;
  out.provider = std::move(provider);
  out.tag_prefixes = config.tag_prefixes;
  out.fabio_tag_prefix = config.fabio_tag_prefix;
  out.exposed_by_default = config.exposed_by_default;
  out.enable_required = config.enable_required;
  out.default_rule = config.default_rule;
  out.constraints = config.constraints;
  out.keep_incumbent = config.conflicts != "drop";
  out.drop_object_only = config.unknown_fields != "instance";
  out.empty_routes = config.empty_routes != "absent";
  out.panic_threshold_percent = config.panic_threshold_percent;
  out.tombstone_ms = config.tombstone_ms;
  return out;
}

}  // namespace

ConnectTags connect_tags(const config::ConsulConfig& config) {
  return {!config.connect_service.empty(), config.connect_by_default};
}

bool ConnectTags::ask_for(std::string_view service, const std::vector<std::string>& tags,
                          const std::vector<std::string>& prefixes) const {
  if (!on || service.ends_with("-sidecar-proxy")) return false;
  bool asked = by_default;
  for (const std::string& tag : tags) {
    const size_t equals = std::min(tag.find('='), tag.size());
    for (const std::string& prefix : prefixes) {
      if (!equals_ignore_case(trim(std::string_view(tag).substr(0, equals)), prefix + ".consulcatalog.connect"))
        continue;
      auto value = parse_go_bool(trim(std::string_view(tag).substr(std::min(equals + 1, tag.size()))));
      if (value && *value) return true;
      if (value) asked = false;
    }
  }
  return asked;
}

std::vector<Error> catalog_problems(const config::ConsulConfig& config) {
  std::vector<Error> out = rule_problems(config.default_rule, config.constraints);
  for (const auto* words : {&config.strict_checks, &config.fabio_status}) {
    if (auto healths = parse_healths(*words); !healths) out.push_back(healths.error());
  }
  return out;
}

std::vector<Error> catalog_problems(const config::NomadConfig& config) {
  return rule_problems(config.default_rule, config.constraints);
}

Result<CatalogOptions> catalog_options(const config::ConsulConfig& config, std::string provider) {
  if (auto problems = catalog_problems(config); !problems.empty()) return fail(problems.front());
  CatalogOptions out = common_options(config, std::move(provider));
  out.connect = connect_tags(config).on;
  out.strict_checks = *parse_healths(config.strict_checks);
  out.fabio_status = *parse_healths(config.fabio_status);
  out.fabio_matcher = config.fabio_matcher;
  out.fabio_checks_required = config.fabio_checks_required == "all"    ? FabioChecks::all
                              : config.fabio_checks_required == "none" ? FabioChecks::none
                                                                       : FabioChecks::one;
  return out;
}

Result<CatalogOptions> catalog_options(const config::NomadConfig& config, std::string provider) {
  if (auto problems = catalog_problems(config); !problems.empty()) return fail(problems.front());
  CatalogOptions out = common_options(config, std::move(provider));
  out.fabio_checks_required = FabioChecks::none;
  out.catalog_kind = "nomad";
  out.trims_tags = true;
  return out;
}

Definitions definitions_from_catalog(const catalog::CatalogSnapshot& snapshot, const CatalogOptions& options) {
  return list(*CatalogDecoder(options).decode(snapshot));
}

}  // namespace weir::routing

// decode_service: one catalog service with its instances and their tags -> routers, pools of endpoints, middlewares.

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "routing/claims.h"
#include "routing/default_rule.h"
#include "routing/endpoint_pool.h"
#include "routing/expression.h"
#include "routing/instance_endpoint.h"
#include "routing/rule_rewriter.h"
#include "routing/tag_fabio.h"
#include "routing/tag_traefik.h"
#include "weir/base/text.h"
#include "weir/base/url.h"
#include "weir/routing/catalog_definitions.h"
#include "weir/routing/qualified_name.h"

namespace weir::routing {

namespace {

using catalog::Health;
using catalog::Instance;

/// Instances with the very same tags: their tags are decoded once.
struct TagGroup {
  const std::vector<std::string>* tags = nullptr;
  std::vector<const Instance*> instances;
  uint64_t since = 0;
  size_t living = 0;  // instances that may serve, by the rules of the tags that are read
};

/// Endpoints that a service has without any tag that names it.
struct PlainEndpoints {
  std::string service;
  std::vector<EndpointDefinition> endpoints;
  bool names_none = false;  // their tags declare no service: then they serve in the one that other instances declare
};

/// A refused object; whether the object itself is gone shows only at the end.
struct PendingRejection {
  std::string name;  // without provider
  Rejection rejection;
};

bool may_serve(const EndpointDefinition& endpoint) { return endpoint.health <= Health::warning; }

std::vector<TagGroup> group_by_tags(const catalog::Service& service) {
  std::vector<TagGroup> groups;
  std::map<std::vector<std::string>, size_t> known;
  for (const Instance& instance : service.instances) {
    auto [at, added] = known.emplace(instance.tags, groups.size());
    if (added) groups.push_back({&instance.tags, {}, instance.modify_index, 0});
    TagGroup& group = groups[at->second];
    group.instances.push_back(&instance);
    group.since = std::min(group.since, instance.modify_index);
  }
  return groups;
}

/// Decodes one service. Used once.
class ServiceDecoder {
 public:
  ServiceDecoder(const catalog::Service& service, const CatalogOptions& options)
      : service_(service), options_(options) {
    // Checked when the options were made.
    if (auto parsed = Constraints::parse(options.constraints)) constraints_ = std::move(*parsed);
  }

  ServiceDefinitions run() {
    pool(service_.name, false, "service " + service_.name);
    out_.since = UINT64_MAX;
    for (const TagGroup& group : group_by_tags(service_)) {
      out_.since = std::min(out_.since, group.since);
      decode_group(group);
    }
    if (service_.instances.empty()) out_.since = 0;
    // Known to whoever names the service; but where others of it are exposed, these are not meant to be.
    for (const TagGroup& group : unasked_) {
      if (!asked_) add_plain_endpoints(group, service_.name, true);
    }
    choose_routers();
    choose_middlewares();
    pool_plain_endpoints();
    choose_pools();
    settle_rejections();
    return std::move(out_);
  }

 private:
  void decode_group(const TagGroup& group) {
    if (!constraints_.hold(*group.tags)) return;
    if (reads_no_tags(group)) return add_plain_endpoints(group, service_.name, true);
    TraefikTags tags = decode_traefik_tags(
        *group.tags, options_.tag_prefixes,
        {options_.provider, service_.name, options_.trims_tags, options_.connect, options_.catalog_kind});
    if (tags.enable == false) {
      if (tags.hidden_unread) std::move(tags.rejected.begin(), tags.rejected.end(), std::back_inserter(out_.rejected));
      return;
    }
    if (tags.misread && !options_.drop_object_only) return drop_instances(tags);
    TagGroup serving = group;
    serving.instances = readable(group.instances, options_, false);
    serving.living = count_living(serving.instances, options_, false);
    if (!serving.instances.empty()) take_tags(tags, serving);
    serving.instances = readable(group.instances, options_, true);
    if (!serving.instances.empty()) decode_fabio_tags(serving);
  }

  void take_tags(TraefikTags& tags, const TagGroup& group) {
    for (Rejection& rejection : tags.rejected) {
      std::string name(local_name(rejection.name));
      pending_.push_back({name, std::move(rejection)});
    }
    broken_services_.insert(tags.broken_services.begin(), tags.broken_services.end());
    const std::string own_name = normalize_name(tags.canary ? canary_name(*group.tags) : service_.name);
    const bool routes = tags.router_count() > 0 || tags.service_count() > 0 || !tags.middlewares.empty();
    const bool asked = tags.enable == true || options_.exposed_by_default || (routes && !options_.enable_required);
    asked_ = asked_ || asked;
    if (!asked) return unasked_.push_back(group);
    const bool names_none = tags.service_count() == 0 && !serves_elsewhere(tags);
    add_plain_endpoints(group, tags.canary ? own_name : service_.name, names_none);
    // Traefik's name of a service that tags do not name: what refers to it must find it.
    if (!tags.canary && own_name != service_.name && tags.service_count() == 0) {
      add_plain_endpoints(group, own_name, names_none);
    }
    add_default_router(tags, own_name);
    for (RouterDefinition& router : tags.routers) complete_router(router, tags, group, own_name);
    for (const MiddlewareDefinition& middleware : tags.middlewares) claim(middlewares_, middleware, group);
    for (const TaggedService& tagged : tags.services) add_tagged_service(tagged, group);
  }

  /// Whether the tags speak of TCP or UDP only.
  static bool serves_elsewhere(const TraefikTags& tags) {
    return tags.other_protocols && tags.router_count() == 0 && tags.middlewares.empty();
  }

  /// As Traefik has it: one tag that cannot be read, and the instance is not there.
  void drop_instances(TraefikTags& tags) {
    for (Rejection& rejection : tags.rejected) {
      rejection.kind = "tag";
      rejection.reason += "; its instances are left out";
      out_.rejected.push_back(std::move(rejection));
    }
  }

  /// A sidecar is registered with a copy of its service's tags; read again they would fight over the same names.
  bool reads_no_tags(const TagGroup& group) {
    if (!service_.name.ends_with("-sidecar-proxy")) return false;
    bool tagged = std::any_of(group.tags->begin(), group.tags->end(), [&](const std::string& tag) {
      if (!options_.fabio_tag_prefix.empty() && tag.starts_with(options_.fabio_tag_prefix)) return true;
      return std::any_of(options_.tag_prefixes.begin(), options_.tag_prefixes.end(),
                         [&](const std::string& prefix) { return tag.starts_with(prefix + "."); });
    });
    if (tagged) {
      out_.rejected.push_back(
          {"tag", service_.name, "the tags of a sidecar proxy are not read", "service " + service_.name});
    }
    return true;
  }

  /// Traefik sets a canary's default names apart, so that it gets no requests of the others': by Go's fnv.New64.
  std::string canary_name(std::vector<std::string> tags) const {
    std::sort(tags.begin(), tags.end());
    uint64_t hash = 14695981039346656037ULL;
    for (unsigned char c : join(tags, "")) hash = hash * 1099511628211ULL ^ c;
    return service_.name + "-" + std::to_string(hash);
  }

  /// What a default rule may ask for: the tags with the name Traefik gives their prefix.
  RuleSubject subject_of(const TagGroup& group) const {
    RuleSubject out{service_.name, {}};
    for (const std::string& tag : *group.tags) {
      const size_t equals = tag.find('=');
      for (const std::string& prefix : options_.tag_prefixes) {
        if (equals == std::string::npos || !tag.starts_with(prefix)) continue;
        std::string key = tag.substr(0, equals);
        if (key.starts_with(prefix + ".")) key = "traefik" + key.substr(prefix.size());
        out.labels.insert_or_assign(std::move(key), tag.substr(equals + 1));
        break;
      }
    }
    return out;
  }

  /// What Traefik makes up where the tags say little.
  void add_default_router(TraefikTags& tags, const std::string& own_name) const {
    if (tags.router_count() > 0 || options_.default_rule.empty()) return;
    bool other_only = tags.other_protocols && tags.service_count() == 0;
    bool asked = tags.enable == true || options_.exposed_by_default || tags.service_count() == 1;
    if (other_only || !asked || tags.service_count() > 1) return;
    RouterDefinition router;
    router.name = normalize_name(own_name);
    router.origin.text = "service " + service_.name + ", default rule";
    tags.routers.push_back(std::move(router));
  }

  void complete_router(RouterDefinition& router, const TraefikTags& tags, const TagGroup& group,
                       const std::string& own_name) {
    if (router.service.empty()) {
      if (tags.service_count() > 1) {
        return reject("router", router.name, "several services and none is named", router.origin.text);
      }
      bool broken = tags.services.empty() && !tags.broken_services.empty();
      router.service = broken                  ? tags.broken_services[0]
                       : tags.services.empty() ? own_name
                                               : tags.services[0].options.name;
    }
    if (router.rule.empty()) {
      if (options_.default_rule.empty()) {
        return reject("router", router.name, "no rule, and default_rule is empty", router.origin.text);
      }
      auto rule = expand_default_rule(options_.default_rule, subject_of(group));
      if (!rule) return reject("router", router.name, rule.error().message, router.origin.text);
      if (trim(*rule).empty()) {
        return reject("router", router.name, "the default rule gives no rule", router.origin.text);
      }
      router.rule = *rule;
    }
    if (auto parsed = parse_expression(router.rule); !parsed) {
      return reject("router", router.name, "rule: " + parsed.error().message, router.origin.text);
    }
    claim(routers_, router, group);
  }

  void decode_fabio_tags(const TagGroup& group) {
    if (options_.fabio_tag_prefix.empty()) return;
    std::set<std::string> seen;
    for (const std::string& tag : *group.tags) {
      if (!tag.starts_with(options_.fabio_tag_prefix)) continue;
      std::string_view source = std::string_view(tag).substr(options_.fabio_tag_prefix.size());
      auto route = decode_fabio_tag(
          source, {options_.fabio_tag_prefix, group.instances[0]->datacenter, service_.name, options_.fabio_matcher});
      if (!route) {
        out_.rejected.push_back(
            {"tag", service_.name, route.error().message, "service " + service_.name + ", tag " + tag});
        continue;
      }
      if (!seen.insert(route->router.name).second) {
        out_.rejected.push_back(
            {"tag", service_.name, "the same source twice", "service " + service_.name + ", tag " + tag});
        continue;
      }
      if (auto parsed = parse_expression(route->router.rule); !parsed) {
        out_.rejected.push_back(
            {"tag", service_.name, parsed.error().message, "service " + service_.name + ", tag " + tag});
        continue;
      }
      for (const std::string& reason : route->ignored) {
        out_.rejected.push_back({"tag", service_.name, reason, "service " + service_.name + ", tag " + tag});
      }
      add_fabio_route(*route, group);
    }
  }

  void add_fabio_route(const FabioRoute& route, TagGroup group) {
    std::vector<ServiceDefinitions::Share> shares = apply_edits(route, group.instances);
    if (group.instances.empty()) return;
    group.living = count_living(group.instances, options_, true);
    claim(routers_, route.router, group);
    if (route.last_resort) claim(routers_, *route.last_resort, group);
    if (!route.alias.empty()) out_.aliases.push_back(route.alias);
    for (const MiddlewareDefinition& middleware : route.middlewares) claim(middlewares_, middleware, group);
    ServiceDefinition service;
    service.name = route.router.service;
    service.pass_host_header = route.pass_host_header;
    service.servers_transport = route.servers_transport;
    service.server_name = route.server_name;
    service.origin = route.router.origin;
    claim(services_, service, group);
    ServiceDefinitions::Pool& target = pool(service.name, true, service.origin.text);
    target.is_fabio = true;
    for (size_t i = 0; i < group.instances.size(); ++i) {
      const Instance& instance = *group.instances[i];
      auto endpoint = make_endpoint(instance, {route.scheme, 0, std::nullopt}, fabio_health(instance, options_));
      if (!endpoint) continue;
      target.definition.endpoints.push_back(*endpoint);
      target.shares.push_back(shares[i]);
    }
  }

  /// Leaves out what commands delete; the shares of the others, by tag or by the last command about them.
  std::vector<ServiceDefinitions::Share> apply_edits(const FabioRoute& route,
                                                     std::vector<const Instance*>& instances) const {
    std::vector<const Instance*> kept;
    std::vector<ServiceDefinitions::Share> shares;
    std::vector<uint32_t> numbers;
    if (options_.edits != nullptr) numbers = options_.edits->about(service_.name, source_of(route));
    for (const Instance* instance : instances) {
      ServiceDefinitions::Share share{route.share, 0};
      bool deleted = false;
      for (uint32_t number : numbers) {
        const RouteEdit& edit = (*options_.edits)[number];
        if (deleted || !is_about(edit, *instance)) continue;
        deleted = edit.kind == RouteEdit::Kind::del;
        share = {edit.share, number + 1};
      }
      if (deleted) continue;
      kept.push_back(instance);
      shares.push_back(share);
    }
    instances = std::move(kept);
    return shares;
  }

  [[nodiscard]] std::string_view source_of(const FabioRoute& route) const {
    return std::string_view(route.router.name).substr(options_.fabio_tag_prefix.size());
  }

  static bool is_about(const RouteEdit& edit, const Instance& instance) {
    if (!edit.target.empty()) {
      auto url = parse_fabio_target(edit.target);
      if (!url || url->host != to_lower(instance.address) || url->port != instance.port) return false;
    }
    return std::all_of(edit.tags.begin(), edit.tags.end(), [&](const std::string& tag) {
      return std::find(instance.tags.begin(), instance.tags.end(), tag) != instance.tags.end();
    });
  }

  void add_tagged_service(const TaggedService& tagged, const TagGroup& group) {
    claim(services_, tagged.options, group);
    ServiceDefinitions::Pool& target = pool(tagged.options.name, true, tagged.options.origin.text);
    target.declared = true;  // it may have been the catalog service's own
    for (const Instance* instance : group.instances) {
      auto endpoint =
          make_endpoint(*instance, {tagged.scheme, tagged.port, tagged.weight}, serving_health(*instance, options_));
      if (endpoint && !tagged.url.empty() && !instance->mesh) use_url(*endpoint, tagged.url);
      if (endpoint) {
        target.definition.endpoints.push_back(std::move(*endpoint));
      } else if (instance->health != Health::maintenance) {
        out_.rejected.push_back({"tag", tagged.options.name + "@" + options_.provider,
                                 "instance " + instance_label(*instance) + " has no address or port",
                                 tagged.options.origin.text});
      }
    }
  }

  static void use_url(EndpointDefinition& endpoint, const std::string& text) {
    auto url = Url::parse_server(text);
    if (!url) return;  // the decoder of tags has refused it before
    endpoint.scheme = url->scheme;
    endpoint.host = url->host;
    endpoint.port = url->port;
  }

  void add_plain_endpoints(const TagGroup& group, const std::string& name, bool names_none) {
    PlainEndpoints& plain = plain_.emplace_back(PlainEndpoints{name, {}, names_none});
    for (const Instance* instance : group.instances) {
      auto endpoint = make_endpoint(*instance, {}, serving_health(*instance, options_));
      if (endpoint) plain.endpoints.push_back(std::move(*endpoint));
    }
  }

  /// Now that all tags are read: which names they declare.
  void pool_plain_endpoints() {
    // As in Traefik: who declares services of its own serves in those, beside others who declare none.
    std::set<std::string_view> undeclared;
    for (const PlainEndpoints& plain : plain_) {
      if (plain.names_none && !plain.endpoints.empty()) undeclared.insert(plain.service);
    }
    for (PlainEndpoints& plain : plain_) {
      ServiceDefinitions::Pool& target = pool(plain.service, false, "service " + service_.name);
      if ((target.declared || undeclared.contains(plain.service)) && !plain.names_none) continue;
      const bool serves = std::any_of(plain.endpoints.begin(), plain.endpoints.end(), may_serve);
      if (serves) plainly_served_.insert(plain.service);
      std::move(plain.endpoints.begin(), plain.endpoints.end(), std::back_inserter(target.definition.endpoints));
    }
  }

  template <typename T>
  static void claim(Claims<T>& claims, const T& object, const TagGroup& group) {
    claims.add(object, {group.instances.size(), group.living, group.since, instance_label(*group.instances[0])});
  }

  ServiceDefinitions::Pool& pool(const std::string& name, bool declared, const std::string& origin) {
    auto [at, added] = pools_.try_emplace(name);
    if (added) {
      at->second.definition.name = name;
      at->second.definition.origin.text = origin;
      at->second.declared = declared;
    }
    return at->second;
  }

  void reject(const std::string& kind, const std::string& name, const std::string& reason, const std::string& origin) {
    pending_.push_back({name, {kind, name + "@" + options_.provider, reason, origin}});
  }

  /// The version to follow, null where none may be; the others are reported as tags, since the object itself is there.
  template <typename T>
  const T* follow(const std::string& kind, const std::vector<Claim<T>>& versions) {
    const Claim<T>& followed = versions[0];
    // fabio drops nothing for being said twice.
    const std::string& fabio = options_.fabio_tag_prefix;
    const bool is_fabio = !fabio.empty() && followed.object.name.starts_with(fabio);
    // The dead contradict nobody alive.
    const bool disputed = versions.size() > 1 && (versions[1].by.living > 0 || followed.by.living == 0);
    const bool none = disputed && !options_.keep_incumbent && !is_fabio;
    for (size_t i = none ? 0 : 1; i < versions.size(); ++i) {
      const bool dead = versions[i].by.living == 0 && followed.by.living > 0;
      std::string reason = kind + " is defined differently by " + std::to_string(versions[i].by.instances) +
                           " instance(s)" + (dead ? " that may not serve" : "") + ", such as " +
                           versions[i].by.example + "; ";
      reason += none ? "it is dropped"
                     : std::to_string(followed.by.instances) + " instance(s), such as " + followed.by.example +
                           ", keep their version";
      out_.rejected.push_back(
          {"tag", followed.object.name + "@" + options_.provider, reason, versions[i].object.origin.text});
    }
    return none ? nullptr : &followed.object;
  }

  void choose_routers() {
    for (auto& [name, versions] : std::move(routers_).take()) {
      good_.insert("router " + name);
      if (const auto* followed = follow("router", versions)) out_.routers.push_back(*followed);
      if (versions[0].by.living == 0) out_.dead_routers.insert(name);
    }
  }

  void choose_middlewares() {
    for (auto& [name, versions] : std::move(middlewares_).take()) {
      good_.insert("middleware " + name);
      if (const auto* followed = follow("middleware", versions)) out_.middlewares.push_back(*followed);
      if (versions[0].by.living == 0) out_.dead_middlewares.insert(name);
    }
  }

  /// All instances that name a service serve in it, by the options that are followed: its requests are the same ones.
  void choose_pools() {
    for (auto& [name, versions] : std::move(services_).take()) {
      good_.insert("service " + name);
      const ServiceDefinition* followed = follow("service", versions);
      if (followed == nullptr) {
        pools_.erase(name);
        continue;
      }
      // Who lives and serves in it without a word about it has it as it is without one.
      if (versions[0].by.living == 0 && plainly_served_.contains(name)) continue;
      ServiceDefinition options = *followed;
      ServiceDefinition& pooled = pools_[name].definition;
      options.endpoints = std::move(pooled.endpoints);
      pooled = std::move(options);
    }
    const auto& all = service_.instances;
    const bool mesh = std::any_of(all.begin(), all.end(), [](const Instance& one) { return one.mesh; });
    for (auto& [name, pool] : pools_) {
      std::string& transport = pool.definition.servers_transport;
      if (mesh && transport.empty()) transport = service_.name + std::string(kMeshTransport);
      // Tags meant to change this service and failed: the plain one may have the wrong port. Its last good version,
      // which build_table keeps, is better.
      if (broken_services_.contains(name) && !good_.contains("service " + name)) continue;
      if (options_.edits != nullptr && pool.is_fabio) {
        set_commanded(pool, std::string_view(name).substr(options_.fabio_tag_prefix.size()), *options_.edits);
      }
      const auto& endpoints = pool.definition.endpoints;
      pool.living = std::any_of(endpoints.begin(), endpoints.end(), may_serve);
      let_all_serve_in_panic(pool.definition.endpoints);
      // Of what checks find: the catalog's own health has been looked at just now.
      if (pool.definition.health_check) {
        pool.definition.panic_threshold_percent = static_cast<uint8_t>(options_.panic_threshold_percent);
      }
      if (service_.freshness == catalog::Freshness::stale) retire_stale(pool.definition);
      sort_endpoints(pool);
      out_.pools.push_back(std::move(pool));
    }
  }

  /// Its routes stay and answer 503. What commands have added is not the catalog's.
  static void retire_stale(ServiceDefinition& definition) {
    definition.panic_threshold_percent = 0;
    for (EndpointDefinition& one : definition.endpoints) {
      if (!one.instance_id.empty()) make_stale(one);
    }
  }

  void let_all_serve_in_panic(std::vector<EndpointDefinition>& endpoints) const {
    const auto count = static_cast<size_t>(std::count_if(endpoints.begin(), endpoints.end(), may_serve));
    if (count * 100 >= endpoints.size() * options_.panic_threshold_percent) return;
    for (EndpointDefinition& one : endpoints) one.health = std::min(one.health, Health::warning);
  }

  void settle_rejections() {
    for (PendingRejection& pending : pending_) {
      if (good_.contains(pending.rejection.kind + " " + pending.name)) pending.rejection.kind = "tag";
      out_.rejected.push_back(std::move(pending.rejection));
    }
  }

  const catalog::Service& service_;
  const CatalogOptions& options_;
  Constraints constraints_;
  std::vector<TagGroup> unasked_;  // instances without any tag that exposes them
  bool asked_ = false;             // there are others
  Claims<RouterDefinition> routers_;
  Claims<ServiceDefinition> services_;
  Claims<MiddlewareDefinition> middlewares_;
  std::vector<PlainEndpoints> plain_;
  std::set<std::string, std::less<>> plainly_served_;  // services that living instances serve in without a tag
  std::map<std::string, ServiceDefinitions::Pool> pools_;
  std::set<std::string> good_;  // "router web": some instances define it well
  std::set<std::string> broken_services_;
  std::vector<PendingRejection> pending_;
  ServiceDefinitions out_;
};

}  // namespace

ServiceDefinitions decode_service(const catalog::Service& service, const CatalogOptions& options) {
  return ServiceDecoder(service, options).run();
}

}  // namespace weir::routing

#include "routing/provider_part.h"

#include <algorithm>
#include <array>
#include <functional>

#include "routing/middleware.h"
#include "routing/name_cursor.h"

namespace weir::routing {

namespace {

// Compiles one provider. Lives for one call of compile_part.
class PartCompiler {
 public:
  PartCompiler(ProviderPart& out, const LinkedPart* previous) : out_(out) {
    if (previous == nullptr) return;
    in_force_ = NameCursor(previous->routers);
    routers_ = NameCursor(previous->part->routers);
    services_ = NameCursor(previous->part->services);
    middlewares_ = NameCursor(previous->part->middlewares);
  }

  void compile_routers();
  void compile_services();
  void compile_middlewares();

 private:
  template <typename Definition>
  using Choice = std::vector<std::shared_ptr<const Definition>>;

  template <typename Definition>
  Choice<Definition> choose(const char* kind, std::vector<Definition> Definitions::*list,
                            const std::function<const Definition*(std::string_view)>& incumbent);
  template <typename Definition>
  bool check_name(const char* kind, const Definition& definition);
  template <typename Definition>
  std::shared_ptr<const Definition> choose_one(const char* kind,
                                               std::span<const std::shared_ptr<const Definition>> same,
                                               const Definition* incumbent);
  template <typename Source>
  void keep_undecoded(std::string_view kind, std::vector<Source>& sources,
                      const std::function<const Source*(std::string_view)>& last_good);
  void reject(const char* kind, std::string_view name, std::string reason, const Origin& origin);

  const RouterSource* router_in_force(std::string_view name);
  Result<std::shared_ptr<const Rule>> rule_of(const RouterDefinition& definition);
  void reject_endpoints(const ServiceDefinition& definition);

  ProviderPart& out_;
  // Into the previous part.
  NameCursor<LinkedRouter> in_force_;
  NameCursor<RouterSource> routers_;
  NameCursor<ServiceSource> services_;
  NameCursor<MiddlewareSource> middlewares_;
};

// A copy with a definition of its own: see table_state.h.
template <typename Source>
Source detached(const Source& source) {
  Source out = source;
  using Definition = std::remove_cvref_t<decltype(*source.definition)>;
  out.definition = std::make_shared<const Definition>(*source.definition);
  return out;
}

void PartCompiler::reject(const char* kind, std::string_view name, std::string reason, const Origin& origin) {
  out_.rejected.push_back({kind, qualify(name, out_.provider), std::move(reason), origin.text});
}

template <typename Definition>
bool PartCompiler::check_name(const char* kind, const Definition& definition) {
  if (!definition.name.empty() && definition.name.find('@') == std::string::npos) return true;
  out_.rejected.push_back(
      {kind, definition.name + "@" + out_.provider, "a name is not empty and has no `@`", definition.origin.text});
  return false;
}

// The one of several definitions of a name that is taken. The others are rejected, unless they say the same.
template <typename Definition>
std::shared_ptr<const Definition> PartCompiler::choose_one(const char* kind,
                                                           std::span<const std::shared_ptr<const Definition>> same,
                                                           const Definition* incumbent) {
  auto chosen = same.front();
  for (const auto& one : same) {
    if (incumbent == nullptr || *one != *incumbent) continue;
    chosen = one;
    break;
  }
  for (const auto& one : same) {
    if (*one == *chosen) continue;
    reject(kind, one->name, "defined twice; the one that stays: " + chosen->origin.text, one->origin);
  }
  return chosen;
}

template <typename Definition>
PartCompiler::Choice<Definition> PartCompiler::choose(
    const char* kind, std::vector<Definition> Definitions::*list,
    const std::function<const Definition*(std::string_view)>& incumbent) {
  Choice<Definition> all;
  for (const auto& source : out_.sources) {
    for (const Definition& one : (*source).*list) {
      if (check_name(kind, one)) all.emplace_back(source, &one);  // shares the ownership of `source`
    }
  }
  auto by_name = [](const auto& a, const auto& b) { return a->name < b->name; };
  if (!std::is_sorted(all.begin(), all.end(), by_name)) std::stable_sort(all.begin(), all.end(), by_name);
  Choice<Definition> out;
  out.reserve(all.size());
  for (size_t begin = 0; begin < all.size();) {
    size_t end = begin + 1;
    while (end < all.size() && all[end]->name == all[begin]->name) ++end;
    if (end == begin + 1) {
      out.push_back(std::move(all[begin]));
    } else {
      std::span<const std::shared_ptr<const Definition>> same(all.data() + begin, end - begin);
      out.push_back(choose_one(kind, same, incumbent(same.front()->name)));
    }
    begin = end;
  }
  return out;
}

// What the provider names but could not decode counts as broken, not as gone.
template <typename Source>
void PartCompiler::keep_undecoded(std::string_view kind, std::vector<Source>& sources,
                                  const std::function<const Source*(std::string_view)>& last_good) {
  std::vector<Source> kept;
  NameCursor<Source> defined(sources);
  auto by_name = [](const Source& a, const Source& b) { return name_of(a) < name_of(b); };
  for (const auto& source : out_.sources) {
    for (const Rejection& rejection : source->rejected) {
      std::string_view name = std::string_view(rejection.name).substr(0, rejection.name.find('@'));
      if (rejection.kind != kind || defined.find(name) != nullptr) continue;
      const Source* good = last_good(name);
      auto same_name = [&](const Source& one) { return one.definition->name == name; };
      bool twice = std::any_of(kept.begin(), kept.end(), same_name);
      if (good != nullptr && !twice) kept.push_back(detached(*good));
    }
  }
  if (kept.empty()) return;
  sources.insert(sources.end(), kept.begin(), kept.end());
  std::sort(sources.begin(), sources.end(), by_name);
}

const RouterSource* PartCompiler::router_in_force(std::string_view name) {
  const LinkedRouter* linked = in_force_.find(name);
  return linked != nullptr ? &linked->in_force : nullptr;
}

Result<std::shared_ptr<const Rule>> PartCompiler::rule_of(const RouterDefinition& definition) {
  const RouterSource* before = routers_.find(definition.name);
  if (before != nullptr && before->rule->text == definition.rule) return before->rule;
  before = router_in_force(definition.name);
  if (before != nullptr && before->rule->text == definition.rule) return before->rule;
  return compile_rule(definition.rule);
}

void PartCompiler::compile_routers() {
  auto chosen = choose<RouterDefinition>("router", &Definitions::routers, [&](std::string_view name) {
    const RouterSource* source = router_in_force(name);
    return source != nullptr ? source->definition.get() : nullptr;
  });
  out_.routers.reserve(chosen.size());
  for (auto& definition : chosen) {
    auto rule = rule_of(*definition);
    if (rule) {
      out_.routers.push_back({std::move(definition), std::move(*rule)});
      continue;
    }
    const RouterSource* good = router_in_force(definition->name);
    std::string kept = good != nullptr ? "; the last good version keeps serving" : "";
    reject("router", definition->name, "rule: " + rule.error().message + kept, definition->origin);
    if (good != nullptr) out_.routers.push_back(detached(*good));
  }
  keep_undecoded<RouterSource>("router", out_.routers, [&](std::string_view name) { return router_in_force(name); });
}

std::string endpoint_id(const EndpointDefinition& endpoint) {
  bool v6 = endpoint.host.find(':') != std::string::npos;
  return endpoint.scheme + "://" + (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" +
         std::to_string(endpoint.port);
}

// Why nothing can be sent there; "" = it can.
std::string_view endpoint_problem(const EndpointDefinition& endpoint) {
  if (endpoint.host.empty()) return "no host";
  if (endpoint.port == 0) return "no port";
  if (endpoint.scheme != "http" && endpoint.scheme != "https" && endpoint.scheme != "h2c") {
    return "unknown scheme; known are http, https, h2c";
  }
  return "";
}

constexpr std::array<std::string_view, 2> kStrategies = {"wrr", "p2c"};

bool is_strategy(std::string_view name) {
  return std::find(kStrategies.begin(), kStrategies.end(), name) != kStrategies.end();
}

void PartCompiler::reject_endpoints(const ServiceDefinition& definition) {
  for (const EndpointDefinition& endpoint : definition.endpoints) {
    std::string_view problem = endpoint_problem(endpoint);
    if (problem.empty()) continue;
    reject("service", definition.name, "endpoint " + endpoint_id(endpoint) + ": " + std::string(problem),
           definition.origin);
  }
  if (!is_strategy(definition.strategy)) {
    std::string reason = "unknown strategy \"" + definition.strategy + "\"; wrr is used";
    reject("service", definition.name, std::move(reason), definition.origin);
  }
}

Service make_service(const ServiceDefinition& definition, std::string name) {
  Service out{std::move(name), {}, definition.pass_host_header, definition.strategy, definition.proxy_protocol};
  if (!is_strategy(out.strategy)) out.strategy = "wrr";
  for (const EndpointDefinition& one : definition.endpoints) {
    if (!endpoint_problem(one).empty()) continue;
    bool live = one.health <= catalog::Health::warning;
    out.endpoints.push_back(
        {endpoint_id(one), one.scheme, one.host, one.port, one.weight, live, one.node, one.instance_id});
  }
  // Two registrations of one address are one endpoint; it is live when one of them says so.
  auto order = [](const Endpoint& a, const Endpoint& b) {
    if (a.id != b.id) return a.id < b.id;
    if (a.live != b.live) return a.live;
    return std::tie(a.instance_id, a.node) < std::tie(b.instance_id, b.node);
  };
  std::stable_sort(out.endpoints.begin(), out.endpoints.end(), order);
  auto same_id = [](const Endpoint& a, const Endpoint& b) { return a.id == b.id; };
  out.endpoints.erase(std::unique(out.endpoints.begin(), out.endpoints.end(), same_id), out.endpoints.end());
  return out;
}

void PartCompiler::compile_services() {
  auto before = [&](std::string_view name) { return services_.find(name); };
  auto chosen = choose<ServiceDefinition>("service", &Definitions::services, [&](std::string_view name) {
    const ServiceSource* source = before(name);
    return source != nullptr ? source->definition.get() : nullptr;
  });
  out_.services.reserve(chosen.size());
  for (auto& definition : chosen) {
    reject_endpoints(*definition);
    const ServiceSource* old = before(definition->name);
    std::shared_ptr<const Service> service;
    if (old != nullptr && *old->definition == *definition) {
      service = old->service;
    } else {
      Service made = make_service(*definition, qualify(definition->name, out_.provider));
      bool same = old != nullptr && *old->service == made;
      service = same ? old->service : std::make_shared<const Service>(std::move(made));
    }
    out_.services.push_back({std::move(definition), std::move(service)});
  }
  keep_undecoded<ServiceSource>("service", out_.services, before);
}

void PartCompiler::compile_middlewares() {
  auto before = [&](std::string_view name) { return middlewares_.find(name); };
  auto chosen = choose<MiddlewareDefinition>("middleware", &Definitions::middlewares, [&](std::string_view name) {
    const MiddlewareSource* source = before(name);
    return source != nullptr ? source->definition.get() : nullptr;
  });
  for (auto& definition : chosen) {
    const MiddlewareSource* old = before(definition->name);
    if (old != nullptr && *old->definition == *definition) {
      out_.middlewares.push_back({std::move(definition), old->middleware});
      continue;
    }
    auto made = compile_middleware(*definition, qualify(definition->name, out_.provider));
    if (made) {
      bool same = old != nullptr && *old->middleware == *made;
      auto shared = same ? old->middleware : std::make_shared<const Middleware>(std::move(*made));
      out_.middlewares.push_back({std::move(definition), std::move(shared)});
      continue;
    }
    std::string kept = old != nullptr ? "; the last good version stays" : "";
    reject("middleware", definition->name, made.error().message + kept, definition->origin);
    if (old != nullptr) out_.middlewares.push_back(detached(*old));
  }
  keep_undecoded<MiddlewareSource>("middleware", out_.middlewares, before);
}

}  // namespace

std::string qualify(std::string_view name, std::string_view provider) {
  if (name.find('@') != std::string_view::npos) return std::string(name);
  return std::string(name).append("@").append(provider);
}

std::shared_ptr<const ProviderPart> compile_part(const std::string& provider,
                                                 std::vector<std::shared_ptr<const Definitions>> sources,
                                                 const LinkedPart* previous) {
  auto out = std::make_shared<ProviderPart>();
  out->provider = provider;
  out->sources = std::move(sources);
  PartCompiler compiler(*out, previous);
  compiler.compile_services();
  compiler.compile_middlewares();
  compiler.compile_routers();
  for (const auto& source : out->sources) {
    out->rejected.insert(out->rejected.end(), source->rejected.begin(), source->rejected.end());
  }
  return out;
}

}  // namespace weir::routing

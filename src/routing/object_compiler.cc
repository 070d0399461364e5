#include "routing/object_compiler.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "routing/middleware.h"
#include "routing/table_memory.h"
#include "weir/routing/catalog_definitions.h"
#include "weir/routing/tls_hosts.h"
#include "weir/routing/transport.h"

namespace weir::routing {

namespace {

void reject(std::vector<Rejection>& to, const char* kind, std::string name, std::string reason, const Origin& origin) {
  to.push_back({kind, std::move(name), std::move(reason), origin.text});
}

// The version that is taken, null where the name is none. The others are rejected.
template <typename Definition>
std::shared_ptr<const Definition> choose(const char* kind, const Said<Definition>& said, const Definition* incumbent,
                                         std::vector<Rejection>& rejected) {
  const auto& versions = said.versions;
  if (said.name.empty() || said.name.find('@') != std::string_view::npos) {
    std::string shown = std::string(said.name) + "@" + said.provider;
    reject(rejected, kind, shown, "a name is not empty and has no `@`", versions->first.origin);
    return nullptr;
  }
  const Definition* chosen = &versions->first;
  for (const Definition& other : versions->others) {
    bool is_incumbent = !said.is_decided && incumbent != nullptr && *chosen != *incumbent && other == *incumbent;
    if (is_incumbent) chosen = &other;
  }
  auto reject_other = [&](const Definition& one) {
    if (&one == chosen) return;
    reject(rejected, kind, qualify(one.name, said.provider),
           "defined twice; the one that stays: " + chosen->origin.text, one.origin);
  };
  reject_other(versions->first);
  for (const Definition& other : versions->others) reject_other(other);
  return std::shared_ptr<const Definition>(versions, chosen);
}

// ---- Services ----

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

// The place of every strategy: who adds one moves its name up, and does its work in load_balancer.cc.
constexpr std::array<std::string_view, 2> kStrategies = {"wrr", "p2c"};
constexpr std::array<std::string_view, 2> kStrategiesToCome = {"hrw", "leasttime"};

bool is_strategy(std::string_view name) {
  return std::find(kStrategies.begin(), kStrategies.end(), name) != kStrategies.end();
}

void reject_endpoints(const ServiceDefinition& definition, const std::string& name, std::vector<Rejection>& rejected) {
  for (const EndpointDefinition& endpoint : definition.endpoints) {
    std::string_view problem = endpoint_problem(endpoint);
    if (problem.empty()) continue;
    reject(rejected, "service", name, "endpoint " + endpoint_id(endpoint) + ": " + std::string(problem),
           definition.origin);
  }
  if (!is_strategy(definition.strategy)) {
    bool to_come =
        std::find(kStrategiesToCome.begin(), kStrategiesToCome.end(), definition.strategy) != kStrategiesToCome.end();
    std::string reason = to_come ? "strategy " + definition.strategy + " is not supported yet"
                                 : "unknown strategy \"" + definition.strategy + "\"";
    reject(rejected, "service", name, reason + "; wrr is used", definition.origin);
  }
}

using State = Endpoint::State;

HealthCheckRef check_of(const ServiceDefinition& definition) {
  const HealthCheckRef& check = definition.health_check;
  if (!check || check->scheme != "https" || definition.servers_transport.empty()) return check;
  HealthCheck made = *check;
  made.transport = definition.servers_transport;
  return HealthCheckRef(std::move(made));
}

State said_state(const EndpointDefinition& definition) {
  if (definition.stale) return State::stale;
  return definition.health <= catalog::Health::warning ? State::up : State::failing;
}

State checked_state(const Endpoint& endpoint, const ServiceHealth& health) {
  const State unasked = health.new_are_up ? State::up : State::probing;
  if (health.verdicts == nullptr) return unasked;
  const std::vector<EndpointVerdict>& verdicts = health.verdicts->endpoints;
  auto found = std::lower_bound(verdicts.begin(), verdicts.end(), endpoint.id,
                                [](const EndpointVerdict& one, const std::string& id) { return one.endpoint < id; });
  const bool asked =
      found != verdicts.end() && found->endpoint == endpoint.id && found->instance_id == endpoint.instance_id;
  if (!asked) return unasked;
  return found->up ? State::up : State::unhealthy;
}

// Who gets requests: what the catalog and the check say together.
void apply_health(Service& service, const ServiceHealth& health, uint32_t panic_threshold_percent) {
  size_t well = 0;
  bool somebody_up = false;
  for (Endpoint& one : service.endpoints) {
    if (service.health_check && one.state == State::up) one.state = checked_state(one, health);
    well += one.state == State::up || one.state == State::probing ? 1 : 0;
    somebody_up = somebody_up || (one.state == State::up && one.weight > 0);
  }
  const bool panic = well * 100 < service.endpoints.size() * panic_threshold_percent;
  for (Endpoint& one : service.endpoints) {
    one.live = panic || one.state == State::up || (one.state == State::probing && !somebody_up);
  }
}

/// Of its https endpoints; "": "default". One of the mesh has its own way to know who answers.
std::string transport_of(const ServiceDefinition& definition) {
  const std::string& name = definition.servers_transport;
  if (name.ends_with(kMeshTransport)) return name;
  return transport_text({name, definition.server_name});
}

Service make_service(const ServiceDefinition& definition, const ServiceHealth& health, std::string name) {
  Service out{std::move(name), {}, definition.pass_host_header, definition.strategy, definition.proxy_protocol};
  if (!is_strategy(out.strategy)) out.strategy = "wrr";
  out.health_check = check_of(definition);
  out.sticky = definition.sticky;
  const std::string transport = transport_of(definition);
  out.endpoints.reserve(definition.endpoints.size());
  for (const EndpointDefinition& one : definition.endpoints) {
    if (!endpoint_problem(one).empty()) continue;
    Endpoint& made = out.endpoints.emplace_back(Endpoint{endpoint_id(one), one.scheme, one.host, one.port, one.weight,
                                                         said_state(one), true, one.node, one.instance_id});
    if (one.scheme != "https" || transport.empty()) continue;
    // Another way to speak to an address is another endpoint: its connections are not for those who ask for more.
    made.transport = transport;
    made.id += "#" + made.transport;
  }
  // Two registrations of one address are one endpoint; it is live when one of them says so.
  auto order = [](const Endpoint& a, const Endpoint& b) {
    if (a.id != b.id) return a.id < b.id;
    if (a.state != b.state) return a.state < b.state;
    return std::tie(a.instance_id, a.node) < std::tie(b.instance_id, b.node);
  };
  std::stable_sort(out.endpoints.begin(), out.endpoints.end(), order);
  auto same_id = [](const Endpoint& a, const Endpoint& b) { return a.id == b.id; };
  out.endpoints.erase(std::unique(out.endpoints.begin(), out.endpoints.end(), same_id), out.endpoints.end());
  apply_health(out, health, definition.panic_threshold_percent);
  return out;
}

// ---- Routers ----

// Null where that router was there with these words, which are good then.
Result<std::shared_ptr<const Rule>> new_rule_of(const std::string& text, const Router* before) {
  if (before != nullptr) {
    const bool waits = before->unlinked != nullptr && before->unlinked->newest != nullptr;
    if (before->rule() == text || (waits && before->unlinked->newest->rule == text)) return nullptr;
  }
  return compile_rule(text);
}

}  // namespace

Compiled<ServiceSource> compile_service(const Said<ServiceDefinition>& said, const ServiceHealth& health,
                                        const std::shared_ptr<const ServiceSource>& before) {
  Compiled<ServiceSource> out;
  std::shared_ptr<const ServiceDefinition> definition;
  if (said.versions != nullptr) {
    definition = choose("service", said, before != nullptr ? before->definition.get() : nullptr, out.rejected);
  } else if (said.undecoded && before != nullptr) {
    definition = before->definition;  // what its checks find counts all the same
  }
  if (definition == nullptr) return out;
  std::string name = qualify(definition->name, said.provider);
  if (said.versions != nullptr) reject_endpoints(*definition, name, out.rejected);
  std::shared_ptr<const Service> service;
  if (before != nullptr && !health.changed && *before->definition == *definition) {
    service = before->service;
  } else {
    Service made = make_service(*definition, health, std::move(name));
    bool same = before != nullptr && *before->service == made;
    service = same ? before->service : make_shared_in_table<Service>(std::move(made));
  }
  out.source = std::make_shared<const ServiceSource>(ServiceSource{std::move(definition), std::move(service)});
  return out;
}

Compiled<MiddlewareSource> compile_middleware_source(const Said<MiddlewareDefinition>& said,
                                                     const std::shared_ptr<const MiddlewareSource>& before) {
  Compiled<MiddlewareSource> out;
  if (said.versions == nullptr) {
    if (said.undecoded) out.source = before;
    return out;
  }
  auto definition = choose("middleware", said, before != nullptr ? before->definition.get() : nullptr, out.rejected);
  if (definition == nullptr) return out;
  std::string name = qualify(definition->name, said.provider);
  if (before != nullptr && *before->definition == *definition) {
    out.source = std::make_shared<const MiddlewareSource>(MiddlewareSource{std::move(definition), before->middleware});
    return out;
  }
  auto made = compile_middleware(*definition, name);
  if (!made) {
    std::string kept = before != nullptr ? "; the last good version stays" : "";
    reject(out.rejected, "middleware", name, made.error().message + kept, definition->origin);
    out.source = before;
    return out;
  }
  for (const std::string& note : middleware_notes(*definition)) {
    reject(out.rejected, "tag", name, note, definition->origin);
  }
  bool same = before != nullptr && *before->middleware == *made;
  auto shared = same ? before->middleware : std::make_shared<const Middleware>(std::move(*made));
  out.source = std::make_shared<const MiddlewareSource>(MiddlewareSource{std::move(definition), std::move(shared)});
  return out;
}

CompiledRouter compile_router(const Said<RouterDefinition>& said, const Router* before) {
  CompiledRouter out;
  auto keep = [&] {
    if (before != nullptr) out.definition = before->definition;
  };
  if (said.versions == nullptr) {
    if (said.undecoded) keep();
    return out;
  }
  auto definition = choose("router", said, before != nullptr ? before->definition.get() : nullptr, out.rejected);
  if (definition == nullptr) return out;
  if (!definition->tls_options.empty() && !names_tls_hosts(definition->rule)) {
    reject(out.rejected, "tag", qualify(definition->name, said.provider),
           "tls.options need a rule of hosts: a handshake names one, and nothing else; other requests over TLS get 421",
           definition->origin);
  }
  auto rule = new_rule_of(definition->rule, before);
  if (rule) {
    out.definition = std::move(definition);
    out.rule = std::move(*rule);
    return out;
  }
  std::string kept = before != nullptr ? "; the last good version keeps serving" : "";
  reject(out.rejected, "router", qualify(definition->name, said.provider), "rule: " + rule.error().message + kept,
         definition->origin);
  keep();
  return out;
}

}  // namespace weir::routing

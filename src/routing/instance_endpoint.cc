#include "routing/instance_endpoint.h"

#include <algorithm>

namespace weir::routing {

using catalog::Health;
using catalog::Instance;

std::string instance_label(const Instance& instance) { return instance.id + " on " + instance.node; }

Health serving_health(const Instance& instance, const CatalogOptions& options) {
  const auto& allowed = options.strict_checks;
  if (std::find(allowed.begin(), allowed.end(), instance.health) == allowed.end()) return Health::critical;
  return std::min(instance.health, Health::warning);
}

Health fabio_health(const Instance& instance, const CatalogOptions& options) {
  if (options.fabio_checks_required == FabioChecks::none) return serving_health(instance, options);
  const auto& own = instance.check_states;
  // Of a node's checks fabio asks these only: a full disk takes no route away.
  if (instance.health == Health::maintenance || instance.node_lost || own.empty()) return Health::critical;
  const auto& allowed = options.fabio_status;
  auto good = [&](Health state) { return std::find(allowed.begin(), allowed.end(), state) != allowed.end(); };
  bool serves = options.fabio_checks_required == FabioChecks::all ? std::all_of(own.begin(), own.end(), good)
                                                                  : std::any_of(own.begin(), own.end(), good);
  return serves ? Health::passing : Health::critical;
}

std::optional<EndpointDefinition> make_endpoint(const Instance& instance, const EndpointForm& form, Health health) {
  EndpointDefinition endpoint;
  // What tags say of the service's own port does not hold for the proxy before it.
  endpoint.scheme = instance.mesh ? "https" : form.scheme;
  endpoint.host = instance.address;
  endpoint.port = form.port != 0 && !instance.mesh ? form.port : instance.port;
  if (instance.health == Health::maintenance || endpoint.host.empty() || endpoint.port == 0) return std::nullopt;
  uint32_t own = instance.health == Health::warning ? instance.weight_warning : instance.weight_passing;
  endpoint.weight = form.weight.value_or(own);
  endpoint.health = health;
  endpoint.node = instance.node;
  endpoint.instance_id = instance.id;
  return endpoint;
}

namespace {

bool may_serve(const Instance& instance, const CatalogOptions& options, bool by_fabio) {
  return (by_fabio ? fabio_health(instance, options) : serving_health(instance, options)) <= Health::warning;
}

}  // namespace

std::vector<const Instance*> readable(const std::vector<const Instance*>& instances, const CatalogOptions& options,
                                      bool by_fabio) {
  std::vector<const Instance*> out = instances;
  if (options.empty_routes) return out;
  std::erase_if(out, [&](const Instance* one) { return !may_serve(*one, options, by_fabio); });
  return out;
}

size_t count_living(const std::vector<const Instance*>& instances, const CatalogOptions& options, bool by_fabio) {
  return static_cast<size_t>(std::count_if(instances.begin(), instances.end(),
                                           [&](const Instance* one) { return may_serve(*one, options, by_fabio); }));
}

}  // namespace weir::routing

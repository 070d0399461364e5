#include "registry/agent_writes.h"

#include <algorithm>

#include "weir/base/ip.h"
#include "weir/base/text.h"

namespace weir::registry {
namespace {

/// What a registration with an IP address gets besides, so that clients find it under every name they ask for.
void add_tagged_addresses(Service& service) {
  Result<IpAddress> ip = IpAddress::parse(service.address);
  if (!ip) return;
  for (const char* network : {"lan", "wan"}) {
    service.tagged_addresses.try_emplace(std::string(network) + (ip->v6 ? "_ipv6" : "_ipv4"),
                                         ServiceAddress{service.address, service.port});
  }
}

Check to_check(const Identity& self, CheckRequest request) {
  Check check;
  check.node = self.node_name;
  check.id = std::move(request.id);
  check.name = std::move(request.name);
  check.notes = std::move(request.notes);
  check.service_id = std::move(request.service_id);
  check.status = request.status.empty() ? kCritical : std::move(request.status);
  check.type = check_type(request.definition);
  check.definition = std::move(request.definition);
  return check;
}

Status put_keeping_status(Transaction& tx, Check check) {
  if (Ref<Check> before = tx.tables().check(check.node, check.id)) {
    check.status = before->status;
    check.output = before->output;
  }
  return put_check(tx, std::move(check));
}

std::string default_check_id(const std::string& service_id, size_t position, size_t count) {
  std::string id = "service:" + service_id;
  return count == 1 ? id : id + ":" + std::to_string(position + 1);
}

std::string maintenance_id(const std::string& service_id) {
  if (service_id.empty()) return std::string(kNodeMaintenance);
  return std::string(kServiceMaintenancePrefix) + service_id;
}

Error not_a_free_check() { return {ErrorCode::invalid, "Invalid check ID: \"serfHealth\" is the server's own"}; }

/// What stands on `former`, whose node goes, stands on `name` then.
Status move_node(Transaction& tx, const std::string& former, const std::string& name) {
  for (const Ref<Service>& service : tx.tables().services_of_node(former)) {
    Service moved = *service;
    moved.node = name;
    if (Status done = put_service(tx, std::move(moved)); !done) return done;
  }
  for (const Ref<Check>& check : tx.tables().checks_of_node(former)) {
    Check moved = *check;
    moved.node = name;
    if (Status done = put_check(tx, std::move(moved)); !done) return done;
  }
  remove_node(tx, former);
  return {};
}

}  // namespace

Status put_own_node(Transaction& tx, const Identity& self) {
  Node node;
  node.id = self.node_id;
  node.name = self.node_name;
  node.address = self.address;
  Result<IpAddress> ip = IpAddress::parse(self.address);
  std::string family = ip && ip->v6 ? "_ipv6" : "_ipv4";
  for (const char* network : {"lan", "wan"}) {
    node.tagged_addresses[network] = self.address;
    node.tagged_addresses[network + family] = self.address;
  }
  node.meta["consul-network-segment"] = "";
  put_node(tx, node);
  // The machine was renamed since: its services and checks are there under the new name, as a Consul agent's are.
  std::vector<std::string> former_names;
  for (const auto& [name, other] : tx.tables().nodes()) {
    if (other->id == node.id && name != fold_name(node.name)) former_names.push_back(name);
  }
  for (const std::string& name : former_names) {
    if (Status done = move_node(tx, name, node.name); !done) return done;
  }

  Service server;
  server.node = self.node_name;
  server.id = server.name = kServerService;
  server.port = Identity::kServerPort;
  server.meta = {{"non_voter", "false"},     {"raft_version", "3"},      {"serf_protocol_current", "2"},
                 {"serf_protocol_max", "5"}, {"serf_protocol_min", "1"}, {"version", Identity::kVersion}};
  if (Status done = put_service(tx, std::move(server)); !done) return done;

  Check serf;
  serf.node = self.node_name;
  serf.id = kSerfHealth;
  serf.name = "Serf Health Status";
  serf.status = kPassing;
  serf.output = "Agent alive and reachable";
  return put_check(tx, std::move(serf));
}

Result<std::vector<std::string>> put_agent_service(Transaction& tx, const Identity& self, ServiceRequest request,
                                                   bool replace_checks) {
  Service& service = request.service;
  if (service.id == kServerService)
    return fail(ErrorCode::invalid, "Invalid service ID: \"consul\" is the server's own");
  service.node = self.node_name;
  add_tagged_addresses(service);
  std::string service_id = service.id;
  std::string default_name = "Service '" + service.name + "' check";
  if (Status done = put_service(tx, std::move(service)); !done) return fail(done.error());

  std::vector<std::string> ids;
  for (size_t i = 0; i < request.checks.size(); ++i) {
    CheckRequest& check = request.checks[i];
    if (check.id.empty()) check.id = default_check_id(service_id, i, request.checks.size());
    if (check.name.empty()) check.name = default_name;
    check.service_id = service_id;
    ids.push_back(check.id);
    if (check.id == kSerfHealth) return fail(not_a_free_check());
    if (Status done = put_keeping_status(tx, to_check(self, std::move(check))); !done) return fail(done.error());
  }
  if (!replace_checks) return ids;
  for (const Ref<Check>& check : tx.tables().checks_of_service(self.node_name, service_id)) {
    bool named = std::ranges::find(ids, check->id) != ids.end();
    if (!named && !check->id.starts_with(kServiceMaintenancePrefix)) remove_check(tx, self.node_name, check->id);
  }
  return ids;
}

Status put_agent_check(Transaction& tx, const Identity& self, CheckRequest request) {
  if (request.id == kSerfHealth) return fail(not_a_free_check());
  if (!request.service_id.empty() && !agent_service(tx.tables(), self, request.service_id)) {
    return fail(ErrorCode::not_found, "ServiceID \"" + request.service_id + "\" does not exist");
  }
  return put_keeping_status(tx, to_check(self, std::move(request)));
}

bool is_own_node(const Identity& self, std::string_view node) { return equals_ignore_case(node, self.node_name); }

bool is_own_service(const Identity& self, std::string_view node, std::string_view id) {
  return is_own_node(self, node) && id == kServerService;
}

bool is_own_check(const Identity& self, std::string_view node, std::string_view id) {
  return is_own_node(self, node) && id == kSerfHealth;
}

void leave_out_own(const Identity& self, Registration& registration) {
  const std::string& node = registration.node.name;
  if (!is_own_node(self, node)) return;
  registration.skip_node_update = true;
  if (registration.service && is_own_service(self, node, registration.service->id)) registration.service.reset();
  std::erase_if(registration.checks, [&](const Check& check) { return is_own_check(self, node, check.id); });
}

Status put_maintenance(Transaction& tx, const Identity& self, const std::string& service_id,
                       const std::string& reason) {
  if (tx.tables().check(self.node_name, maintenance_id(service_id))) return {};  // the first reason stays
  std::string what = service_id.empty() ? "node" : "service";
  Check check;
  check.node = self.node_name;
  check.id = maintenance_id(service_id);
  check.name = service_id.empty() ? "Node Maintenance Mode" : "Service Maintenance Mode";
  check.service_id = service_id;
  check.status = kCritical;
  check.type = "maintenance";
  check.notes = reason.empty() ? "Maintenance mode is enabled for this " + what +
                                     ", but no reason was provided. This is a default message."
                               : reason;
  return put_check(tx, std::move(check));
}

void remove_maintenance(Transaction& tx, const Identity& self, const std::string& service_id) {
  remove_check(tx, self.node_name, maintenance_id(service_id));
}

std::vector<Ref<Service>> agent_services(const Tables& tables, const Identity& self) {
  std::vector<Ref<Service>> services = tables.services_of_node(self.node_name);
  std::erase_if(services, [](const Ref<Service>& service) { return service->id == kServerService; });
  return services;
}

Ref<Service> agent_service(const Tables& tables, const Identity& self, std::string_view id) {
  return id == kServerService ? nullptr : tables.service(self.node_name, id);
}

std::vector<Ref<Check>> agent_checks(const Tables& tables, const Identity& self) {
  std::vector<Ref<Check>> checks = tables.checks_of_node(self.node_name);
  std::erase_if(checks, [](const Ref<Check>& check) { return check->id == kSerfHealth; });
  return checks;
}

Ref<Check> agent_check(const Tables& tables, const Identity& self, std::string_view id) {
  return id == kSerfHealth ? nullptr : tables.check(self.node_name, id);
}

}  // namespace weir::registry

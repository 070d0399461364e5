// /v1/agent/self, members and what else is about the agent itself.

#include "registry/endpoints.h"
#include "registry/json_writer.h"
#include "weir/base/clock.h"

namespace weir::registry::endpoints {
namespace {

void write_member(JsonWriter& json, const Identity& self) {
  json.begin_object().member("Name", self.node_name).member("Addr", self.address).member("Port", Identity::kSerfPort);
  json.key("Tags").begin_object().member("acls", "0").member("build", std::string(Identity::kVersion) + ":");
  json.member("dc", self.datacenter).member("id", self.node_id).member("port", std::to_string(Identity::kServerPort));
  json.member("raft_vsn", "3").member("role", "consul").member("segment", "").member("vsn", "2");
  json.member("vsn_max", "3").member("vsn_min", "2").end_object();
  json.member("Status", 1).member("ProtocolMin", 1).member("ProtocolMax", 5).member("ProtocolCur", 2);
  json.member("DelegateMin", 2).member("DelegateMax", 5).member("DelegateCur", 4).end_object();
}

void write_debug_config(JsonWriter& json, const Identity& self) {
  bool dns = self.dns_address.port != 0;
  json.begin_object().member("ConnectEnabled", false).member("Datacenter", self.datacenter);
  json.key("DNSAddrs").begin_array();
  if (dns) json.value("tcp://" + self.dns_address.text()).value("udp://" + self.dns_address.text());
  json.end_array().key("DNSPort").literal(dns ? std::to_string(self.dns_address.port) : "-1");
  json.member("GRPCPort", -1).member("GRPCTLSPort", -1).key("HTTPAddrs").begin_array();
  json.value("tcp://" + self.http_address.text()).end_array().member("HTTPPort", self.http_address.port);
  json.member("NodeID", self.node_id).member("NodeName", self.node_name).member("ServerMode", true);
  json.member("Version", Identity::kVersion).end_object();
}

void write_coordinate(JsonWriter& json) {
  json.begin_object().key("Vec").begin_array();
  for (int i = 0; i < 8; ++i) json.value(0);
  json.end_array().key("Error").literal("1.5").member("Adjustment", 0).key("Height").literal("0.00001").end_object();
}

}  // namespace

// Clients decode this as an object of objects: every top-level member must be one, or null.
void agent_self(Api& api, Call call) {
  const Identity& self = api.self();
  JsonWriter json(call.pretty);
  json.begin_object().key("Config").begin_object().member("Datacenter", self.datacenter);
  json.member("PrimaryDatacenter", self.datacenter).member("NodeName", self.node_name).member("NodeID", self.node_id);
  json.member("Revision", "").member("Server", true).member("Version", Identity::kVersion);
  json.member("BuildDate", "1970-01-01T00:00:01Z").end_object().key("DebugConfig");
  write_debug_config(json, self);
  json.key("Coord");
  write_coordinate(json);
  json.key("Member");
  write_member(json, self);
  json.key("Stats").begin_object().key("agent").begin_object().member("check_monitors", "0").end_object();
  json.key("consul").begin_object().member("bootstrap", "true").member("known_datacenters", "1");
  json.member("leader", "true").member("leader_addr", self.leader()).member("server", "true").end_object();
  json.key("raft").begin_object().member("applied_index", std::to_string(api.store().last_index()));
  json.member("state", "Leader").end_object().end_object();
  json.key("Meta").begin_object().member("consul-network-segment", "").end_object().key("xDS").null().end_object();
  Api::reply(call, Reply::json(json.take()));
}

void agent_members(Api& api, Call call) {
  JsonWriter json(call.pretty);
  json.begin_array();
  write_member(json, api.self());
  json.end_array();
  Api::reply(call, Reply::json(json.take()));
}

void agent_version(Api&, Call call) {
  JsonWriter json(call.pretty);
  json.begin_object().member("SHA", "").member("BuildDate", "1970-01-01T00:00:01Z");
  json.member("HumanVersion", Identity::kVersion).member("FIPS", "").end_object();
  Api::reply(call, Reply::json(json.take()));
}

void agent_host(Api& api, Call call) {
  JsonWriter json(call.pretty);
  json.begin_object().key("Host").begin_object().member("hostname", api.self().node_name).end_object();
  json.member("CollectionTime", api.store().clock().wall_ns()).key("Errors").null().end_object();
  Api::reply(call, Reply::json(json.take()));
}

void agent_metrics(Api& api, Call call) {
  struct Gauge {
    const char* name;
    uint64_t value;
  };
  const Tables& tables = api.tables();
  const Gauge gauges[] = {{"weir.registry.index", api.store().last_index()},
                          {"weir.registry.nodes", tables.nodes().size()},
                          {"weir.registry.services", tables.service_names().size()},
                          {"weir.registry.instances", tables.services().size()},
                          {"weir.registry.checks", tables.checks().size()},
                          {"weir.registry.kv_entries", tables.kv().size()},
                          {"weir.registry.sessions", tables.sessions().size()},
                          {"weir.registry.blocking_queries", api.blocking().count()}};
  if (call.parameter("format") == "prometheus") {
    std::string out;
    for (const Gauge& gauge : gauges) {
      std::string name = replace_all(gauge.name, ".", "_");
      out += "# TYPE " + name + " gauge\n" + name + " " + std::to_string(gauge.value) + "\n";
    }
    return Api::reply(call, {200, out, "text/plain; version=0.0.4; charset=utf-8"});
  }
  JsonWriter json(call.pretty);
  json.begin_object().member("Timestamp", format_rfc3339(api.store().clock().wall_ns())).key("Gauges").begin_array();
  for (const Gauge& gauge : gauges) {
    json.begin_object().member("Name", gauge.name).member("Value", gauge.value);
    json.key("Labels").begin_object().end_object().end_object();
  }
  json.end_array();
  for (const char* empty : {"Points", "Counters", "Samples"}) json.key(empty).begin_array().end_array();
  json.end_object();
  Api::reply(call, Reply::json(json.take()));
}

// Nothing to leave and nothing to read again: done.
void agent_accept(Api&, Call call) { Api::reply(call, Reply::empty()); }

void agent_join(Api&, Call call) {
  Api::reply(call, Reply::text(500, "1 error occurred:\n\t* Failed to join " + call.argument +
                                        ": this registry stands alone\n\n"));
}

void agent_force_leave(Api&, Call call) {
  Api::reply(call, Reply::text(500, "agent: No node found with name '" + call.argument + "'"));
}

}  // namespace weir::registry::endpoints

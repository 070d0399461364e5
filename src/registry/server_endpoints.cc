// /v1/status/*, /v1/operator/*, and what this registry answers for parts of Consul that it does not have.

#include "registry/endpoints.h"
#include "registry/json_writer.h"

namespace weir::registry::endpoints {
namespace {

void write_coordinate(JsonWriter& json, const Identity& self) {
  json.begin_object().member("Node", self.node_name).member("Segment", "").key("Coord").begin_object();
  json.key("Vec").begin_array();
  for (int i = 0; i < 8; ++i) json.value(0);
  json.end_array()
      .member("Error", 0)
      .member("Adjustment", 0)
      .key("Height")
      .literal("0.00001")
      .end_object()
      .end_object();
}

}  // namespace

void status_leader(Api& api, Call call) {
  JsonWriter json(call.pretty);
  Api::reply(call, Reply::json(json.value(api.self().leader()).take()));
}

void status_peers(Api& api, Call call) {
  JsonWriter json(call.pretty);
  json.begin_array().value(api.self().leader()).end_array();
  Api::reply(call, Reply::json(json.take()));
}

void operator_raft(Api& api, Call call) {
  const Identity& self = api.self();
  JsonWriter json(call.pretty);
  json.begin_object().key("Servers").begin_array().begin_object();
  json.member("ID", self.node_id).member("Node", self.node_name).member("Address", self.leader());
  json.member("Leader", true).member("ProtocolVersion", "3").member("Voter", true);
  json.end_object().end_array().member("Index", 0).end_object();
  Api::reply(call, Reply::json(json.take()));
}

void operator_autopilot(Api& api, Call call) {
  const Identity& self = api.self();
  JsonWriter json(call.pretty);
  json.begin_object().member("Healthy", true).member("FailureTolerance", 0).key("Servers").begin_array().begin_object();
  json.member("ID", self.node_id).member("Name", self.node_name).member("Address", self.leader());
  json.member("SerfStatus", "alive").member("Version", Identity::kVersion).member("Leader", true);
  json.member("LastContact", "0s").member("LastTerm", 1).member("LastIndex", api.store().last_index());
  json.member("Healthy", true).member("Voter", true).member("StableSince", self.started_at);
  json.end_object().end_array().end_object();
  Api::reply(call, Reply::json(json.take()));
}

// Prepared queries are not offered, so there is never one.
void query_list(Api& api, Call call) {
  Read read;
  read.names_consistency = true;
  read.index = [] { return CatalogStore::kNothingYet; };
  read.resources = [] { return std::vector<Resource>{}; };
  read.answer = [] { return Reply::json("[]"); };
  api.read(std::move(call), std::move(read));
}

void coordinate_nodes(Api& api, Call call) {
  JsonWriter json(call.pretty);
  json.begin_array();
  write_coordinate(json, api.self());
  Reply reply = Reply::json(json.end_array().take());
  reply.headers = {{"X-Consul-Index", "1"}, {"X-Consul-Knownleader", "true"}, {"X-Consul-Lastcontact", "0"}};
  Api::reply(call, std::move(reply));
}

void coordinate_datacenters(Api& api, Call call) {
  JsonWriter json(call.pretty);
  json.begin_array().begin_object().member("Datacenter", api.self().datacenter).member("AreaID", "wan");
  json.key("Coordinates").begin_array();
  write_coordinate(json, api.self());
  json.end_array().end_object().end_array();
  Api::reply(call, Reply::json(json.take()));
}

void acl_disabled(Api&, Call call) { Api::reply(call, Reply::text(401, "ACL support disabled")); }

void root(Api&, Call call) {
  Api::reply(call, Reply::text(200, "Weir registry: Consul's HTTP API is below /v1/. There is no UI here.\n"));
}

}  // namespace weir::registry::endpoints

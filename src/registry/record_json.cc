#include "registry/record_json.h"

#include "weir/base/duration.h"

namespace weir::registry {
namespace {

void write_stamps(JsonWriter& json, const Stamps& stamps) {
  json.member("CreateIndex", stamps.create_index).member("ModifyIndex", stamps.modify_index);
}

void write_addresses(JsonWriter& json, std::string_view name, const std::map<std::string, ServiceAddress>& addresses) {
  if (addresses.empty()) return;
  json.key(name).begin_object();
  for (const auto& [tag, address] : addresses) {
    json.key(tag).begin_object().member("Address", address.address).member("Port", address.port).end_object();
  }
  json.end_object();
}

void write_weights(JsonWriter& json, std::string_view name, const Weights& weights) {
  json.key(name).begin_object().member("Passing", weights.passing).member("Warning", weights.warning).end_object();
}

// No proxies here, but clients expect the members of a service without one.
void write_proxy(JsonWriter& json, std::string_view proxy, std::string_view connect) {
  json.key(proxy).begin_object().member("Mode", "");
  json.key("MeshGateway").begin_object().end_object().key("Expose").begin_object().end_object().end_object();
  json.key(connect).begin_object().end_object();
}

std::string duration_or_empty(int64_t ns) { return ns > 0 ? format_duration(ns) : ""; }

void write_check_with(JsonWriter& json, const Check& check, std::string_view output, const Stamps& stamps) {
  json.begin_object().member("Node", check.node).member("CheckID", check.id).member("Name", check.name);
  json.member("Status", check.status).member("Notes", check.notes).member("Output", output);
  json.member("ServiceID", check.service_id).member("ServiceName", check.service_name);
  json.member("ServiceTags", check.service_tags).member("Type", check.type);
  json.member("Interval", duration_or_empty(check.definition.interval_ns));
  json.member("Timeout", duration_or_empty(check.definition.timeout_ns)).member("ExposedPort", 0);
  json.key("Definition").begin_object().end_object();
  write_stamps(json, stamps);
  json.end_object();
}

void write_kv_with(JsonWriter& json, const KvEntry& entry, bool with_value) {
  json.begin_object().member("LockIndex", entry.lock_index).member("Key", entry.key).member("Flags", entry.flags);
  json.key("Value");
  if (with_value && !entry.value.empty()) {
    json.value(base64_encode(entry.value));
  } else {
    json.null();
  }
  if (!entry.session.empty()) json.member("Session", entry.session);
  write_stamps(json, entry.stamps);
  json.end_object();
}

}  // namespace

void write_node(JsonWriter& json, const Node& node, std::string_view datacenter) {
  json.begin_object().member("ID", node.id).member("Node", node.name).member("Address", node.address);
  json.member("Datacenter", datacenter).member("TaggedAddresses", node.tagged_addresses).member("Meta", node.meta);
  write_stamps(json, node.stamps);
  json.end_object();
}

void write_service(JsonWriter& json, const Service& service) {
  json.begin_object();
  if (!service.kind.empty()) json.member("Kind", service.kind);
  json.member("ID", service.id).member("Service", service.name).member("Tags", service.tags);
  json.member("Address", service.address);
  write_addresses(json, "TaggedAddresses", service.tagged_addresses);
  json.member("Meta", service.meta).member("Port", service.port);
  if (!service.socket_path.empty()) json.member("SocketPath", service.socket_path);
  write_weights(json, "Weights", service.weights);
  json.member("EnableTagOverride", service.enable_tag_override);
  write_proxy(json, "Proxy", "Connect");
  json.member("PeerName", "");
  write_stamps(json, service.stamps);
  json.end_object();
}

void write_agent_service(JsonWriter& json, const Service& service, std::string_view datacenter, std::string_view hash) {
  json.begin_object();
  if (!service.kind.empty()) json.member("Kind", service.kind);
  json.member("ID", service.id).member("Service", service.name).member("Tags", service.tags);
  json.member("Meta", service.meta).member("Port", service.port).member("Address", service.address);
  if (!service.socket_path.empty()) json.member("SocketPath", service.socket_path);
  write_addresses(json, "TaggedAddresses", service.tagged_addresses);
  write_weights(json, "Weights", service.weights);
  json.member("EnableTagOverride", service.enable_tag_override);
  if (!hash.empty()) json.member("ContentHash", hash);
  json.member("Datacenter", datacenter).end_object();
}

void write_catalog_row(JsonWriter& json, const Node& node, const Service& service, std::string_view datacenter) {
  json.begin_object().member("ID", node.id).member("Node", node.name).member("Address", node.address);
  json.member("Datacenter", datacenter).member("TaggedAddresses", node.tagged_addresses);
  json.member("NodeMeta", node.meta).member("ServiceKind", service.kind).member("ServiceID", service.id);
  json.member("ServiceName", service.name).member("ServiceTags", service.tags);
  json.member("ServiceAddress", service.address);
  write_addresses(json, "ServiceTaggedAddresses", service.tagged_addresses);
  write_weights(json, "ServiceWeights", service.weights);
  json.member("ServiceMeta", service.meta).member("ServicePort", service.port);
  json.member("ServiceSocketPath", service.socket_path);
  json.member("ServiceEnableTagOverride", service.enable_tag_override);
  write_proxy(json, "ServiceProxy", "ServiceConnect");
  json.key("ServiceLocality").null();
  write_stamps(json, service.stamps);
  json.end_object();
}

void write_check(JsonWriter& json, const Check& check) { write_check_with(json, check, check.output, check.stamps); }

void write_agent_check(JsonWriter& json, const Check& check, std::string_view output) {
  write_check_with(json, check, output, {});
}

void write_session(JsonWriter& json, const Session& session) {
  json.begin_object().member("ID", session.id).member("Name", session.name).member("Node", session.node);
  json.member("LockDelay", session.lock_delay_ns);
  json.member("Behavior", session.behavior == Session::Behavior::remove ? "delete" : "release");
  json.member("TTL", session.ttl).member("NodeChecks", session.node_checks).key("ServiceChecks");
  if (session.service_checks_given) {
    json.begin_array();
    for (const std::string& id : session.service_checks) {
      json.begin_object().member("ID", id).member("Namespace", "").end_object();
    }
    json.end_array();
  } else {
    json.null();
  }
  write_stamps(json, session.stamps);
  json.end_object();
}

void write_kv(JsonWriter& json, const KvEntry& entry) { write_kv_with(json, entry, true); }
void write_kv_without_value(JsonWriter& json, const KvEntry& entry) { write_kv_with(json, entry, false); }

}  // namespace weir::registry

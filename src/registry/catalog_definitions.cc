#include "registry/definition_members.h"
#include "registry/definitions.h"
#include "registry/json_decode.h"
#include "weir/base/random.h"

namespace weir::registry {
namespace {

bool is_any_of(const Member& m, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (m.is(name)) return true;
  }
  return false;
}

Status read_node_member(const Member& m, Node& out) {
  if (m.is("ID")) return m.read(out.id);
  if (m.is("Node")) return m.read(out.name);
  if (m.is("Address")) return m.read(out.address);
  if (m.is("TaggedAddresses")) return m.read(out.tagged_addresses);
  if (m.is("Meta") || m.is("NodeMeta")) return m.read(out.meta);
  if (m.is("ModifyIndex")) return m.read(out.stamps.modify_index);
  if (is_any_of(m, {"Datacenter", "Partition", "PeerName", "Locality", "CreateIndex"})) return Member::ignore();
  return m.unknown();
}

Status read_service_member(const Member& m, Service& out) {
  if (m.is("ID")) return m.read(out.id);
  if (m.is("Service")) return m.read(out.name);
  if (m.is("Kind")) return m.read(out.kind);
  if (m.is("Tags")) return m.read(out.tags);
  if (m.is("Address")) return m.read(out.address);
  if (m.is("TaggedAddresses")) return read_service_addresses(m, out.tagged_addresses);
  if (m.is("Meta")) return m.read(out.meta);
  if (m.is("Port")) return m.read(out.port);
  if (m.is("SocketPath")) return m.read(out.socket_path);
  if (m.is("Weights")) return read_weights(m, out.weights);
  if (m.is("EnableTagOverride")) return m.read(out.enable_tag_override);
  if (m.is("ModifyIndex")) return m.read(out.stamps.modify_index);
  if (is_any_of(m, {"Proxy", "Connect", "Namespace", "Partition", "PeerName", "Locality", "Ports", "CreateIndex"})) {
    return Member::ignore();
  }
  return m.unknown();
}

Status read_check_member(const Member& m, Check& out) {
  if (m.is("Node")) return m.read(out.node);
  if (m.is("CheckID")) return m.read(out.id);
  if (m.is("Name")) return m.read(out.name);
  if (m.is("Status")) return m.read(out.status);
  if (m.is("Notes")) return m.read(out.notes);
  if (m.is("Output")) return m.read(out.output);
  if (m.is("ServiceID")) return m.read(out.service_id);
  if (m.is("Type")) return m.read(out.type);
  if (m.is("ModifyIndex")) return m.read(out.stamps.modify_index);
  if (is_any_of(m, {"ServiceName", "ServiceTags", "Definition", "Interval", "Timeout", "ExposedPort", "Namespace",
                    "Partition", "PeerName", "CreateIndex"})) {
    return Member::ignore();
  }
  return m.unknown();
}

template <typename T, typename Read>
Result<T> decode_as(const JsonValue& json, std::string_view path, Read read) {
  T out;
  if (Status done = decode_members(json, path, [&](const Member& m) { return read(m, out); }); !done) {
    return fail(done.error());
  }
  return out;
}

Status read_check(const JsonValue& json, std::string_view path, std::vector<Check>& out) {
  Result<Check> check = decode_as<Check>(json, path, read_check_member);
  if (!check) return fail(check.error());
  out.push_back(std::move(*check));
  return {};
}

Status read_registration_member(const Member& m, CatalogRegistration& out) {
  Registration& registration = out.registration;
  if (m.is("Datacenter")) return m.read(out.datacenter);
  if (m.is("SkipNodeUpdate")) return m.read(registration.skip_node_update);
  if (m.is("Service")) {
    if (m.value().is_null()) return {};
    Result<Service> service = decode_as<Service>(m.value(), m.path(), read_service_member);
    if (!service) return fail(service.error());
    registration.service = std::move(*service);
    return {};
  }
  if (m.is("Check")) return m.value().is_null() ? Status{} : read_check(m.value(), m.path(), registration.checks);
  if (m.is("Checks")) {
    return decode_items(m, "structs.HealthChecks",
                        [&](const JsonValue& item) { return read_check(item, m.path(), registration.checks); });
  }
  if (is_any_of(m, {"Token", "Namespace", "PeerName"})) return Member::ignore();
  if (m.is("Meta") || m.is("CreateIndex") || m.is("ModifyIndex")) return m.unknown();
  return read_node_member(m, registration.node);
}

Status validate_node_id(const std::string& id) {
  if (id.empty() || is_uuid(id)) return {};
  if (id.size() != 36) return fail(ErrorCode::invalid, "Bad node ID: uuid string is wrong length");
  return fail(ErrorCode::invalid, "Bad node ID: uuid is improperly formatted");
}

}  // namespace

Result<Node> decode_node(const JsonValue& json) { return decode_as<Node>(json, "", read_node_member); }
Result<Service> decode_catalog_service(const JsonValue& json) {
  return decode_as<Service>(json, "", read_service_member);
}
Result<Check> decode_catalog_check(const JsonValue& json) { return decode_as<Check>(json, "", read_check_member); }

Result<CatalogRegistration> decode_catalog_registration(const JsonValue& json) {
  Result<CatalogRegistration> request = decode_as<CatalogRegistration>(json, "", read_registration_member);
  if (!request) return request;
  if (std::optional<Service>& service = request->registration.service) {
    if (service->id.empty()) service->id = service->name;
  }
  for (Check& check : request->registration.checks) {
    if (check.id.empty()) check.id = check.name;
    if (check.status.empty()) check.status = kCritical;
  }
  return request;
}

Status validate_catalog_registration(const CatalogRegistration& request) {
  const Registration& registration = request.registration;
  if (registration.node.name.empty()) return fail(ErrorCode::invalid, "Must provide node");
  if (registration.node.address.empty() && !registration.skip_node_update) {
    return fail(ErrorCode::invalid, "Must provide address if SkipNodeUpdate is not set");
  }
  if (Status done = validate_node_id(registration.node.id); !done) return done;
  if (registration.service && registration.service->name.empty()) {
    return fail(ErrorCode::invalid, "Must provide service name with ID");
  }
  if (registration.service) {
    const Service& service = *registration.service;
    if (is_unspecified(service.address)) return fail(ErrorCode::invalid, "Invalid service address");
    Status valid = validate_meta(service.meta, "failed inserting service: Invalid Service Meta for node " +
                                                   registration.node.name + " and serviceID " + service.id);
    if (!valid) return valid;
  }
  for (const Check& check : registration.checks) {
    if (!check.id.empty()) continue;
    return fail(ErrorCode::invalid,
                "failed inserting check: failed inserting check: object missing primary index on "
                "node \"" +
                    registration.node.name + "\"");
  }
  return {};
}

Result<CatalogDeregistration> decode_catalog_deregistration(const JsonValue& json) {
  return decode_as<CatalogDeregistration>(json, "", [](const Member& m, CatalogDeregistration& out) {
    if (m.is("Node")) return m.read(out.node);
    if (m.is("ServiceID")) return m.read(out.service_id);
    if (m.is("CheckID")) return m.read(out.check_id);
    if (m.is("Datacenter")) return m.read(out.datacenter);
    if (is_any_of(m, {"Address", "Token", "Namespace", "Partition"})) return Member::ignore();
    return m.unknown();
  });
}

}  // namespace weir::registry

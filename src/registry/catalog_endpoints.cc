// /v1/catalog/*

#include <algorithm>
#include <map>

#include "registry/agent_writes.h"
#include "registry/catalog_writes.h"
#include "registry/definitions.h"
#include "registry/endpoints.h"
#include "registry/filter_rows.h"
#include "registry/queries.h"
#include "registry/record_json.h"
#include "registry/selection.h"

namespace weir::registry::endpoints {
namespace {

Reply json_true() { return Reply::json("true"); }

bool is_other_datacenter(Api& api, const std::string& datacenter) {
  return !datacenter.empty() && datacenter != api.self().datacenter;
}

std::optional<Selection> parse_or_refuse(Call& call, const FilterValue& sample) {
  Result<Selection> selection = Selection::parse(call, sample);
  if (selection) return std::move(*selection);
  Api::reply(call, Reply::text(500, selection.error().message));
  return std::nullopt;
}

const FilterValue& catalog_sample() {
  static const Node kNode;
  static const Service kService;
  static const FilterValue kSample = catalog_row(kNode, kService, "");
  return kSample;
}

}  // namespace

void catalog_register(Api& api, Call call) {
  Result<JsonValue> body = parse_body(call);
  if (!body) return Api::reply(call, decode_failure(body.error()));
  Result<CatalogRegistration> request = decode_catalog_registration(*body);
  if (!request) return Api::reply(call, decode_failure(request.error()));
  if (Status valid = validate_catalog_registration(*request); !valid) {
    return Api::reply(call, Reply::text(500, valid.error().message));
  }
  if (is_other_datacenter(api, request->datacenter)) return Api::reply(call, Reply::text(500, "No path to datacenter"));
  leave_out_own(api.self(), request->registration);
  auto change = [registration = request->registration](Transaction& tx) { return register_all(tx, registration); };
  api.write(std::move(call), change, json_true);
}

void catalog_deregister(Api& api, Call call) {
  Result<JsonValue> body = parse_body(call);
  if (!body) return Api::reply(call, decode_failure(body.error()));
  Result<CatalogDeregistration> request = decode_catalog_deregistration(*body);
  if (!request) return Api::reply(call, decode_failure(request.error()));
  if (request->node.empty()) return Api::reply(call, Reply::text(500, "Must provide node"));
  if (is_other_datacenter(api, request->datacenter)) return Api::reply(call, Reply::text(500, "No path to datacenter"));
  auto change = [&api, request = *request](Transaction& tx) -> Status {
    if (!request.service_id.empty()) {
      if (is_own_service(api.self(), request.node, request.service_id)) return {};
      remove_service(tx, request.node, request.service_id);
    } else if (!request.check_id.empty()) {
      if (is_own_check(api.self(), request.node, request.check_id)) return {};
      remove_check(tx, request.node, request.check_id);
    } else if (!is_own_node(api.self(), request.node)) {
      remove_node(tx, request.node);
    }
    return {};
  };
  api.write(std::move(call), change, json_true);
}

void catalog_datacenters(Api& api, Call call) {
  JsonWriter json(call.pretty);
  json.begin_array().value(api.self().datacenter).end_array();
  Api::reply(call, Reply::json(json.take()));
}

void catalog_nodes(Api& api, Call call) {
  static const Node kSample;
  std::optional<Selection> selection = parse_or_refuse(call, node_row(kSample, ""));
  if (!selection) return;
  Read read;
  read.names_consistency = true;
  read.index = [&api] { return nodes_index(api.store()); };
  read.resources = [] { return std::vector<Resource>{{Resource::Kind::nodes}}; };
  read.answer = [&api, selection = *selection, pretty = call.pretty] {
    const std::string& datacenter = api.self().datacenter;
    JsonWriter json(pretty);
    json.begin_array();
    for (const auto& [name, row] : api.tables().nodes()) {
      const Node& node = *row;
      if (!selection.takes(node) || !selection.takes_row([&] { return node_row(node, datacenter); })) continue;
      write_node(json, node, datacenter);
    }
    json.end_array();
    return Reply::json(json.take());
  };
  api.read(std::move(call), std::move(read));
}

void catalog_services(Api& api, Call call) {
  std::optional<Selection> selection = parse_or_refuse(call, catalog_sample());
  if (!selection) return;
  Read read;
  read.names_consistency = true;
  read.index = [&api] { return services_index(api.store()); };
  read.resources = [] { return std::vector<Resource>{{Resource::Kind::services}}; };
  read.answer = [&api, selection = *selection, pretty = call.pretty] {
    const bool whole = selection.node_meta.empty() && selection.filter->keeps_all();
    if (whole && !pretty) return Reply::json(api.tables().service_list_json());
    std::map<std::string, std::vector<std::string>> tags_by_name;
    for (const auto& [key, row] : api.tables().services()) {
      const Service& service = *row;
      Ref<Node> node = api.tables().node(service.node);
      if (!node || !selection.takes(*node)) continue;
      if (!selection.takes_row([&] { return catalog_row(*node, service, api.self().datacenter); })) continue;
      add_tags(tags_by_name[service.name], service.tags);
    }
    JsonWriter json(pretty);
    json.begin_object();
    for (const auto& [name, tags] : tags_by_name) json.member(name, tags);
    json.end_object();
    return Reply::json(json.take());
  };
  api.read(std::move(call), std::move(read));
}

void catalog_service(Api& api, Call call) {
  std::string name = call.argument;
  if (name.empty()) return Api::reply(call, Reply::text(400, "Missing service name"));
  std::optional<Selection> selection = parse_or_refuse(call, catalog_sample());
  if (!selection) return;
  Read read;
  read.names_consistency = true;
  read.index = [&api, name] { return service_index(api.store(), name, false); };
  read.resources = [&api, name] { return service_resources(api.store(), name); };
  read.answer = [&api, name, selection = *selection, pretty = call.pretty] {
    const std::string& datacenter = api.self().datacenter;
    JsonWriter json(pretty);
    json.begin_array();
    for (const auto& [key, row] : api.tables().instances(name)) {
      const Service& service = *row;
      Ref<Node> node = api.tables().node(service.node);
      if (!selection.takes_tags_of(service) || !node || !selection.takes(*node)) continue;
      if (!selection.takes_row([&] { return catalog_row(*node, service, datacenter); })) continue;
      write_catalog_row(json, *node, service, datacenter);
    }
    json.end_array();
    return Reply::json(json.take());
  };
  api.read(std::move(call), std::move(read));
}

namespace {

Read node_read(Api& api, const std::string& name) {
  Read read;
  read.names_consistency = true;
  read.index = [&api, name] { return node_index(api.store(), name); };
  read.resources = [name] { return node_resources(name); };
  return read;
}

}  // namespace

void catalog_node(Api& api, Call call) {
  std::string name = call.argument;
  if (name.empty()) return Api::reply(call, Reply::text(400, "Missing node name"));
  static const Service kSample;
  std::optional<Selection> selection = parse_or_refuse(call, service_row(kSample));
  if (!selection) return;
  Read read = node_read(api, name);
  read.answer = [&api, name, selection = *selection, pretty = call.pretty] {
    JsonWriter json(pretty);
    Ref<Node> node = api.tables().node(name);
    if (!node) return Reply::json(json.null().take());
    json.begin_object().key("Node");
    write_node(json, *node, api.self().datacenter);
    json.key("Services").begin_object();
    for (const Ref<Service>& service : api.tables().services_of_node(name)) {
      if (!selection.takes_row([&] { return service_row(*service); })) continue;
      json.key(service->id);
      write_service(json, *service);
    }
    json.end_object().end_object();
    return Reply::json(json.take());
  };
  api.read(std::move(call), std::move(read));
}

void catalog_node_services(Api& api, Call call) {
  std::string name = call.argument;
  if (name.empty()) return Api::reply(call, Reply::text(400, "Missing node name"));
  static const Service kSample;
  std::optional<Selection> selection = parse_or_refuse(call, service_row(kSample));
  if (!selection) return;
  Read read = node_read(api, name);
  read.answer = [&api, name, selection = *selection, pretty = call.pretty] {
    JsonWriter json(pretty);
    Ref<Node> node = api.tables().node(name);
    json.begin_object().key("Node");
    if (!node) return Reply::json(json.null().key("Services").null().end_object().take());
    write_node(json, *node, api.self().datacenter);
    json.key("Services").begin_array();
    for (const Ref<Service>& service : api.tables().services_of_node(name)) {
      if (selection.takes_row([&] { return service_row(*service); })) write_service(json, *service);
    }
    json.end_array().end_object();
    return Reply::json(json.take());
  };
  api.read(std::move(call), std::move(read));
}

}  // namespace weir::registry::endpoints

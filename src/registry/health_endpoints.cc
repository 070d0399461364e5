// /v1/health/*

#include <algorithm>

#include "registry/endpoints.h"
#include "registry/filter_rows.h"
#include "registry/queries.h"
#include "registry/record_json.h"
#include "registry/selection.h"
#include "weir/base/go_bool.h"

namespace weir::registry::endpoints {
namespace {

/// The node's own checks first, then the instance's.
std::vector<Ref<Check>> checks_for(const Tables& tables, const Service& service) {
  std::vector<Ref<Check>> checks = tables.checks_of_service(service.node, "");
  std::ranges::move(tables.checks_of_service(service.node, service.id), std::back_inserter(checks));
  return checks;
}

bool all_passing(const std::vector<Ref<Check>>& checks) {
  return std::ranges::all_of(checks, [](const Ref<Check>& check) { return check->status == kPassing; });
}

Reply answer_service(Api& api, const std::string& name, const Selection& selection, bool only_passing, bool pretty) {
  const std::string& datacenter = api.self().datacenter;
  JsonWriter json(pretty);
  json.begin_array();
  for (const auto& [key, row] : api.tables().instances(name)) {
    const Service& service = *row;
    Ref<Node> node = api.tables().node(service.node);
    if (!selection.takes_tags_of(service) || !node || !selection.takes(*node)) continue;
    std::vector<Ref<Check>> checks = checks_for(api.tables(), service);
    if (only_passing && !all_passing(checks)) continue;
    if (!selection.takes_row([&] { return instance_row(*node, service, checks, datacenter); })) continue;
    json.begin_object().key("Node");
    write_node(json, *node, datacenter);
    json.key("Service");
    write_service(json, service);
    json.key("Checks").begin_array();
    for (const Ref<Check>& check : checks) write_check(json, *check);
    json.end_array().end_object();
  }
  json.end_array();
  return Reply::json(json.take());
}

/// state, node and checks differ only in where their checks come from.
void read_checks(Api& api, Call call, std::function<std::vector<Ref<Check>>()> checks) {
  static const Check kSample;
  Result<Selection> selection = Selection::parse(call, check_row(kSample));
  if (!selection) return Api::reply(call, Reply::text(500, selection.error().message));
  Read read;
  read.names_consistency = true;
  read.index = [&api] { return checks_index(api.store()); };
  read.resources = [] { return std::vector<Resource>{{Resource::Kind::checks}}; };
  read.answer = [&api, checks = std::move(checks), selection = *selection, pretty = call.pretty] {
    JsonWriter json(pretty);
    json.begin_array();
    for (const Ref<Check>& check : checks()) {
      if (!selection.node_meta.empty()) {
        Ref<Node> node = api.tables().node(check->node);
        if (!node || !selection.takes(*node)) continue;
      }
      if (selection.takes_row([&] { return check_row(*check); })) write_check(json, *check);
    }
    json.end_array();
    return Reply::json(json.take());
  };
  api.read(std::move(call), std::move(read));
}

}  // namespace

void health_service(Api& api, Call call) {
  std::string name = call.argument;
  if (name.empty()) return Api::reply(call, Reply::text(400, "Missing service name"));
  bool only_passing = false;
  if (call.has("passing")) {
    std::string text = call.parameter("passing");
    std::optional<bool> flag = text.empty() ? true : parse_go_bool(text);
    if (!flag) return Api::reply(call, Reply::text(400, "Invalid value for ?passing"));
    only_passing = *flag;
  }
  static const Node kNode;
  static const Service kService;
  Result<Selection> selection = Selection::parse(call, instance_row(kNode, kService, {}, ""));
  if (!selection) return Api::reply(call, Reply::text(500, selection.error().message));
  Read read;
  read.names_consistency = true;
  read.index = [&api, name] { return service_index(api.store(), name, true); };
  read.resources = [&api, name] { return service_resources(api.store(), name); };
  read.answer = [&api, name, selection = *selection, only_passing, pretty = call.pretty] {
    return answer_service(api, name, selection, only_passing, pretty);
  };
  api.read(std::move(call), std::move(read));
}

void health_state(Api& api, Call call) {
  std::string state = call.argument;
  if (state.empty()) return Api::reply(call, Reply::text(400, "Missing check state"));
  read_checks(api, std::move(call), [&api, state] {
    std::vector<Ref<Check>> found;
    for (const auto& [key, check] : api.tables().checks()) {
      if (state == "any" || check->status == state) found.push_back(check);
    }
    return found;
  });
}

void health_node(Api& api, Call call) {
  std::string node = call.argument;
  if (node.empty()) return Api::reply(call, Reply::text(400, "Missing node name"));
  read_checks(api, std::move(call), [&api, node] { return api.tables().checks_of_node(node); });
}

void health_checks(Api& api, Call call) {
  std::string name = call.argument;
  if (name.empty()) return Api::reply(call, Reply::text(400, "Missing service name"));
  read_checks(api, std::move(call), [&api, name] {
    std::vector<Ref<Check>> found;
    for (const auto& [key, service] : api.tables().instances(name)) {
      std::ranges::move(api.tables().checks_of_service(service->node, service->id), std::back_inserter(found));
    }
    return found;
  });
}

}  // namespace weir::registry::endpoints

// Services with the provider "nomad": those of allocations that run, as Nomad's own discovery lists them.

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

#include "scheduler/agent/fingerprint.h"
#include "scheduler/agent/registration.h"
#include "scheduler/api/api.h"
#include "scheduler/json_reader.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

using nlohmann::json;

struct NativeService {
  AllocPtr alloc;
  std::string datacenter;
  ServiceRegistration registration;
};

bool is_native(const Service& service) { return service.provider == "nomad"; }

bool runs(const Allocation& alloc, const std::string& task) {
  auto state = alloc.task_states.find(task);
  return state != alloc.task_states.end() && state->second.state == TaskRunState::running;
}

/// A group's services are there while all its main tasks run, as its agent registers them.
bool main_tasks_run(const Allocation& alloc, const TaskGroup& group) {
  return std::all_of(group.tasks.begin(), group.tasks.end(),
                     [&](const Task& task) { return task.lifecycle.has_value() || runs(alloc, task.name); });
}

void add_services(const AllocPtr& alloc, const Node& node, std::vector<NativeService>& out) {
  const TaskGroup* group = alloc->job->find_group(alloc->task_group);
  if (group == nullptr) return;
  const TaskIdentity identity = allocation_identity(*alloc, node.ip);
  const NodeVariables variables = node_variables(node);
  auto add = [&](const Task* task, const std::vector<Service>& services) {
    if (std::none_of(services.begin(), services.end(), is_native)) return;
    const TextMap env = task == nullptr ? build_group_env(*alloc->job, *group, identity, variables)
                                        : build_task_env(*alloc->job, *group, *task, identity, variables);
    auto built = build_registrations({.alloc = *alloc,
                                      .group = *group,
                                      .task = task,
                                      .env = env,
                                      .node = variables,
                                      .node_id = node.id,
                                      .node_ip = node.ip});
    if (!built) return;  // the allocation's events say why
    for (ServiceRegistration& service : *built) {
      if (service.provider == "nomad") out.push_back({alloc, node.datacenter, std::move(service)});
    }
  };
  if (main_tasks_run(*alloc, *group)) add(nullptr, group->services);
  for (const Task& task : group->tasks) {
    if (runs(*alloc, task.name)) add(&task, task.services);
  }
}

/// What the server knows is enough: one that shall stop is gone from here before its agent hears of it.
std::vector<NativeService> native_services(const StateStore& store) {
  std::vector<NativeService> out;
  for (const auto& [id, alloc] : store.allocs()) {
    if (alloc->terminal()) continue;
    if (NodePtr node = store.node(alloc->node_id)) add_services(alloc, *node, out);
  }
  return out;
}

json service_names_json(const StateStore& store) {
  std::map<std::string, std::set<std::string>> tags;
  for (const NativeService& service : native_services(store)) {
    tags[service.registration.name].insert(service.registration.tags.begin(), service.registration.tags.end());
  }
  json services = json::array();
  for (const auto& [name, all] : tags) services.push_back({{"ServiceName", name}, {"Tags", all}});
  if (services.empty()) return services;
  return json::array({{{"Namespace", "default"}, {"Services", services}}});
}

json service_json(const NativeService& service) {
  return {{"ID", service.registration.id},
          {"ServiceName", service.registration.name},
          {"Namespace", "default"},
          {"NodeID", service.alloc->node_id},
          {"Datacenter", service.datacenter},
          {"JobID", service.alloc->job_id},
          {"AllocID", service.alloc->id},
          {"Tags", service.registration.tags},
          {"Address", service.registration.address},
          {"Port", service.registration.port},
          {"CreateIndex", service.alloc->create_index},
          {"ModifyIndex", service.alloc->alloc_modify_index}};
}

/// `Tags contains "x"`: what clients ask for; "" keeps all.
Result<std::string> tag_of_filter(std::string_view filter) {
  filter = trim(filter);
  if (filter.empty()) return std::string();
  constexpr std::string_view kBegin = "Tags contains ";
  if (filter.starts_with(kBegin)) {
    json tag = json::parse(trim(filter.substr(kBegin.size())), nullptr, false);
    if (tag.is_string() && !tag.get_ref<const std::string&>().empty()) return tag.get<std::string>();
  }
  return fail(ErrorCode::invalid, "filter: only Tags contains \"...\" is understood here");
}

}  // namespace

bool Api::serve_services(ApiCall& call) {
  const auto& path = call.path;
  StateStore& store = core_.store();
  if (!call.reads()) return false;
  if (path[0] == "services" && path.size() == 1) {
    answer(call, {watch_key::kAllocs}, [&store]() -> Result<Answer> {
      return Answer{store.table_index(Table::allocs), json_text(service_names_json(store))};
    });
    return true;
  }
  if (path[0] != "service" || path.size() != 2) return false;
  auto tag = tag_of_filter(call.parameter("filter"));
  if (!tag) return refuse(*call.responder, tag.error()), true;
  answer(call, {watch_key::kAllocs}, [&store, name = path[1], tag = *tag]() -> Result<Answer> {
    json list = json::array();
    for (const NativeService& service : native_services(store)) {
      const auto& tags = service.registration.tags;
      const bool kept = tag.empty() || std::find(tags.begin(), tags.end(), tag) != tags.end();
      if (kept && service.registration.name == name) list.push_back(service_json(service));
    }
    return Answer{store.table_index(Table::allocs), json_text(list)};
  });
  return true;
}

}  // namespace weir::scheduler

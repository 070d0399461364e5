#include <nlohmann/json.hpp>

#include "scheduler/json_reader.h"
#include "scheduler/model_json.h"
#include "weir/scheduler/agent_protocol.h"

namespace weir::scheduler {

using nlohmann::json;

namespace {

Result<json> parse_object(std::string_view body) {
  json value = json::parse(body, nullptr, false);
  if (value.is_discarded()) return fail(ErrorCode::invalid, "body: not JSON");
  if (!value.is_object()) return fail(ErrorCode::invalid, "body: expected an object");
  return value;
}

Result<AllocUpdate> read_update(const json& value, size_t position) {
  JsonReader reader(value, "Updates[" + std::to_string(position) + "]");
  AllocUpdate update;
  reader.text("ID", update.id);
  std::string status = "pending";
  reader.text("ClientStatus", status);
  if (auto parsed = parse_client_status(status)) {
    update.client_status = *parsed;
  } else {
    reader.wrong("ClientStatus", "a client status");
  }
  reader.text("ClientDescription", update.client_description);
  if (reader.find("TaskStates") != nullptr) read_task_states(reader, "TaskStates", update.task_states.emplace());
  reader.object("DeploymentStatus", [&](JsonReader& health) {
    health.optional_boolean("Healthy", update.healthy);
    health.time("Timestamp", update.health_timestamp_ns);
  });
  if (auto outcome = reader.status(); !outcome) return fail(outcome.error());
  return update;
}

}  // namespace

std::string encode_registration(const NodeRegistration& registration) {
  json node = node_to_json(registration.node);
  node["SecretID"] = registration.node.secret_id;
  node["IP"] = registration.node.ip;
  node["Version"] = registration.node.version;
  return json_text({{"Node", std::move(node)}, {"AgentAddress", registration.node.agent_address}});
}

Result<NodeRegistration> decode_registration(std::string_view body) {
  auto value = parse_object(body);
  if (!value) return fail(value.error());
  auto found = value->find("Node");
  if (found == value->end()) return fail(ErrorCode::invalid, "Node: missing");
  auto node = node_from_json(*found);
  if (!node) return fail(node.error());
  JsonReader reader(*value, "");
  reader.text("AgentAddress", node->agent_address);
  if (auto status = reader.status(); !status) return fail(status.error());
  return NodeRegistration{.node = std::move(*node)};
}

std::string encode_register_reply(const RegisterReply& reply) {
  return json_text({{"NodeID", reply.node_id}, {"HeartbeatTTL", reply.heartbeat_ttl_ns}, {"Index", reply.index}});
}

Result<RegisterReply> decode_register_reply(std::string_view body) {
  auto value = parse_object(body);
  if (!value) return fail(value.error());
  JsonReader reader(*value, "");
  RegisterReply reply;
  reader.text("NodeID", reply.node_id);
  reader.integer("HeartbeatTTL", reply.heartbeat_ttl_ns);
  reader.integer("Index", reply.index);
  if (auto status = reader.status(); !status) return fail(status.error());
  return reply;
}

std::string encode_alloc_pull(const AllocPull& pull) {
  AllocationEncoder encoder;
  json allocs = json::array();
  for (const Allocation& allocation : pull.allocs) allocs.push_back(encoder.full(allocation));
  return json_text({{"Index", pull.index}, {"Allocs", std::move(allocs)}, {"AwaitPrevious", pull.await_previous}});
}

Result<AllocPull> decode_alloc_pull(std::string_view body) {
  auto value = parse_object(body);
  if (!value) return fail(value.error());
  JsonReader reader(*value, "");
  AllocPull pull;
  reader.integer("Index", pull.index);
  reader.texts("AwaitPrevious", pull.await_previous);
  if (auto status = reader.status(); !status) return fail(status.error());
  const json* allocs = reader.find("Allocs");
  if (allocs == nullptr) return pull;
  if (!allocs->is_array()) return fail(ErrorCode::invalid, "Allocs: expected a list");
  for (const json& item : *allocs) {
    auto allocation = allocation_from_json(item);
    if (!allocation) return fail(allocation.error());
    if (allocation->job == nullptr)
      return fail(ErrorCode::invalid, "allocation " + allocation->id + ": Job is missing");
    pull.allocs.push_back(std::move(*allocation));
  }
  return pull;
}

std::string encode_alloc_updates(const std::vector<AllocUpdate>& updates) {
  json list = json::array();
  for (const AllocUpdate& update : updates) {
    json item = {{"ID", update.id},
                 {"ClientStatus", to_string(update.client_status)},
                 {"ClientDescription", update.client_description}};
    if (update.task_states) item["TaskStates"] = task_states_to_json(*update.task_states);
    if (update.healthy) {
      item["DeploymentStatus"] = {{"Healthy", *update.healthy}, {"Timestamp", time_text(update.health_timestamp_ns)}};
    }
    list.push_back(std::move(item));
  }
  json out = json::object();
  out["Updates"] = std::move(list);
  return json_text(out);
}

Result<std::vector<AllocUpdate>> decode_alloc_updates(std::string_view body) {
  auto value = parse_object(body);
  if (!value) return fail(value.error());
  auto list = value->find("Updates");
  if (list == value->end() || !list->is_array()) return fail(ErrorCode::invalid, "Updates: expected a list");
  if (list->size() > kAllocUpdatesMax) {
    return fail(ErrorCode::too_large, "Updates: at most " + std::to_string(kAllocUpdatesMax));
  }
  std::vector<AllocUpdate> updates;
  for (size_t i = 0; i < list->size(); ++i) {
    auto update = read_update((*list)[i], i);
    if (!update) return fail(update.error());
    updates.push_back(std::move(*update));
  }
  return updates;
}

}  // namespace weir::scheduler

#include "scheduler/server/nodes.h"

#include <algorithm>
#include <set>

#include "scheduler/server/deployments.h"
#include "weir/base/ip.h"
#include "weir/base/log.h"
#include "weir/base/random.h"

namespace weir::scheduler {
namespace {

Error node_not_found() { return {.code = ErrorCode::not_found, .message = "node not found"}; }

Status check_registration(const Node& node) {
  auto wrong = [](std::string text) -> Status { return fail(ErrorCode::invalid, std::move(text)); };
  if (!is_uuid(node.id)) return wrong("Node.ID: expected a UUID");
  if (!is_uuid(node.secret_id)) return wrong("Node.SecretID: expected a UUID");
  if (node.datacenter.empty()) return wrong("Node.Datacenter: missing");
  if (!IpAddress::parse(node.ip)) return wrong("Node.IP: expected an IP address");
  if (!SocketAddress::parse(node.agent_address)) return wrong("AgentAddress: expected ip:port");
  if (node.dynamic_port_min == 0 || node.dynamic_port_max < node.dynamic_port_min) {
    return wrong("Node.NodeResources.MinDynamicPort: expected a range of ports");
  }
  return {};
}

/// What the agent says about its node; the server's own part stays as `stored` has it.
Node merged(const Node& said, const Node& stored) {
  Node node = said;
  node.status = stored.status;
  node.status_description = stored.status_description;
  node.status_updated_at_s = stored.status_updated_at_s;
  node.eligible = stored.eligible;
  node.draining = stored.draining;
  node.drain_ignores_system_jobs = stored.drain_ignores_system_jobs;
  node.drain_deadline_ns = stored.drain_deadline_ns;
  node.drain_started_at_ns = stored.drain_started_at_ns;
  node.events = stored.events;
  node.create_index = stored.create_index;
  node.modify_index = stored.modify_index;
  return node;
}

/// Attributes that count for placement; the health's timestamps do not.
bool same_offer(const Node& a, const Node& b) {
  auto drivers_equal = [&] {
    return a.drivers.size() == b.drivers.size() &&
           std::equal(a.drivers.begin(), a.drivers.end(), b.drivers.begin(), [](const auto& x, const auto& y) {
             return x.first == y.first && x.second.detected == y.second.detected &&
                    x.second.healthy == y.second.healthy;
           });
  };
  return a.name == b.name && a.datacenter == b.datacenter && a.node_class == b.node_class && a.ip == b.ip &&
         a.agent_address == b.agent_address && a.version == b.version && a.attributes == b.attributes &&
         a.meta == b.meta && drivers_equal() && a.resources == b.resources && a.reserved == b.reserved &&
         a.reserved_ports == b.reserved_ports && a.dynamic_port_min == b.dynamic_port_min &&
         a.dynamic_port_max == b.dynamic_port_max;
}

}  // namespace

void add_node_event(Node& node, std::string message, std::string subsystem, const Transaction& txn) {
  node.events.push_back({.message = std::move(message),
                         .subsystem = std::move(subsystem),
                         .time_ns = txn.now_ns(),
                         .create_index = txn.index()});
  if (node.events.size() > kNodeEventsMax) node.events.erase(node.events.begin());
}

std::vector<std::string> evaluate_system_jobs(Transaction& txn) {
  std::vector<std::string> ids;
  for (const auto& [id, job] : txn.store().jobs()) {
    if (job->type == "system" && !job->stop) ids.push_back(ensure_eval(txn, *job, "node-update"));
  }
  return ids;
}

Nodes::Nodes(StateStore& store, EvalQueue& queue, NodeTimes times) : store_(store), queue_(queue), times_(times) {
  for (const auto& [id, node] : store_.nodes()) {
    if (node->status != NodeStatus::down) deadline_ms_[id] = store_.clock().monotonic_ms() + times_.restart_grace_ms;
  }
}

void Nodes::extend(const std::string& id) {
  deadline_ms_[id] = store_.clock().monotonic_ms() + times_.heartbeat_ttl_ms + times_.heartbeat_grace_ms;
}

RegisterReply Nodes::reply(const std::string& id) const {
  return {.node_id = id,
          .heartbeat_ttl_ns = static_cast<int64_t>(times_.heartbeat_ttl_ms) * 1'000'000,
          .index = store_.index()};
}

Status Nodes::check_secret(const std::string& id, std::string_view secret) const {
  NodePtr node = store_.node(id);
  if (node == nullptr) return fail(node_not_found());
  if (node->secret_id != secret) return fail(ErrorCode::refused, "Permission denied: wrong node secret");
  return {};
}

Result<RegisterReply> Nodes::put(const NodeRegistration& registration) {
  const Node& said = registration.node;
  if (auto status = check_registration(said); !status) return fail(status.error());
  NodePtr stored = store_.node(said.id);
  if (stored != nullptr) {
    if (auto status = check_secret(said.id, said.secret_id); !status) return fail(status.error());
  }
  Transaction txn(store_);
  Node node = stored == nullptr ? said : merged(said, *stored);
  bool joins = stored == nullptr || stored->status != NodeStatus::ready;
  if (!joins && same_offer(node, *stored)) {
    extend(node.id);
    return reply(node.id);
  }
  if (joins) {
    node.status = NodeStatus::ready;
    node.status_description = "";
    node.status_updated_at_s = txn.now_ns() / 1'000'000'000;
    add_node_event(node, stored == nullptr ? "Node registered" : "Node reregistered by heartbeat", "Cluster", txn);
  }
  const std::string id = node.id;
  txn.put(std::move(node));
  evaluate_system_jobs(txn);
  if (auto status = txn.commit(); !status) return fail(status.error());
  log::info("node registered", {{"node", id}, {"name", said.name}, {"ip", said.ip}});
  queue_.note_capacity();
  extend(id);
  return reply(id);
}

Result<RegisterReply> Nodes::heartbeat(const std::string& id, std::string_view secret) {
  if (auto status = check_secret(id, secret); !status) return fail(status.error());
  if (store_.node(id)->status != NodeStatus::ready) return fail(ErrorCode::conflict, "node is down");
  extend(id);
  return reply(id);
}

Result<AllocPull> Nodes::pull(const std::string& id, std::string_view secret) const {
  if (auto status = check_secret(id, secret); !status) return fail(status.error());
  AllocPull pull{.index = store_.pull_index(id)};
  for (const AllocPtr& alloc : store_.allocs_of_node(id)) {
    pull.allocs.push_back(*alloc);
    AllocPtr previous = store_.alloc(alloc->previous_allocation);
    if (previous != nullptr && !previous->client_terminal()) pull.await_previous.push_back(alloc->id);
  }
  return pull;
}

void Nodes::apply_update(Transaction& txn, const std::string& node_id, const AllocUpdate& update) {
  AllocPtr row = txn.alloc(update.id);
  if (row == nullptr || row->node_id != node_id) return;
  Allocation alloc = *row;
  bool was_terminal = alloc.client_terminal();
  if (update.task_states) alloc.task_states = *update.task_states;
  bool ends = update.client_status == ClientStatus::complete || update.client_status == ClientStatus::failed;
  // What has ended stays ended; one that was given up as lost may still report how it ended.
  if (!was_terminal || (alloc.client_status == ClientStatus::lost && ends)) {
    alloc.client_status = update.client_status;
    alloc.client_description = update.client_description;
  }
  bool ended = alloc.client_terminal() && !was_terminal;
  std::optional<bool> healthy = update.healthy;
  DeploymentPtr deployment = txn.deployment(alloc.deployment_id);
  // One that ends by itself during its deployment is not healthy, whatever it was before.
  if (ended && alloc.desired_status == DesiredStatus::run && deployment != nullptr && deployment->active()) {
    healthy = false;
  }
  bool decided = healthy && record_health(txn, alloc, *healthy, update.health_timestamp_ns);
  Allocation shown = alloc;
  txn.put(std::move(alloc), Transaction::By::agent);
  if (decided) react_to_health(txn, shown);
  if (!ended) return;
  queue_.note_capacity();
  JobPtr job = txn.job(shown.job_id);
  if (shown.desired_status == DesiredStatus::run && job != nullptr && !job->stop) {
    ensure_eval(txn, *job, "alloc-failure");
  }
}

Result<uint64_t> Nodes::update_allocs(const std::string& id, std::string_view secret,
                                      const std::vector<AllocUpdate>& updates) {
  if (auto status = check_secret(id, secret); !status) return fail(status.error());
  if (store_.node(id)->status == NodeStatus::down) return fail(ErrorCode::conflict, "node is down");
  Transaction txn(store_);
  for (const AllocUpdate& update : updates) apply_update(txn, id, update);
  if (auto status = txn.commit(); !status) return fail(status.error());
  return store_.index();
}

Result<std::vector<std::string>> Nodes::set_eligibility(const std::string& id, bool eligible) {
  NodePtr stored = store_.node(id);
  if (stored == nullptr) return fail(node_not_found());
  if (stored->draining && eligible) return fail(ErrorCode::invalid, "can not set node eligible while it is draining");
  std::vector<std::string> evals;
  if (stored->eligible == eligible) return evals;
  Transaction txn(store_);
  Node node = *stored;
  node.eligible = eligible;
  add_node_event(node, eligible ? "Node marked as eligible for scheduling" : "Node marked as ineligible for scheduling",
                 "Cluster", txn);
  txn.put(std::move(node));
  if (eligible) evals = evaluate_system_jobs(txn);
  if (auto status = txn.commit(); !status) return fail(status.error());
  if (eligible) queue_.note_capacity();
  return evals;
}

Result<std::vector<std::string>> Nodes::set_drain(const std::string& id, const DrainRequest& request) {
  NodePtr stored = store_.node(id);
  if (stored == nullptr) return fail(node_not_found());
  Transaction txn(store_);
  Node node = *stored;
  node.draining = request.drain;
  node.drain_deadline_ns = request.deadline_ns;
  node.drain_ignores_system_jobs = request.ignore_system_jobs;
  node.drain_started_at_ns = request.drain ? txn.now_ns() : 0;
  node.eligible = !request.drain && (request.mark_eligible || stored->eligible);
  add_node_event(node, request.drain ? "Node drain strategy set" : "Node drain strategy removed", "Drain", txn);
  bool eligible = node.eligible;
  txn.put(std::move(node));
  // What an earlier drain has begun to move is moved by this one, or stays.
  for (const AllocPtr& alloc : store_.allocs_of_node(id)) {
    if (alloc->terminal() || !alloc->transition_migrate) continue;
    Allocation unmarked = *alloc;
    unmarked.transition_migrate = false;
    txn.put(std::move(unmarked), Transaction::By::server);
  }
  std::vector<std::string> evals;
  if (eligible) evals = evaluate_system_jobs(txn);
  if (auto status = txn.commit(); !status) return fail(status.error());
  if (eligible) queue_.note_capacity();
  return evals;
}

void Nodes::expire() {
  uint64_t now_ms = store_.clock().monotonic_ms();
  std::vector<NodePtr> late;
  for (const auto& [id, deadline] : deadline_ms_) {
    NodePtr node = store_.node(id);
    if (deadline <= now_ms && node != nullptr) late.push_back(node);
  }
  for (const NodePtr& node : late) mark_down(node);
}

void Nodes::mark_down(const NodePtr& stored) {
  Transaction txn(store_);
  Node node = *stored;
  node.status = NodeStatus::down;
  node.status_description = "heartbeat missed";
  node.status_updated_at_s = txn.now_ns() / 1'000'000'000;
  add_node_event(node, "Node heartbeat missed", "Cluster", txn);
  txn.put(std::move(node));
  std::set<std::string> jobs;
  for (const AllocPtr& alloc : store_.allocs_of_node(stored->id)) {
    if (!alloc->client_terminal()) jobs.insert(alloc->job_id);
  }
  for (const std::string& job_id : jobs) ensure_eval_of(txn, job_id, "node-update");
  if (auto status = txn.commit(); !status) {
    log::error("node not given up", {{"node", stored->id}, {"error", status.error()}});
    return;
  }
  deadline_ms_.erase(stored->id);
  log::warn("node is down", {{"node", stored->id}, {"name", stored->name}, {"jobs", jobs.size()}});
}

}  // namespace weir::scheduler

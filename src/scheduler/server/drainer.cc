#include "scheduler/server/drainer.h"

#include <algorithm>

#include "scheduler/server/eval_queue.h"
#include "scheduler/server/nodes.h"
#include "weir/base/log.h"

namespace weir::scheduler {
namespace {

bool is_system(const Allocation& alloc) { return alloc.job->type == "system"; }
bool runs_to_its_end(const Allocation& alloc) { return alloc.job->type == "batch"; }

void mark(Transaction& txn, const Allocation& alloc) {
  Allocation marked = alloc;
  marked.transition_migrate = true;
  txn.put(std::move(marked), Transaction::By::server);
  ensure_eval_of(txn, alloc.job_id, "node-drain");
}

/// How many of the group may begin to move now: as many as it has beyond its count less migrate.max_parallel. One that
/// is under way does not count, nor its successor before its health is decided.
int64_t moves_allowed(const StateStore& store, const Allocation& alloc) {
  const JobPtr newest = store.job(alloc.job_id);
  const bool same = newest != nullptr && newest->create_index == alloc.job->create_index;
  const TaskGroup* group = (same ? *newest : *alloc.job).find_group(alloc.task_group);
  if (group == nullptr || !group->migrate) return 1;
  int64_t settled = 0;
  for (const AllocPtr& other : store.allocs_of_job(alloc.job_id)) {
    if (other->task_group != alloc.task_group || other->terminal() || other->transition_migrate) continue;
    if (other->deployment_status && other->deployment_status->healthy) ++settled;
  }
  return settled - (group->count.value() - std::max<int64_t>(group->migrate->max_parallel.value(), 1));
}

bool deadline_passed(const Node& node, int64_t now_ns) {
  if (node.drain_deadline_ns == 0) return false;
  return node.drain_deadline_ns < 0 || now_ns >= node.drain_started_at_ns + node.drain_deadline_ns;
}

void finish_drain(Transaction& txn, const Node& stored) {
  Node node = stored;
  node.draining = false;
  node.eligible = false;
  node.drain_started_at_ns = 0;
  node.drain_deadline_ns = 0;
  add_node_event(node, "Node drain complete", "Drain", txn);
  txn.put(std::move(node));
  log::info("node drained", {{"node", stored.id}});
}

void advance(StateStore& store, const Node& node) {
  Transaction txn(store);
  bool force = deadline_passed(node, store.clock().wall_ns());
  bool others_left = false;
  bool system_left = false;
  std::vector<AllocPtr> system;
  std::map<std::pair<std::string, std::string>, int64_t> marked_now;
  for (const AllocPtr& alloc : store.allocs_of_node(node.id)) {
    if (alloc->client_terminal()) continue;
    if (is_system(*alloc)) {
      system_left = true;
      if (!alloc->terminal() && !alloc->transition_migrate) system.push_back(alloc);
      continue;
    }
    others_left = true;
    if (alloc->terminal() || alloc->transition_migrate) continue;
    int64_t& now = marked_now[{alloc->job_id, alloc->task_group}];
    if (!force && (runs_to_its_end(*alloc) || now >= moves_allowed(store, *alloc))) continue;
    ++now;
    mark(txn, *alloc);
  }
  if (!node.drain_ignores_system_jobs && (!others_left || force)) {
    for (const AllocPtr& alloc : system) mark(txn, *alloc);
  }
  if (!others_left && (node.drain_ignores_system_jobs || !system_left)) finish_drain(txn, node);
  if (auto status = txn.commit(); !status) log::error("drain not advanced", {{"error", status.error()}});
}

}  // namespace

void advance_drains(StateStore& store) {
  std::vector<NodePtr> draining;
  for (const auto& [id, node] : store.nodes()) {
    if (node->draining) draining.push_back(node);
  }
  for (const NodePtr& node : draining) advance(store, *node);
}

}  // namespace weir::scheduler

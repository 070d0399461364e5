#pragma once
// Nodes and their agents: registration, heartbeats and their absence, status reports, eligibility and drain.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scheduler/server/eval_queue.h"
#include "scheduler/state/transaction.h"
#include "weir/base/result.h"
#include "weir/scheduler/agent_protocol.h"

namespace weir::scheduler {

struct NodeTimes {
  uint64_t heartbeat_ttl_ms = 10'000;
  uint64_t heartbeat_grace_ms = 5'000;
  /// What agents get to show up again after the server's own restart.
  uint64_t restart_grace_ms = 30'000;
};

struct DrainRequest {
  bool drain = false;  // false: ends it
  int64_t deadline_ns = 0;
  bool ignore_system_jobs = false;
  bool mark_eligible = false;
};

/// Owned by Core; its thread. Heartbeats live in memory only: after a restart every ready node has restart_grace_ms.
/// Errors: `not_found` 404, `refused` 403 (wrong secret), `conflict` 409 (the node is down), `invalid` 400.
class Nodes {
 public:
  Nodes(StateStore& store, EvalQueue& queue, NodeTimes times);

  Result<RegisterReply> put(const NodeRegistration& registration);
  Result<RegisterReply> heartbeat(const std::string& id, std::string_view secret);
  Result<AllocPull> pull(const std::string& id, std::string_view secret) const;
  Result<uint64_t> update_allocs(const std::string& id, std::string_view secret,
                                 const std::vector<AllocUpdate>& updates);
  /// Both return the ids of the evaluations that follow.
  Result<std::vector<std::string>> set_eligibility(const std::string& id, bool eligible);
  Result<std::vector<std::string>> set_drain(const std::string& id, const DrainRequest& request);

  /// Gives up nodes whose heartbeat is overdue.
  void expire();

 private:
  Status check_secret(const std::string& id, std::string_view secret) const;
  void apply_update(Transaction& txn, const std::string& node_id, const AllocUpdate& update);
  void mark_down(const NodePtr& node);
  void extend(const std::string& id);
  [[nodiscard]] RegisterReply reply(const std::string& id) const;

  StateStore& store_;
  EvalQueue& queue_;
  NodeTimes times_;
  std::map<std::string, uint64_t> deadline_ms_;  // monotonic, of nodes that are not down
};

/// Evaluations for every system job that has not been stopped: a node came or became eligible.
std::vector<std::string> evaluate_system_jobs(Transaction& txn);
void add_node_event(Node& node, std::string message, std::string subsystem, const Transaction& txn);

}  // namespace weir::scheduler

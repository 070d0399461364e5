#pragma once
// Finds a node and ports for allocations of one job, one after the other, each seeing those before it. Pure: everything
// comes from the snapshot; ids and dynamic ports are derived from the evaluation's id, so the same input places the
// same.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/plan/feasibility.h"
#include "scheduler/plan/node_ledger.h"
#include "scheduler/plan/snapshot.h"

namespace weir::scheduler {

struct PlacementRequest {
  JobPtr job;              // the version to run; not always the snapshot's
  const TaskGroup* group;  // of that version
  std::string name;
  AllocPtr previous = nullptr;  // what it replaces, if anything
  bool stops_previous = false;  // `previous` runs and ends for this one: its place counts as free on its node
  std::vector<std::string> penalty_nodes = {};  // where earlier attempts failed
};

/// Lives as long as one plan. Keeps a reference to the snapshot.
class Placer {
 public:
  Placer(const Snapshot& snapshot, std::string_view eval_id, int64_t now_ns);

  /// An allocation of the plan stops: it does not count against its successors' spreading any more.
  void note_stop(const Allocation& allocation);
  /// Takes note_stop() back.
  void note_keep(const Allocation& allocation);
  /// The best node of all; nothing when there is none, and metric() says why.
  std::optional<Allocation> place(const PlacementRequest& request);
  /// On this node or not at all (system jobs). The node is a candidate and feasible.
  std::optional<Allocation> place_on(const Node& node, const PlacementRequest& request);
  /// About the last call.
  [[nodiscard]] const AllocMetric& metric() const { return metric_; }

 private:
  struct Candidate;

  NodeLedger& ledger(const Node& node);
  const FeasibleNodes& feasible(const PlacementRequest& request);
  bool breaks_distinct(const DistinctRule& rule, const Node& node, const PlacementRequest& request) const;
  std::optional<Candidate> rank(const Node& node, const PlacementRequest& request);
  void add_preferences(Candidate& candidate, const PlacementRequest& request) const;
  Allocation take(Candidate candidate, const PlacementRequest& request);
  [[nodiscard]] double spread_total(const Node& node, const PlacementRequest& request) const;
  void note_score(const Candidate& candidate);

  const Snapshot& snapshot_;
  std::string eval_id_;
  int64_t now_ns_;
  uint64_t sequence_ = 0;
  AllocMetric metric_;
  std::map<std::string, NodeLedger> ledgers_;
  std::map<std::pair<uint64_t, std::string>, FeasibleNodes> feasible_;
  /// Allocations of this job that shall run, by node and group.
  std::map<std::string, std::map<std::string, int64_t>> running_;
};

}  // namespace weir::scheduler

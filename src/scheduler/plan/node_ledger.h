#pragma once
// What one node gives and what is taken of it, while a plan is made. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/plan/snapshot.h"
#include "weir/base/result.h"

namespace weir::scheduler {

struct Demand {
  int64_t cpu_mhz = 0;
  int64_t memory_mb = 0;
  int64_t disk_mb = 0;
};

/// All tasks of a group together, and its ephemeral disk.
Demand group_demand(const TaskGroup& group);
Demand allocation_demand(const Allocation& allocation);
/// What an allocation of this group records as its own, ports left out.
AllocatedResources group_resources(const TaskGroup& group);

/// Made per plan and node from the snapshot; placements of the plan are added as they are decided.
class NodeLedger {
 public:
  /// `allocations` as in Snapshot::node_allocs: ended ones only mark their ports as lately freed.
  NodeLedger(const Node& node, const std::vector<AllocPtr>& allocations, int64_t now_ns);

  void add(const Allocation& allocation);
  /// Takes the resources and static ports of one that is replaced out of the count: its successor waits for its end.
  /// Its ports stay unavailable for dynamic choice.
  void discount(const Allocation& allocation);
  /// Undoes discount().
  void restore(const Allocation& allocation);

  [[nodiscard]] const Node& node() const { return *node_; }
  [[nodiscard]] Demand used() const { return used_; }
  [[nodiscard]] int64_t total_cpu_mhz() const { return node_->resources.cpu_mhz - node_->reserved.cpu_mhz; }
  [[nodiscard]] int64_t total_memory_mb() const { return node_->resources.memory_mb - node_->reserved.memory_mb; }
  [[nodiscard]] int64_t total_disk_mb() const { return node_->resources.disk_mb - node_->reserved.disk_mb; }
  /// "cpu", "memory" or "disk": the first that does not suffice; nothing when all do.
  [[nodiscard]] std::optional<std::string_view> lacks(const Demand& demand) const;
  /// Ports for one allocation of `group`, or the name of what is exhausted ("network: reserved port collision
  /// http=80"). `seed` spreads dynamic ports over the range; the same seed finds the same ports.
  [[nodiscard]] Result<std::vector<AllocatedPort>> assign_ports(const TaskGroup& group, std::string_view seed) const;

 private:
  struct PortSearch;

  const Node* node_;
  Demand used_;
  std::map<uint16_t, int> ports_;     // holders; discounted ones do not count
  std::set<uint16_t> avoided_ports_;  // lately freed, or still held by one that is being replaced
};

}  // namespace weir::scheduler

#pragma once
// The scheduler's server without its HTTP face: state, operations, and the turn that moves everything on. No loop, no
// socket: tests drive it with a FakeClock.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/server/collector.h"
#include "scheduler/server/eval_queue.h"
#include "scheduler/server/jobs.h"
#include "scheduler/server/nodes.h"
#include "scheduler/state/state_store.h"

namespace weir::scheduler {

struct CoreOptions {
  std::string state_path;  // of the SQLite file; ":memory:" for tests
  NodeTimes node_times = {};
  CollectAges collect_ages = {};
  uint64_t collect_period_ms = 60'000;
};

/// Owned by Server (or a test). One thread. The clock must outlive it.
class Core {
 public:
  static Result<std::unique_ptr<Core>> open(const CoreOptions& options, const Clock& clock);

  /// Everything that is due: overdue heartbeats, drains, deadlines, evaluations, garbage. To be called after each
  /// operation and every 100 ms or so. True when there is more to do at once.
  bool turn();

  [[nodiscard]] StateStore& store() { return *store_; }
  [[nodiscard]] Jobs& jobs() { return jobs_; }
  [[nodiscard]] Nodes& nodes() { return nodes_; }

  /// Stops one allocation; the evaluation replaces it. Returns the evaluation's id.
  Result<std::string> stop_alloc(const std::string& id);
  struct DeploymentOutcome {
    std::string eval_id;
    uint64_t index = 0;
    std::optional<uint64_t> reverted_version = {};
  };
  Result<DeploymentOutcome> promote(const std::string& id, const std::vector<std::string>& groups);
  Result<DeploymentOutcome> fail_by_hand(const std::string& id);
  Result<DeploymentOutcome> pause(const std::string& id, bool pause);
  Result<DeploymentOutcome> set_health(const std::string& id, const std::vector<std::string>& healthy,
                                       const std::vector<std::string>& unhealthy);
  Status collect_now();

 private:
  Core(std::unique_ptr<StateStore> store, const CoreOptions& options);
  Result<DeploymentPtr> active_deployment(const std::string& id) const;
  Result<DeploymentOutcome> finish(Transaction& txn, const Deployment& deployment);

  CoreOptions options_;
  std::unique_ptr<StateStore> store_;
  EvalQueue queue_;
  Jobs jobs_;
  Nodes nodes_;
  uint64_t next_collect_ms_;
};

}  // namespace weir::scheduler

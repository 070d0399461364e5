#pragma once
// All that the server knows: nodes, jobs and their versions, allocations, evaluations, deployments. In memory, each
// change durable before it is seen.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/model_json.h"
#include "scheduler/plan/snapshot.h"
#include "scheduler/state/store_db.h"
#include "scheduler/state/watchers.h"
#include "weir/base/clock.h"

namespace weir::scheduler {

enum class Table : uint8_t { nodes, jobs, allocs, evals, deployments };
inline constexpr size_t kTables = 5;
/// Where each table's index lives among the meta rows, in the order of Table.
inline constexpr std::string_view kIndexKeys[kTables] = {"index.nodes", "index.jobs", "index.allocs", "index.evals",
                                                         "index.deployments"};

/// Owned by the server; its thread only. Rows are immutable and shared: a pointer read stays valid and does not change.
/// Each committed Transaction moves the global index by one; the index never goes back, restarts included.
class StateStore {
 public:
  /// Loads everything; an unreadable row is an error, not a gap.
  static Result<std::unique_ptr<StateStore>> open(const std::string& path, const Clock& clock);

  [[nodiscard]] uint64_t index() const { return index_; }
  /// Of the last change of any row of the table, deletions included; at least 1.
  [[nodiscard]] uint64_t table_index(Table table) const { return table_index_[static_cast<size_t>(table)]; }

  [[nodiscard]] const std::map<std::string, NodePtr>& nodes() const { return nodes_; }
  [[nodiscard]] const std::map<std::string, JobPtr>& jobs() const { return jobs_; }
  [[nodiscard]] const std::map<std::string, AllocPtr>& allocs() const { return allocs_; }
  [[nodiscard]] const std::map<std::string, EvalPtr>& evals() const { return evals_; }
  [[nodiscard]] const std::map<std::string, DeploymentPtr>& deployments() const { return deployments_; }
  // One row; null when there is none.
  [[nodiscard]] NodePtr node(const std::string& id) const;
  [[nodiscard]] JobPtr job(const std::string& id) const;
  [[nodiscard]] AllocPtr alloc(const std::string& id) const;
  [[nodiscard]] EvalPtr eval(const std::string& id) const;
  [[nodiscard]] DeploymentPtr deployment(const std::string& id) const;
  [[nodiscard]] JobPtr job_version(const JobReference& reference) const;
  /// Stored versions of the job that is there now, newest first.
  [[nodiscard]] std::vector<JobPtr> job_versions(const std::string& job_id) const;
  // By create index, then id.
  [[nodiscard]] std::vector<AllocPtr> allocs_of_job(const std::string& job_id) const;
  [[nodiscard]] std::vector<AllocPtr> allocs_of_node(const std::string& node_id) const;
  [[nodiscard]] std::vector<EvalPtr> evals_of_job(const std::string& job_id) const;
  [[nodiscard]] std::vector<DeploymentPtr> deployments_of_job(const std::string& job_id) const;
  /// The index that the node's agent pulls by (agent_protocol.h): moves when the server changed what it shall run.
  [[nodiscard]] uint64_t pull_index(const std::string& node_id) const;

  [[nodiscard]] Snapshot snapshot(const std::string& job_id) const;
  [[nodiscard]] Watchers& watchers() { return watchers_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  /// Why the last write failed, until one succeeds.
  [[nodiscard]] const std::optional<Error>& write_error() const { return write_error_; }
  [[nodiscard]] const std::map<JobReference, JobPtr>& all_job_versions() const { return versions_; }

 private:
  friend class Transaction;
  StateStore(std::unique_ptr<StoreDb> db, const Clock& clock);
  Status load();
  void link(const AllocPtr& alloc);
  /// The operator's log tells when writing begins to fail and when it works again; callers hear of each failure.
  void note_write(const Status& written);

  const Clock& clock_;
  std::unique_ptr<StoreDb> db_;
  std::optional<Error> write_error_;
  uint64_t index_ = 1;
  uint64_t table_index_[kTables] = {1, 1, 1, 1, 1};
  std::map<std::string, NodePtr> nodes_;
  std::map<std::string, JobPtr> jobs_;
  std::map<JobReference, JobPtr> versions_;
  std::map<std::string, AllocPtr> allocs_;
  std::map<std::string, EvalPtr> evals_;
  std::map<std::string, DeploymentPtr> deployments_;
  using IdsByOwner = std::map<std::string, std::set<std::string>>;
  IdsByOwner allocs_by_job_;
  IdsByOwner allocs_by_node_;
  IdsByOwner evals_by_job_;
  IdsByOwner deployments_by_job_;
  std::map<std::string, uint64_t> pull_index_;
  uint64_t pull_index_floor_ = 1;
  Watchers watchers_;
};

/// Keys for Watchers.
namespace watch_key {
inline const std::string kNodes = "nodes";
inline const std::string kJobs = "jobs";
inline const std::string kAllocs = "allocs";
inline const std::string kEvals = "evals";
inline const std::string kDeployments = "deployments";
inline std::string node(const std::string& id) { return "node/" + id; }
inline std::string job(const std::string& id) { return "job/" + id; }
inline std::string alloc(const std::string& id) { return "alloc/" + id; }
inline std::string eval(const std::string& id) { return "eval/" + id; }
inline std::string deployment(const std::string& id) { return "deployment/" + id; }
inline std::string job_allocs(const std::string& id) { return "job-allocs/" + id; }
inline std::string node_allocs(const std::string& id) { return "node-allocs/" + id; }
inline std::string job_evals(const std::string& id) { return "job-evals/" + id; }
inline std::string job_deployments(const std::string& id) { return "job-deployments/" + id; }
inline std::string pull(const std::string& node_id) { return "pull/" + node_id; }
}  // namespace watch_key

}  // namespace weir::scheduler

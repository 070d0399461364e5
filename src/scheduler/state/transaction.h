#pragma once
// One change of the state: rows staged, then written and shown at once or not at all.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/state/state_store.h"

namespace weir::scheduler {

/// Lives on the stack of one call. Only one at a time. Reads see what was put. Dropped without commit(): nothing
/// happened.
class Transaction {
 public:
  explicit Transaction(StateStore& store);

  /// The index that every row of this transaction gets.
  [[nodiscard]] uint64_t index() const { return index_; }
  [[nodiscard]] int64_t now_ns() const { return now_ns_; }
  /// As it was before this transaction.
  [[nodiscard]] const StateStore& store() const { return store_; }

  [[nodiscard]] NodePtr node(const std::string& id) const;
  [[nodiscard]] JobPtr job(const std::string& id) const;
  [[nodiscard]] AllocPtr alloc(const std::string& id) const;
  [[nodiscard]] EvalPtr eval(const std::string& id) const;
  [[nodiscard]] DeploymentPtr deployment(const std::string& id) const;
  [[nodiscard]] std::vector<AllocPtr> allocs_of_job(const std::string& job_id) const;
  [[nodiscard]] std::vector<EvalPtr> evals_of_job(const std::string& job_id) const;

  // Set the modify index, and the create index and times of a row that is new.
  void put(Node node);
  /// The job as it is now. Its status is worked out at commit.
  void put(Job job);
  /// A version to keep, as the job stands now: allocations refer to it.
  void put_version(Job job);
  enum class By : uint8_t { server, agent };
  /// `by` server: the agent's pull index moves too.
  void put(Allocation alloc, By by);
  void put(Evaluation eval);
  void put(Deployment deployment);
  void erase_node(const std::string& id);
  void erase_job(const std::string& id);
  void erase_version(const JobReference& reference);
  void erase_alloc(const std::string& id);
  void erase_eval(const std::string& id);
  void erase_deployment(const std::string& id);

  [[nodiscard]] bool empty() const;
  /// Writes to disk, then to memory, then wakes watchers. After an error the state is as before.
  Status commit();

 private:
  template <typename Row>
  using Staged = std::map<std::string, std::shared_ptr<const Row>>;  // null: erased

  void refresh_job_statuses();
  void touch_successor(const Allocation& ended);
  [[nodiscard]] std::vector<RowChange> row_changes() const;
  void show();
  void show_allocs();
  void note(Table table);

  StateStore& store_;
  uint64_t index_;
  int64_t now_ns_;
  Staged<Node> nodes_;
  Staged<Job> jobs_;
  std::map<JobReference, JobPtr> versions_;
  Staged<Allocation> allocs_;
  Staged<Evaluation> evals_;
  Staged<Deployment> deployments_;
  std::set<std::string> touched_jobs_;
  std::set<std::string> keys_;
  std::set<Table> tables_;
  std::set<std::string> pulled_nodes_;
};

}  // namespace weir::scheduler

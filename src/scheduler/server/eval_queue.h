#pragma once
// Evaluations from their birth to their end: which run now, which wait for a time or for room, and what a plan does to
// the state.

#include <cstdint>
#include <string>
#include <string_view>

#include "scheduler/state/transaction.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

/// A new evaluation of a job, put into the transaction. Returns its id.
std::string add_eval(Transaction& txn, const Job& job, std::string_view trigger, std::string deployment_id = "");
/// As add_eval(), unless one that has not run yet and waits for nothing is there already: its id then.
std::string ensure_eval(Transaction& txn, const Job& job, std::string_view trigger, std::string deployment_id = "");
/// For a job that may be gone (purged): what runs of it must be looked at all the same.
std::string ensure_eval_of(Transaction& txn, const std::string& job_id, std::string_view trigger);

/// Writes what a plan decided, and ends its evaluation. Deterministic but for the time.
void apply_plan(Transaction& txn, const Plan& plan, const Evaluation& evaluation);

/// Runs evaluations one after the other: highest priority first, then the oldest. Since one thread owns the state, at
/// most one of a job is ever under way and a plan cannot be stale when it is applied. Owned by Core; its thread.
class EvalQueue {
 public:
  explicit EvalQueue(StateStore& store);

  /// Room may have appeared: a node came, an allocation ended. Those blocked are looked at again in the next run().
  void note_capacity() { capacity_changed_ = true; }
  /// Runs what is due, at most kEvalsPerTurnMax. True when more is due.
  bool run();
  /// When the next waiting evaluation is due, wall time; 0: none waits.
  [[nodiscard]] int64_t next_due_ns() const { return next_due_ns_; }

  static constexpr size_t kEvalsPerTurnMax = 64;

 private:
  void unblock();
  /// False: nothing of it could be written; it is still pending.
  bool run_one(const Evaluation& evaluation);
  bool give_up(const Evaluation& evaluation, const std::string& reason);

  StateStore& store_;
  bool capacity_changed_ = false;
  int64_t next_due_ns_ = 0;
  uint64_t scanned_index_ = 0;
};

}  // namespace weir::scheduler

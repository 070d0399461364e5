#include "scheduler/server/eval_queue.h"

#include <algorithm>
#include <tuple>

#include "scheduler/plan/planner.h"
#include "weir/base/log.h"
#include "weir/base/random.h"

namespace weir::scheduler {

std::string add_eval(Transaction& txn, const Job& job, std::string_view trigger, std::string deployment_id) {
  Evaluation eval;
  eval.id = make_uuid();
  eval.priority = static_cast<int32_t>(job.priority.value());
  eval.type = job.type;
  eval.triggered_by = std::string(trigger);
  eval.job_id = job.id;
  eval.job_modify_index = job.job_modify_index;
  eval.deployment_id = std::move(deployment_id);
  std::string id = eval.id;
  txn.put(std::move(eval));
  return id;
}

namespace {

EvalPtr waiting_for_nothing(const Transaction& txn, const std::string& job_id) {
  for (const EvalPtr& eval : txn.evals_of_job(job_id)) {
    if (eval->status == EvalStatus::pending && eval->wait_until_ns <= txn.now_ns()) return eval;
  }
  return nullptr;
}

}  // namespace

std::string ensure_eval(Transaction& txn, const Job& job, std::string_view trigger, std::string deployment_id) {
  if (EvalPtr present = waiting_for_nothing(txn, job.id)) return present->id;
  return add_eval(txn, job, trigger, std::move(deployment_id));
}

std::string ensure_eval_of(Transaction& txn, const std::string& job_id, std::string_view trigger) {
  if (JobPtr job = txn.job(job_id)) return ensure_eval(txn, *job, trigger);
  if (EvalPtr present = waiting_for_nothing(txn, job_id)) return present->id;
  Job gone;
  gone.id = job_id;
  gone.type = "service";
  gone.priority = int64_t{50};
  return add_eval(txn, gone, trigger);
}

EvalQueue::EvalQueue(StateStore& store) : store_(store) {}

void EvalQueue::unblock() {
  capacity_changed_ = false;
  Transaction txn(store_);
  for (const auto& [id, row] : store_.evals()) {
    if (row->status != EvalStatus::blocked) continue;
    Evaluation eval = *row;
    eval.status = EvalStatus::pending;
    txn.put(std::move(eval));
  }
  if (auto status = txn.commit(); !status) {
    capacity_changed_ = true;
    log::error("evaluations not unblocked", {{"error", status.error()}});
  }
}

bool EvalQueue::run() {
  if (capacity_changed_) unblock();
  int64_t now_ns = store_.clock().wall_ns();
  bool unchanged = scanned_index_ == store_.table_index(Table::evals);
  if (unchanged && (next_due_ns_ == 0 || next_due_ns_ > now_ns)) return false;
  std::vector<EvalPtr> due;
  next_due_ns_ = 0;
  for (const auto& [id, eval] : store_.evals()) {
    if (eval->status != EvalStatus::pending) continue;
    if (eval->wait_until_ns <= now_ns) {
      due.push_back(eval);
    } else if (next_due_ns_ == 0 || eval->wait_until_ns < next_due_ns_) {
      next_due_ns_ = eval->wait_until_ns;
    }
  }
  scanned_index_ = store_.table_index(Table::evals);
  std::sort(due.begin(), due.end(), [](const EvalPtr& a, const EvalPtr& b) {
    return std::make_tuple(-a->priority, a->create_index, std::string_view(a->id)) <
           std::make_tuple(-b->priority, b->create_index, std::string_view(b->id));
  });
  size_t count = std::min(due.size(), kEvalsPerTurnMax);
  for (size_t i = 0; i < count; ++i) {
    if (run_one(*due[i])) continue;
    scanned_index_ = 0;  // nothing can be written: the next turn tries again, and nobody shall wait for that
    return false;
  }
  return store_.table_index(Table::evals) != scanned_index_ || count < due.size();
}

bool EvalQueue::run_one(const Evaluation& evaluation) {
  Plan decided = plan(store_.snapshot(evaluation.job_id), evaluation, store_.clock().wall_ns());
  Transaction txn(store_);
  apply_plan(txn, decided, evaluation);
  auto status = txn.commit();
  return status || give_up(evaluation, status.error().text());
}

// Every evaluation must end: clients wait for it. The store says itself that it cannot be written.
bool EvalQueue::give_up(const Evaluation& evaluation, const std::string& reason) {
  Transaction txn(store_);
  Evaluation failed = evaluation;
  failed.status = EvalStatus::failed;
  failed.status_description = "plan not applied: " + reason;
  txn.put(std::move(failed));
  if (!txn.commit()) return false;
  log::error("plan not applied", {{"evaluation", evaluation.id}, {"job", evaluation.job_id}, {"error", reason}});
  return true;
}

}  // namespace weir::scheduler

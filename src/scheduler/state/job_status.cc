#include "scheduler/state/job_status.h"

#include <algorithm>

namespace weir::scheduler {

std::string derive_job_status(const Job& job, const std::vector<AllocPtr>& allocs, const std::vector<EvalPtr>& evals) {
  bool alive = std::any_of(allocs.begin(), allocs.end(), [](const AllocPtr& a) { return !a->terminal(); });
  // Stopping ones still run until their agents say so.
  bool ending = std::any_of(allocs.begin(), allocs.end(), [](const AllocPtr& a) { return !a->client_terminal(); });
  if (job.stop) return ending ? "running" : "dead";
  if (alive) return "running";
  bool considered = std::any_of(evals.begin(), evals.end(), [](const EvalPtr& e) { return !e->terminal(); });
  if (considered) return "pending";
  if (job.type == "system") return "running";
  return allocs.empty() ? "pending" : "dead";
}

JobSummary summarize_job(const Job& job, const std::vector<AllocPtr>& allocs, const std::vector<EvalPtr>& evals) {
  JobSummary summary{.modify_index = job.modify_index};
  for (const TaskGroup& group : job.task_groups) summary.groups[group.name];
  for (const AllocPtr& a : allocs) {
    if (a->job->create_index != job.create_index) continue;
    summary.modify_index = std::max(summary.modify_index, a->modify_index);
    GroupSummary& group = summary.groups[a->task_group];
    switch (a->client_status) {
      case ClientStatus::pending: ++group.starting; break;
      case ClientStatus::running: ++group.running; break;
      case ClientStatus::complete: ++group.complete; break;
      case ClientStatus::failed: ++group.failed; break;
      case ClientStatus::lost: ++group.lost; break;
      case ClientStatus::unknown: ++group.unknown; break;
    }
  }
  const Evaluation* newest = nullptr;
  for (const EvalPtr& e : evals) {
    bool planned = e->status == EvalStatus::complete || e->status == EvalStatus::blocked;
    if (planned && (newest == nullptr || e->modify_index > newest->modify_index)) newest = e.get();
  }
  if (newest == nullptr || job.stop) return summary;
  for (const auto& [group, queued] : newest->queued_allocations) {
    auto it = summary.groups.find(group);
    if (it != summary.groups.end()) it->second.queued = queued;
  }
  return summary;
}

}  // namespace weir::scheduler

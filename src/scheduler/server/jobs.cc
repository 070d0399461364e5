#include "scheduler/server/jobs.h"

#include <algorithm>

#include "scheduler/job_rules.h"
#include "scheduler/plan/planner.h"
#include "scheduler/server/deployments.h"
#include "scheduler/server/eval_queue.h"
#include "weir/base/log.h"
#include "weir/base/random.h"

namespace weir::scheduler {
namespace {

Error job_not_found() { return {.code = ErrorCode::not_found, .message = "job not found"}; }

Result<JobOutcome> finish(Transaction& txn, const Job& job, std::string_view trigger, std::string warnings = "") {
  JobOutcome outcome;
  outcome.eval_id = add_eval(txn, job, trigger);
  outcome.eval_create_index = txn.index();
  outcome.job_modify_index = job.job_modify_index;
  outcome.warnings = std::move(warnings);
  if (auto status = txn.commit(); !status) return fail(status.error());
  return outcome;
}

void keep_counts(const Job& current, Job& job) {
  for (TaskGroup& group : job.task_groups) {
    if (const TaskGroup* stored = current.find_group(group.name)) group.count = stored->count;
  }
}

}  // namespace

Result<std::string> Jobs::prepare(Job& job) const {
  clear_server_fields(job);
  canonicalize(job);
  JobVerdict verdict = validate(job);
  if (!verdict.ok()) return fail(ErrorCode::invalid, verdict.error_text());
  JobPtr current = store_.job(job.id);
  if (current != nullptr && current->type != job.type) {
    return fail(ErrorCode::invalid, "cannot update job from type \"" + current->type + "\" to \"" + job.type + "\"");
  }
  return verdict.warning_text();
}

Status Jobs::check_index(const JobPtr& current, const RegisterOptions& options, const std::string& id) const {
  if (!options.enforce_index) return {};
  std::string prefix = "Enforcing job modify index " + std::to_string(options.job_modify_index) + ": ";
  if (current == nullptr) {
    if (options.job_modify_index == 0) return {};
    return fail(ErrorCode::conflict, prefix + "job does not exist");
  }
  if (options.job_modify_index == 0) return fail(ErrorCode::conflict, prefix + "job already exists");
  if (current->job_modify_index == options.job_modify_index) return {};
  log::debug("job refused", {{"job", id}, {"reason", "index"}});
  return fail(ErrorCode::conflict,
              prefix + "job exists with conflicting job modify index: " + std::to_string(current->job_modify_index));
}

Result<JobOutcome> Jobs::put(Job job, const RegisterOptions& options) {
  auto warnings = prepare(job);
  if (!warnings) return fail(warnings.error());
  JobPtr current = store_.job(job.id);
  if (auto status = check_index(current, options, job.id); !status) return fail(status.error());
  if (options.preserve_counts && current != nullptr) keep_counts(*current, job);
  Transaction txn(store_);
  bool same = current != nullptr && !current->stop && !spec_changed(*current, job);
  Job stored = same ? *current : put_next_version(txn, job);
  if (options.eval_priority > 0) stored.priority = int64_t{options.eval_priority};
  auto outcome = finish(txn, stored, "job-register", std::move(*warnings));
  if (outcome && !same) log::info("job registered", {{"job", stored.id}, {"version", stored.version}});
  return outcome;
}

Result<PlanOutcome> Jobs::plan_change(Job job, bool with_diff) const {
  auto warnings = prepare(job);
  if (!warnings) return fail(warnings.error());
  Snapshot snapshot = store_.snapshot(job.id);
  JobPtr current = snapshot.job;
  PlanOutcome outcome;
  outcome.warnings = std::move(*warnings);
  outcome.job_modify_index = current == nullptr ? 0 : current->job_modify_index;
  bool same = current != nullptr && !current->stop && !spec_changed(*current, job);
  if (with_diff) outcome.diff = diff_jobs(current == nullptr || current->stop ? nullptr : current.get(), job);
  if (!same) {
    job.version = current == nullptr ? 0 : current->version + 1;
    job.create_index = current == nullptr ? snapshot.index + 1 : current->create_index;
    job.job_modify_index = snapshot.index + 1;
    snapshot.job = std::make_shared<const Job>(job);
  }
  Evaluation evaluation;
  evaluation.id = make_uuid();
  evaluation.priority = static_cast<int32_t>(job.priority.value());
  evaluation.type = job.type;
  evaluation.triggered_by = "job-register";
  evaluation.job_id = job.id;
  outcome.plan = plan(snapshot, evaluation, store_.clock().wall_ns());
  if (with_diff) annotate(outcome.diff, outcome.plan.desired_updates);
  return outcome;
}

Result<JobOutcome> Jobs::stop(const std::string& id, bool purge) {
  JobPtr current = store_.job(id);
  if (current == nullptr) return fail(job_not_found());
  Transaction txn(store_);
  Job job = *current;
  job.stop = true;
  job.job_modify_index = txn.index();
  if (purge) {
    txn.erase_job(id);
  } else {
    txn.put(job);
  }
  auto outcome = finish(txn, job, "job-deregister");
  if (outcome) log::info("job stopped", {{"job", id}, {"purge", purge}});
  return outcome;
}

bool Jobs::has_active_deployment(const std::string& job_id) const {
  auto deployments = store_.deployments_of_job(job_id);
  return std::any_of(deployments.begin(), deployments.end(), [](const DeploymentPtr& d) { return d->active(); });
}

Result<JobOutcome> Jobs::scale(const std::string& id, const ScaleRequest& request) {
  JobPtr current = store_.job(id);
  if (current == nullptr) return fail(job_not_found());
  Job job = *current;
  auto group = std::find_if(job.task_groups.begin(), job.task_groups.end(), [&](const TaskGroup& candidate) {
    return candidate.name == request.group || (request.group.empty() && job.task_groups.size() == 1);
  });
  if (group == job.task_groups.end()) {
    return fail(ErrorCode::invalid, "task group \"" + request.group + "\" does not exist in job");
  }
  if (!request.count) return evaluate(id);
  int64_t count = *request.count;
  constexpr int64_t kCountMax = 100'000;
  if (count < 0) return fail(ErrorCode::invalid, "scaling action count can't be negative");
  if (count > kCountMax) return fail(ErrorCode::invalid, "count must be at most " + std::to_string(kCountMax));
  if (job.type == "system" && count > 1) return fail(ErrorCode::invalid, "count of a system job can't be above 1");
  if (group->scaling) {
    const Scaling& limits = *group->scaling;
    if (limits.max.given() && count > limits.max.value()) {
      return fail(ErrorCode::invalid, "group count was greater than scaling policy maximum: " + std::to_string(count) +
                                          " > " + std::to_string(limits.max.value()));
    }
    if (limits.min.given() && count < limits.min.value()) {
      return fail(ErrorCode::invalid, "group count was less than scaling policy minimum: " + std::to_string(count) +
                                          " < " + std::to_string(limits.min.value()));
    }
  }
  if (request.job_modify_index && *request.job_modify_index != current->job_modify_index) {
    return fail(ErrorCode::conflict,
                "Enforcing job modify index " + std::to_string(*request.job_modify_index) +
                    ": job exists with conflicting job modify index: " + std::to_string(current->job_modify_index));
  }
  if (has_active_deployment(id)) return fail(ErrorCode::invalid, "job scaling blocked due to active deployment");
  if (count == group->count.value() && !current->stop) return evaluate(id);
  Transaction txn(store_);
  group->count = count;
  Job stored = put_next_version(txn, job);
  auto outcome = finish(txn, stored, "job-scaling");
  if (outcome) log::info("job scaled", {{"job", id}, {"group", group->name}, {"count", count}});
  return outcome;
}

Result<JobOutcome> Jobs::revert(const std::string& id, uint64_t version,
                                std::optional<uint64_t> enforce_prior_version) {
  JobPtr current = store_.job(id);
  if (current == nullptr) return fail(job_not_found());
  if (enforce_prior_version && *enforce_prior_version != current->version) {
    return fail(ErrorCode::invalid, "Current job has version " + std::to_string(current->version) +
                                        "; enforcing version " + std::to_string(*enforce_prior_version));
  }
  if (version == current->version) {
    return fail(ErrorCode::invalid, "can't revert to current version");
  }
  JobPtr target = store_.job_version({.job_id = id, .create_index = current->create_index, .version = version});
  if (target == nullptr) {
    return fail(ErrorCode::not_found, "job \"" + id + "\" at version " + std::to_string(version) + " not found");
  }
  Transaction txn(store_);
  Job stored = put_next_version(txn, *target);
  auto outcome = finish(txn, stored, "job-register");
  if (outcome) log::info("job reverted", {{"job", id}, {"to", version}, {"version", stored.version}});
  return outcome;
}

Result<JobOutcome> Jobs::evaluate(const std::string& id) {
  JobPtr current = store_.job(id);
  if (current == nullptr) return fail(job_not_found());
  Transaction txn(store_);
  return finish(txn, *current, "job-register");
}

}  // namespace weir::scheduler

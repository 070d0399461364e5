#pragma once
// What users do with jobs: register, plan, stop, scale, revert, evaluate. Each is one transaction; its evaluation is
// run afterwards by the EvalQueue.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/job_diff.h"
#include "scheduler/state/transaction.h"
#include "weir/base/result.h"

namespace weir::scheduler {

struct RegisterOptions {
  bool enforce_index = false;
  uint64_t job_modify_index = 0;  // what the stored job must have; 0: it must not exist
  bool preserve_counts = false;   // groups that exist keep their stored count
  int32_t eval_priority = 0;      // 0: the job's
};

struct JobOutcome {
  std::string eval_id;
  uint64_t eval_create_index = 0;
  uint64_t job_modify_index = 0;
  std::string warnings = {};
};

struct PlanOutcome {
  JobDiff diff;  // annotated; type none and empty where it was not asked for
  Plan plan;
  uint64_t job_modify_index = 0;  // of the stored job; 0: it is new
  std::string warnings = {};
};

struct ScaleRequest {
  std::string group;             // "" = the only one
  std::optional<int64_t> count;  // nothing: only evaluate
  std::optional<uint64_t> job_modify_index = {};
};

/// Owned by Core; its thread. Errors: `invalid` 400, `not_found` 404, `conflict` 500 with the text that clients expect.
class Jobs {
 public:
  explicit Jobs(StateStore& store) : store_(store) {}

  /// `job` as the user sent it; it is completed and checked here.
  Result<JobOutcome> put(Job job, const RegisterOptions& options);
  /// What put() would do. Changes nothing.
  Result<PlanOutcome> plan_change(Job job, bool with_diff) const;
  Result<JobOutcome> stop(const std::string& id, bool purge);
  Result<JobOutcome> scale(const std::string& id, const ScaleRequest& request);
  Result<JobOutcome> revert(const std::string& id, uint64_t version, std::optional<uint64_t> enforce_prior_version);
  Result<JobOutcome> evaluate(const std::string& id);

 private:
  /// Completed and checked, with the warnings; an error that lists everything that is wrong.
  Result<std::string> prepare(Job& job) const;
  Status check_index(const JobPtr& current, const RegisterOptions& options, const std::string& id) const;
  [[nodiscard]] bool has_active_deployment(const std::string& job_id) const;

  StateStore& store_;
};

}  // namespace weir::scheduler

#pragma once
// What the server does with a job before it believes it. Pure.

#include <string>
#include <vector>

#include "weir/scheduler/job.h"

namespace weir::scheduler {

/// Fills everything that was not given with Nomad's defaults and merges job-level policies into the groups, and the
/// groups' restart policy into the tasks. Does it once: a second call changes nothing.
void canonicalize(Job& job);

/// One thing wrong or doubtful, at a field's JSON path: "TaskGroups[web].Tasks[srv].Driver".
struct JobFinding {
  std::string field;
  std::string message;
  bool operator==(const JobFinding&) const = default;
};

struct JobVerdict {
  std::vector<JobFinding> errors;    // refuse the job; all of them, not only the first
  std::vector<JobFinding> warnings;  // tell the user
  [[nodiscard]] bool ok() const { return errors.empty(); }
  /// "2 errors occurred:\n\t* field: message\n..." as the CLI prints it; "" when there is none.
  [[nodiscard]] std::string error_text() const;
  [[nodiscard]] std::string warning_text() const;
};

/// Expects a canonical job (but survives any).
JobVerdict validate(const Job& job);

/// Sets what only the server decides back to its start: for a job that comes from a user.
void clear_server_fields(Job& job);

/// Whether anything differs that the user can write. Both canonical. Server fields and `stop` do not count.
bool spec_changed(const Job& before, const Job& after);

}  // namespace weir::scheduler

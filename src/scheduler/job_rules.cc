#include "scheduler/job_rules.h"

namespace weir::scheduler {
namespace {

std::string list_text(const std::vector<JobFinding>& findings, const std::string& head) {
  std::string out = head;
  for (const JobFinding& finding : findings) out += "\n\t* " + finding.field + ": " + finding.message;
  return out;
}

std::string counted(size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

}  // namespace

std::string JobVerdict::error_text() const {
  return errors.empty() ? "" : list_text(errors, counted(errors.size(), "error") + " occurred:");
}

std::string JobVerdict::warning_text() const {
  return warnings.empty() ? "" : list_text(warnings, counted(warnings.size(), "warning") + ":");
}

void clear_server_fields(Job& job) {
  job.stop = false;
  job.status.clear();
  job.status_description.clear();
  job.stable = false;
  job.version = 0;
  job.submit_time_ns = 0;
  job.create_index = 0;
  job.modify_index = 0;
  job.job_modify_index = 0;
}

bool spec_changed(const Job& before, const Job& after) {
  Job a = before;
  Job b = after;
  for (Job* job : {&a, &b}) {
    clear_server_fields(*job);
    job->not_modelled.clear();
    // Merged into the groups, where they are compared.
    job->update.reset();
    job->reschedule.reset();
    job->migrate.reset();
  }
  return a != b;
}

}  // namespace weir::scheduler

#pragma once
// A struct of the job flattened by the table in job_fields.h into named texts and nested objects, ready to compare.

#include <optional>
#include <string>
#include <vector>

#include "scheduler/job_diff.h"
#include "weir/scheduler/job.h"

namespace weir::scheduler {

struct JobTree {
  struct Leaf {
    std::string name;
    std::string text;  // "" = not given
    ChangeClass change;
    bool is_member = false;  // one item of a set of texts: told apart by its text, not by its name
  };
  std::string name;  // "Service"
  std::string key;   // which of several of that name; "" = told apart by content only
  std::vector<Leaf> leaves;
  std::vector<JobTree> objects;
  ChangeClass change = ChangeClass::none;  // of adding or removing it whole
};

/// The job without its groups, a group without its tasks, a task. Names that identify them are left out.
JobTree tree_of(const Job& job);
JobTree tree_of(const TaskGroup& group);
JobTree tree_of(const Task& task);

/// Nothing when both are alike. Either may be null, not both.
std::optional<ObjectDiff> diff_trees(const JobTree* before, const JobTree* after);

}  // namespace weir::scheduler

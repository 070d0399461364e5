#include "weir/scheduler/job.h"

namespace weir::scheduler {

const Task* TaskGroup::find_task(const std::string& task_name) const {
  for (const Task& task : tasks) {
    if (task.name == task_name) return &task;
  }
  return nullptr;
}

const TaskGroup* Job::find_group(const std::string& group_name) const {
  for (const TaskGroup& group : task_groups) {
    if (group.name == group_name) return &group;
  }
  return nullptr;
}

}  // namespace weir::scheduler

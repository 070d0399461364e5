#include "scheduler/job_diff.h"

#include <algorithm>
#include <utility>

#include "scheduler/job_tree.h"

namespace weir::scheduler {
namespace {

/// Job and group meta reach the task under its own: only what comes out counts.
TextMap merged_meta(const Job& job, const TaskGroup& group, const Task& task) {
  TextMap meta = job.meta;
  for (const auto& [key, value] : group.meta) meta[key] = value;
  for (const auto& [key, value] : task.meta) meta[key] = value;
  return meta;
}

struct GroupSide {
  const Job* job = nullptr;
  const TaskGroup* group = nullptr;
};

TaskDiff diff_task(const GroupSide& before, const Task* old_task, const GroupSide& after, const Task* new_task) {
  JobTree old_tree = old_task == nullptr ? JobTree{} : tree_of(*old_task);
  JobTree new_tree = new_task == nullptr ? JobTree{} : tree_of(*new_task);
  auto parts = diff_trees(old_task == nullptr ? nullptr : &old_tree, new_task == nullptr ? nullptr : &new_tree);
  TaskDiff diff;
  diff.name = old_task == nullptr ? new_task->name : old_task->name;
  if (parts) {
    diff.type = parts->type;
    diff.fields = std::move(parts->fields);
    diff.objects = std::move(parts->objects);
    diff.change = parts->change;
  }
  bool is_whole = old_task == nullptr || new_task == nullptr;
  bool meta_differs = !is_whole && merged_meta(*before.job, *before.group, *old_task) !=
                                       merged_meta(*after.job, *after.group, *new_task);
  if (is_whole || meta_differs) diff.change = ChangeClass::destructive;
  return diff;
}

void diff_tasks(const GroupSide& before, const GroupSide& after, TaskGroupDiff& diff) {
  auto add = [&](const Task* old_task, const Task* new_task) {
    TaskDiff task = diff_task(before, old_task, after, new_task);
    diff.change = std::max(diff.change, task.change);
    if (task.type != DiffType::none) diff.tasks.push_back(std::move(task));
  };
  if (before.group != nullptr) {
    for (const Task& task : before.group->tasks) {
      add(&task, after.group == nullptr ? nullptr : after.group->find_task(task.name));
    }
  }
  if (after.group != nullptr) {
    for (const Task& task : after.group->tasks) {
      if (before.group == nullptr || before.group->find_task(task.name) == nullptr) add(nullptr, &task);
    }
  }
  std::stable_sort(diff.tasks.begin(), diff.tasks.end(),
                   [](const TaskDiff& a, const TaskDiff& b) { return a.name < b.name; });
}

TaskGroupDiff diff_group(const GroupSide& before, const GroupSide& after) {
  JobTree old_tree = before.group == nullptr ? JobTree{} : tree_of(*before.group);
  JobTree new_tree = after.group == nullptr ? JobTree{} : tree_of(*after.group);
  auto parts = diff_trees(before.group == nullptr ? nullptr : &old_tree, after.group == nullptr ? nullptr : &new_tree);
  TaskGroupDiff diff;
  diff.name = before.group == nullptr ? after.group->name : before.group->name;
  if (parts) {
    diff.type = parts->type;
    diff.fields = std::move(parts->fields);
    diff.objects = std::move(parts->objects);
    diff.change = parts->change;
  }
  bool is_whole = before.group == nullptr || after.group == nullptr;
  if (is_whole) diff.change = ChangeClass::destructive;
  diff_tasks(before, after, diff);
  if (!diff.tasks.empty() && !is_whole) diff.type = DiffType::edited;
  return diff;
}

/// The job's own fields, without groups.
std::optional<ObjectDiff> diff_own_fields(const Job* before, const Job& after) {
  JobTree new_tree = tree_of(after);
  if (before == nullptr) return diff_trees(nullptr, &new_tree);
  JobTree old_tree = tree_of(*before);
  return diff_trees(&old_tree, &new_tree);
}

void annotate_count(TaskGroupDiff& group) {
  for (FieldDiff& field : group.fields) {
    if (field.name != "Count") continue;
    // A field that is added or deleted has no text on one side: that counts as 0.
    int64_t before = field.before.empty() ? 0 : std::stoll(field.before);
    int64_t after = field.after.empty() ? 0 : std::stoll(field.after);
    field.annotations.emplace_back(after > before ? "forces create" : "forces destroy");
  }
}

void annotate_tasks(TaskGroupDiff& group) {
  for (TaskDiff& task : group.tasks) {
    if (group.type == DiffType::added) {
      task.annotations.emplace_back("forces create");
    } else if (group.type == DiffType::deleted) {
      task.annotations.emplace_back("forces destroy");
    } else if (task.change == ChangeClass::destructive) {
      task.annotations.emplace_back("forces create/destroy update");
    } else {
      task.annotations.emplace_back("forces in-place update");
    }
  }
}

}  // namespace

JobDiff diff_jobs(const Job* before, const Job& after) {
  JobDiff diff;
  diff.id = after.id;
  ChangeClass job_change = ChangeClass::none;
  if (auto parts = diff_own_fields(before, after)) {
    diff.type = parts->type;
    job_change = parts->change;
    diff.fields = std::move(parts->fields);
    diff.objects = std::move(parts->objects);
  }
  auto add = [&](const TaskGroup* old_group, const TaskGroup* new_group) {
    TaskGroupDiff group = diff_group(GroupSide{before, old_group}, GroupSide{&after, new_group});
    group.change = std::max(group.change, job_change);
    if (group.type != DiffType::none && diff.type == DiffType::none) diff.type = DiffType::edited;
    diff.task_groups.push_back(std::move(group));
  };
  if (before != nullptr) {
    for (const TaskGroup& group : before->task_groups) add(&group, after.find_group(group.name));
  }
  for (const TaskGroup& group : after.task_groups) {
    if (before == nullptr || before->find_group(group.name) == nullptr) add(nullptr, &group);
  }
  std::stable_sort(diff.task_groups.begin(), diff.task_groups.end(),
                   [](const TaskGroupDiff& a, const TaskGroupDiff& b) { return a.name < b.name; });
  return diff;
}

ChangeClass classify_group(const Job& before, const Job& after, const std::string& name) {
  const TaskGroup* old_group = before.find_group(name);
  const TaskGroup* new_group = after.find_group(name);
  if (old_group == nullptr || new_group == nullptr) return ChangeClass::destructive;
  auto own = diff_own_fields(&before, after);
  ChangeClass job_change = own ? own->change : ChangeClass::none;
  return std::max(job_change, diff_group(GroupSide{&before, old_group}, GroupSide{&after, new_group}).change);
}

void annotate(JobDiff& diff, const std::map<std::string, DesiredUpdates>& desired) {
  for (TaskGroupDiff& group : diff.task_groups) {
    annotate_count(group);
    annotate_tasks(group);
    auto found = desired.find(group.name);
    if (found == desired.end()) continue;
    const DesiredUpdates& updates = found->second;
    auto add = [&](const char* name, uint64_t count) {
      if (count > 0) group.updates[name] = count;
    };
    add("create", updates.place);
    add("destroy", updates.stop);
    add("migrate", updates.migrate);
    add("canary", updates.canary);
    add("in-place update", updates.in_place_update);
    add("create/destroy update", updates.destructive_update);
    add("ignore", updates.ignore);
  }
}

std::string_view to_string(DiffType type) {
  switch (type) {
    case DiffType::none: return "None";
    case DiffType::added: return "Added";
    case DiffType::deleted: return "Deleted";
    case DiffType::edited: return "Edited";
  }
  return "None";
}

}  // namespace weir::scheduler

#pragma once
// What changes between two versions of a job: the tree `job plan` prints, and how hard it hits what runs. Pure.
// Both come from one walk over one table of fields (job_fields.h), so the plan and the scheduler cannot disagree.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weir/scheduler/job.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

enum class DiffType : uint8_t { none, added, deleted, edited };

/// What a change needs of an allocation that runs. Ordered: the greater wins.
enum class ChangeClass : uint8_t {
  none,         // nothing an allocation would notice
  in_place,     // the allocation goes on under the new version
  destructive,  // stop it and start another
};

struct FieldDiff {
  DiffType type = DiffType::none;
  std::string name;  // "Count", "Env[FOO]", "args[0]"
  std::string before;
  std::string after;
  std::vector<std::string> annotations;
  ChangeClass change = ChangeClass::none;
};

struct ObjectDiff {
  DiffType type = DiffType::none;
  std::string name;  // "Service", "Config", "Constraint", ...
  std::vector<FieldDiff> fields;
  std::vector<ObjectDiff> objects;
  ChangeClass change = ChangeClass::none;  // the greatest in it
};

struct TaskDiff {
  DiffType type = DiffType::none;
  std::string name;
  std::vector<FieldDiff> fields;
  std::vector<ObjectDiff> objects;
  std::vector<std::string> annotations;
  ChangeClass change = ChangeClass::none;
};

struct TaskGroupDiff {
  DiffType type = DiffType::none;
  std::string name;
  std::vector<FieldDiff> fields;
  std::vector<ObjectDiff> objects;
  std::vector<TaskDiff> tasks;
  std::map<std::string, uint64_t> updates;  // "create" -> 2; filled by annotate()
  ChangeClass change = ChangeClass::none;   // the greatest in it, tasks included
};

struct JobDiff {
  DiffType type = DiffType::none;
  std::string id;
  std::vector<FieldDiff> fields;
  std::vector<ObjectDiff> objects;
  std::vector<TaskGroupDiff> task_groups;
};

/// `before` may be null: everything is added then. Both canonical.
JobDiff diff_jobs(const Job* before, const Job& after);

/// How an allocation of group `name` in `before` gets to `after`. A group missing from either side is destructive;
/// a change of datacenters, node pool or constraints is in_place here: whether the node still fits is the planner's.
ChangeClass classify_group(const Job& before, const Job& after, const std::string& name);

/// Writes the planner's counts and the "forces create/destroy update" remarks into the diff.
void annotate(JobDiff& diff, const std::map<std::string, DesiredUpdates>& desired);

std::string_view to_string(DiffType type);

}  // namespace weir::scheduler

#include "scheduler/job_diff_json.h"

#include <nlohmann/json.hpp>

namespace weir::scheduler {
namespace {

using Json = nlohmann::json;

Json to_json(const FieldDiff& field) {
  return {{"Type", to_string(field.type)},
          {"Name", field.name},
          {"Old", field.before},
          {"New", field.after},
          {"Annotations", field.annotations.empty() ? Json() : Json(field.annotations)}};
}

Json to_json(const ObjectDiff& object);
Json to_json(const TaskDiff& task);
Json to_json(const TaskGroupDiff& group);

/// An empty list is null, as Go writes it.
template <typename T>
Json list_to_json(const std::vector<T>& items) {
  Json list;
  for (const T& item : items) list.push_back(to_json(item));
  return list;
}

Json to_json(const ObjectDiff& object) {
  return {{"Type", to_string(object.type)},
          {"Name", object.name},
          {"Fields", list_to_json(object.fields)},
          {"Objects", list_to_json(object.objects)}};
}

Json to_json(const TaskDiff& task) {
  return {{"Type", to_string(task.type)},
          {"Name", task.name},
          {"Fields", list_to_json(task.fields)},
          {"Objects", list_to_json(task.objects)},
          {"Annotations", task.annotations.empty() ? Json() : Json(task.annotations)}};
}

Json to_json(const TaskGroupDiff& group) {
  return {{"Type", to_string(group.type)},        {"Name", group.name},
          {"Fields", list_to_json(group.fields)}, {"Objects", list_to_json(group.objects)},
          {"Tasks", list_to_json(group.tasks)},   {"Updates", group.updates.empty() ? Json() : Json(group.updates)}};
}

}  // namespace

Json job_diff_to_json(const JobDiff& diff) {
  return {{"Type", to_string(diff.type)},
          {"ID", diff.id},
          {"Fields", list_to_json(diff.fields)},
          {"Objects", list_to_json(diff.objects)},
          {"TaskGroups", list_to_json(diff.task_groups)}};
}

Json desired_updates_to_json(const DesiredUpdates& updates) {
  return {{"Ignore", updates.ignore},           {"Place", updates.place},
          {"Migrate", updates.migrate},         {"Stop", updates.stop},
          {"Canary", updates.canary},           {"InPlaceUpdate", updates.in_place_update},
          {"Preemptions", updates.preemptions}, {"DestructiveUpdate", updates.destructive_update}};
}

}  // namespace weir::scheduler

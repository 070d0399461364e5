#include "scheduler/job_tree.h"

#include <algorithm>
#include <utility>

#include "scheduler/job_fields.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

// What tells two objects of one kind apart, so that a change of one shows as an edit.
std::string key_of(const Service& service) { return service.name + "\n" + service.port_label; }
std::string key_of(const ServiceCheck& check) { return check.name; }
std::string key_of(const Port& port) { return port.label; }
std::string key_of(const SpreadTarget& target) { return target.value; }
std::string key_of(const Spread& spread) { return spread.attribute; }
std::string key_of(const Template& file) { return file.dest_path; }
std::string key_of(const VolumeMount& mount) { return mount.destination; }
std::string key_of(const NetworkResource&) { return "the only one"; }
template <typename T>
std::string key_of(const T&) {
  return "";
}

/// A visitor of job_fields.h.
class TreeBuilder {
 public:
  using Change = std::optional<ChangeClass>;

  TreeBuilder(JobTree& tree, ChangeClass inherited) : tree_(tree), inherited_(inherited) {}

  template <typename T>
  void field(const char* name, const T& value, Change change = {}) {
    add(name, text_of(value), change);
  }
  template <typename T>
  void duration(const char* name, const T& value, Change change = {}) {
    add(name, text_of(value), change);
  }
  void nullable_text(const char* name, const std::string& value, Change change = {}) { add(name, value, change); }
  void texts(const char* name, const std::vector<std::string>& value, Change change = {}) {
    if (value.empty()) return;
    JobTree& set = tree_.objects.emplace_back();
    set.name = name;
    set.key = name;
    set.change = change.value_or(inherited_);
    for (const std::string& text : value) set.leaves.push_back({name, text, set.change, true});
  }
  void texts(const char* name, const std::optional<std::vector<std::string>>& value, Change change = {}) {
    if (value) texts(name, *value, change);
  }
  void map(const char* name, const TextMap& value, Change change = {}) {
    for (const auto& [key, text] : value) add(std::string(name) + "[" + key + "]", text, change);
  }
  void lists(const char* name, const std::map<std::string, std::vector<std::string>>& value) {
    for (const auto& [key, texts] : value) add(std::string(name) + "[" + key + "]", join(texts, ","), {});
  }
  void config(const char* name, const Value& value, Change change) {
    JobTree config;
    config.name = name;
    config.key = name;
    config.change = change.value_or(inherited_);
    flatten("", value, config);
    if (!config.leaves.empty()) tree_.objects.push_back(std::move(config));
  }
  template <typename T>
  void object(const char* name, const T& value, Change change = {}) {
    if (value == T{}) return;
    add_object(name, name, value, change);
  }
  template <typename T>
  void object(const char* name, const std::optional<T>& value, Change change = {}) {
    if (value) add_object(name, name, *value, change);
  }
  template <typename T>
  void list(const char*, const char* singular, const std::vector<T>& values, Change change = {}) {
    for (const T& value : values) add_object(singular, key_of(value), value, change);
  }
  template <typename T>
  void named(const char*, const char* singular, const std::map<std::string, T>& values, Change change) {
    for (const auto& [key, value] : values) add_object(singular, key, value, change);
  }
  void not_modelled(const char*) {}

 private:
  template <typename T>
  void add_object(const char* name, std::string key, const T& value, Change change) {
    JobTree object;
    object.name = name;
    object.key = std::move(key);
    object.change = change.value_or(inherited_);
    TreeBuilder inner(object, object.change);
    visit_fields(inner, value);
    tree_.objects.push_back(std::move(object));
  }
  void add(std::string name, std::string text, Change change) {
    tree_.leaves.push_back({std::move(name), std::move(text), change.value_or(inherited_)});
  }
  void flatten(const std::string& prefix, const Value& value, JobTree& config) {
    if (value.is_object()) {
      for (const auto& [key, member] : value.as_object())
        flatten(prefix.empty() ? key : prefix + "." + key, member, config);
    } else if (value.is_list()) {
      for (size_t i = 0; i < value.as_list().size(); ++i) {
        flatten(prefix + "[" + std::to_string(i) + "]", value.as_list()[i], config);
      }
    } else {
      config.leaves.push_back({prefix, value.to_text(), config.change});
    }
  }
  static std::string text_of(const std::string& value) { return value; }
  static std::string text_of(bool value) { return value ? "true" : "false"; }
  static std::string text_of(int64_t value) { return std::to_string(value); }
  static std::string text_of(uint64_t value) { return std::to_string(value); }
  template <typename T>
  static std::string text_of(const Setting<T>& value) {
    return value.given() ? text_of(value.value()) : "";
  }
  static std::string text_of(const std::optional<int64_t>& value) { return value ? text_of(*value) : ""; }

  JobTree& tree_;
  ChangeClass inherited_;
};

template <typename T>
JobTree built(const T& value, const char* kind) {
  JobTree tree;
  tree.name = kind;
  TreeBuilder builder(tree, ChangeClass::none);
  if constexpr (std::same_as<T, Task>) {
    visit_fields(builder, value);
  } else {
    visit_own_fields(builder, value);
  }
  if constexpr (!std::same_as<T, Job>) {
    std::erase_if(tree.leaves, [](const JobTree::Leaf& leaf) { return leaf.name == "Name"; });
  }
  return tree;
}

void add_field(ObjectDiff& diff, const JobTree::Leaf* before, const JobTree::Leaf* after) {
  std::string from = before == nullptr ? "" : before->text;
  std::string to = after == nullptr ? "" : after->text;
  if (from == to) return;
  FieldDiff field;
  field.type = from.empty() ? DiffType::added : to.empty() ? DiffType::deleted : DiffType::edited;
  field.name = before == nullptr ? after->name : before->name;
  field.before = std::move(from);
  field.after = std::move(to);
  field.change = before == nullptr ? after->change : before->change;
  diff.change = std::max(diff.change, field.change);
  diff.fields.push_back(std::move(field));
}

bool is_same_leaf(const JobTree::Leaf& a, const JobTree::Leaf& b) {
  return a.name == b.name && (!a.is_member || a.text == b.text);
}

void diff_leaves(const std::vector<JobTree::Leaf>& before, const std::vector<JobTree::Leaf>& after, ObjectDiff& diff) {
  std::vector<bool> used(after.size());
  for (const JobTree::Leaf& leaf : before) {
    size_t i = 0;
    while (i < after.size() && (used[i] || !is_same_leaf(leaf, after[i]))) ++i;
    if (i < after.size()) used[i] = true;
    add_field(diff, &leaf, i < after.size() ? &after[i] : nullptr);
  }
  for (size_t i = 0; i < after.size(); ++i) {
    if (!used[i]) add_field(diff, nullptr, &after[i]);
  }
  std::stable_sort(diff.fields.begin(), diff.fields.end(),
                   [](const FieldDiff& a, const FieldDiff& b) { return a.name < b.name; });
}

void add_object(ObjectDiff& diff, const JobTree* before, const JobTree* after) {
  auto object = diff_trees(before, after);
  if (!object) return;
  diff.change = std::max(diff.change, object->change);
  diff.objects.push_back(std::move(*object));
}

void diff_objects(const std::vector<JobTree>& before, const std::vector<JobTree>& after, ObjectDiff& diff) {
  std::vector<bool> used(after.size());
  for (const JobTree& object : before) {
    auto matches = [&](size_t i) {
      if (used[i] || object.name != after[i].name || object.key != after[i].key) return false;
      return !object.key.empty() || !diff_trees(&object, &after[i]);
    };
    size_t i = 0;
    while (i < after.size() && !matches(i)) ++i;
    if (i < after.size()) used[i] = true;
    add_object(diff, &object, i < after.size() ? &after[i] : nullptr);
  }
  for (size_t i = 0; i < after.size(); ++i) {
    if (!used[i]) add_object(diff, nullptr, &after[i]);
  }
  std::stable_sort(diff.objects.begin(), diff.objects.end(),
                   [](const ObjectDiff& a, const ObjectDiff& b) { return a.name < b.name; });
}

}  // namespace

JobTree tree_of(const Job& job) { return built(job, "Job"); }
JobTree tree_of(const TaskGroup& group) { return built(group, "TaskGroup"); }
JobTree tree_of(const Task& task) { return built(task, "Task"); }

std::optional<ObjectDiff> diff_trees(const JobTree* before, const JobTree* after) {
  static const JobTree kNothing;
  const JobTree& from = before == nullptr ? kNothing : *before;
  const JobTree& to = after == nullptr ? kNothing : *after;
  ObjectDiff diff;
  diff.type = before == nullptr ? DiffType::added : after == nullptr ? DiffType::deleted : DiffType::edited;
  diff.name = before == nullptr ? to.name : from.name;
  if (diff.type != DiffType::edited) diff.change = before == nullptr ? to.change : from.change;
  diff_leaves(from.leaves, to.leaves, diff);
  diff_objects(from.objects, to.objects, diff);
  bool is_alike = diff.type == DiffType::edited && diff.fields.empty() && diff.objects.empty();
  return is_alike ? std::nullopt : std::optional(std::move(diff));
}

}  // namespace weir::scheduler

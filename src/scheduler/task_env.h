#pragma once
// A task's environment and the replacing of ${...}: pure functions of the job, the allocation and the node.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/scheduler/job.h"

namespace weir::scheduler {

/// A host port that the planner gave to an allocation.
struct AssignedPort {
  std::string label;
  std::string task_name;  // the owner of a legacy task network; "" = the group's
  std::string host_ip;
  int64_t value = 0;  // the host port
  int64_t to = 0;     // 0 = not given
};

struct TaskIdentity {
  std::string alloc_id;
  std::string alloc_name;  // "web.g[3]"
  std::string alloc_dir;
  std::string task_dir;
  std::string secrets_dir;
  std::vector<AssignedPort> ports;
  TextMap host_env;  // of the agent, for exec and raw_exec: only names that are not set otherwise, credentials left out
};

/// What ${node.*}, ${attr.*} and ${meta.*} stand for, by full name: "node.unique.id", "node.datacenter",
/// "attr.kernel.name", "meta.rack".
using NodeVariables = TextMap;

/// The whole environment of a task. `task` is a task of `group`, `group` a group of canonical `job`.
TextMap build_task_env(const Job& job, const TaskGroup& group, const Task& task, const TaskIdentity& identity,
                       const NodeVariables& node);

/// What the group's own services may speak of: the allocation, and none of its tasks.
TextMap build_group_env(const Job& job, const TaskGroup& group, const TaskIdentity& identity,
                        const NodeVariables& node);

/// Replaces each ${name} that `env` (first) or `node` knows, once, left to right; unknown ones stay as they are.
std::string interpolate(std::string_view text, const TextMap& env, const NodeVariables& node);

/// The first ${name} in `text` that neither knows: a driver config with one must not start.
std::optional<std::string> unknown_variable(std::string_view text, const TextMap& env, const NodeVariables& node);

/// ${JOB} ${TASKGROUP} ${TASK} ${BASE} in a service's name; the rest is interpolate()'s. `task_name` is "" for group
/// services.
std::string service_name(std::string_view text, const Job& job, const TaskGroup& group, std::string_view task_name);

/// "web.g[3]" -> 3; 0 when there is no index.
uint64_t allocation_index(std::string_view alloc_name);

}  // namespace weir::scheduler

#pragma once
// Nodes, jobs and allocations for the tests of planner, store and server.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "scheduler/job_rules.h"
#include "scheduler/plan/planner.h"
#include "scheduler/plan/snapshot.h"

namespace weir::scheduler {

inline constexpr int64_t kNow = 1'700'000'000'000'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;

/// "00000000-0000-4000-8000-00000000000<n>"
inline std::string test_uuid(int n) {
  std::string digits = std::to_string(n);
  return "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
}

inline Node test_node(int n, int64_t cpu_mhz = 4000, int64_t memory_mb = 8192) {
  Node node;
  node.id = test_uuid(n);
  node.secret_id = test_uuid(1000 + n);
  node.name = "node-" + std::to_string(n);
  node.ip = "127.0.0." + std::to_string(n);
  node.agent_address = node.ip + ":4647";
  node.version = "0.1.0";
  node.attributes = {{"kernel.name", "linux"}, {"driver.raw_exec", "1"}};
  node.drivers["raw_exec"] = {.detected = true, .healthy = true};
  node.resources = {.cpu_mhz = cpu_mhz, .cores = 4, .memory_mb = memory_mb, .disk_mb = 100'000};
  node.status = NodeStatus::ready;
  return node;
}

/// Sparse: one group "g" with one task "t", raw_exec, 100 MHz, 64 MB, no ports.
inline Job sparse_job(const std::string& id, int64_t count, const std::string& type = "service") {
  Job job;
  job.id = id;
  job.type = type;
  TaskGroup group;
  group.name = "g";
  group.count = count;
  Task task;
  task.name = "t";
  task.driver = "raw_exec";
  task.config = Value(Value::Object{{"command", Value("/bin/true")}});
  task.resources.cpu_mhz = int64_t{100};
  task.resources.memory_mb = int64_t{64};
  group.tasks.push_back(std::move(task));
  job.task_groups.push_back(std::move(group));
  return job;
}

inline Job complete(Job job) {
  canonicalize(job);
  return job;
}

inline void add_port(Job& job, const std::string& label, int64_t static_port = 0) {
  TaskGroup& group = job.task_groups[0];
  if (group.networks.empty()) group.networks.emplace_back();
  Port port{.label = label, .value = static_port};
  (static_port == 0 ? group.networks[0].dynamic_ports : group.networks[0].reserved_ports).push_back(port);
}

/// Another command: an update that needs new allocations.
inline void change_command(Job& job, const std::string& command) {
  job.task_groups[0].tasks[0].config = Value(Value::Object{{"command", Value(command)}});
}

/// A cluster as the planner sees it; apply() does to it what the server would do.
struct World {
  Snapshot snapshot;
  int next_eval = 1;

  void add(Node node) {
    std::string id = node.id;
    snapshot.nodes[id] = std::make_shared<const Node>(std::move(node));
  }
  void set_job(Job job) {
    if (job.create_index == 0) job.create_index = 7;
    snapshot.job = std::make_shared<const Job>(complete(std::move(job)));
  }
  Plan make_plan(int64_t now_ns = kNow) {
    Evaluation eval;
    eval.id = test_uuid(500'000 + next_eval++);
    eval.job_id = snapshot.job ? snapshot.job->id : "web";
    eval.type = snapshot.job ? snapshot.job->type : "service";
    return plan(snapshot, eval, now_ns);
  }
  std::vector<AllocPtr>& allocs() { return snapshot.job_allocs; }
  void refresh_node_allocs() {
    snapshot.node_allocs.clear();
    for (const AllocPtr& a : snapshot.job_allocs) snapshot.node_allocs[a->node_id].push_back(a);
  }
  void replace(const Allocation& row) {
    for (AllocPtr& a : snapshot.job_allocs) {
      if (a->id == row.id) a = std::make_shared<const Allocation>(row);
    }
    refresh_node_allocs();
  }
  template <typename Change>
  void change(const std::string& id, Change change) {
    for (const AllocPtr& a : std::vector<AllocPtr>(snapshot.job_allocs)) {
      if (a->id != id) continue;
      Allocation row = *a;
      change(row);
      replace(row);
    }
  }
  void apply(const Plan& plan) {
    for (const AllocStop& stop : plan.stops) {
      change(stop.alloc_id, [&](Allocation& a) {
        a.desired_status = DesiredStatus::stop;
        if (stop.client_status) a.client_status = *stop.client_status;
      });
    }
    for (const Allocation& row : plan.in_place) replace(row);
    for (const Allocation& placed : plan.placements) {
      Allocation row = placed;
      row.create_time_ns = row.modify_time_ns = kNow;
      snapshot.job_allocs.push_back(std::make_shared<const Allocation>(std::move(row)));
    }
    if (plan.deployment) snapshot.deployment = std::make_shared<const Deployment>(*plan.deployment);
    for (const auto& [alloc, eval] : plan.followups) {
      change(alloc, [&](Allocation& a) { a.followup_eval_id = eval; });
    }
    refresh_node_allocs();
  }
  /// Every agent does what it is told: starts what shall run, ends what shall stop.
  void agents_act() {
    for (const AllocPtr& a : std::vector<AllocPtr>(snapshot.job_allocs)) {
      if (a->client_terminal()) continue;
      change(a->id, [](Allocation& row) {
        row.client_status = row.desired_status == DesiredStatus::run ? ClientStatus::running : ClientStatus::complete;
      });
    }
  }
  [[nodiscard]] size_t running() const {
    size_t count = 0;
    for (const AllocPtr& a : snapshot.job_allocs) count += a->terminal() ? 0 : 1;
    return count;
  }
};

}  // namespace weir::scheduler

#pragma once
// A small canonical job for tests to bend.

#include "scheduler/job_rules.h"
#include "weir/scheduler/job.h"

namespace weir::scheduler {

inline constexpr int64_t kTestSecond = 1'000'000'000;

/// One group "g" of two, with a port, a checked service and a raw_exec task "t": valid and without warnings.
inline Job sparse_job() {
  Job job;
  job.id = "web";
  TaskGroup& group = job.task_groups.emplace_back();
  group.name = "g";
  group.count = 2;
  group.shutdown_delay_ns = kTestSecond;
  group.networks.emplace_back().dynamic_ports.push_back(Port{"http", 0, 0, "", false});
  Service& service = group.services.emplace_back();
  service.name = "web";
  service.port_label = "http";
  service.tags = {"urlprefix-/"};
  ServiceCheck& check = service.checks.emplace_back();
  check.type = "http";
  check.path = "/health";
  check.interval_ns = kTestSecond;
  check.timeout_ns = kTestSecond;
  Task& task = group.tasks.emplace_back();
  task.name = "t";
  task.driver = "raw_exec";
  task.config = Value(Value::Object{{"command", "/bin/server"}, {"args", Value(Value::List{Value("-v")})}});
  task.env = {{"A", "1"}};
  return job;
}

inline Job canonical_job() {
  Job job = sparse_job();
  canonicalize(job);
  return job;
}

}  // namespace weir::scheduler

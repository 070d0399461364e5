#pragma once
// A scheduler's core on a clock of its own, with agents that the test plays.

#include <memory>
#include <string>
#include <vector>

#include "agent_fixture.h"
#include "full_disk.h"
#include "plan_fixture.h"
#include "scheduler/server/core.h"

namespace weir::scheduler {

struct ServerWorld {
  TemporaryFolder folder;
  FakeClock clock;
  std::unique_ptr<Core> core;

  ServerWorld() { open(); }
  void open() {
    auto opened = Core::open({.state_path = folder.path("scheduler.sqlite")}, clock);
    if (!opened) FAIL(opened.error().text());
    core = std::move(*opened);
  }
  /// As a server that ended and was started again.
  void restart() {
    core.reset();
    open();
  }
  void settle() {
    while (core->turn()) {
    }
  }
  StateStore& store() { return core->store(); }

  /// Nodes are numbered; so are their secrets.
  static std::string node_id(int n) { return test_uuid(n); }
  static std::string secret(int n) { return test_uuid(1000 + n); }
  void add_node(int n, int64_t cpu_mhz = 4000) {
    auto reply = core->nodes().put({test_node(n, cpu_mhz)});
    if (!reply) FAIL(reply.error().text());
    settle();
  }
  void heartbeat(int n) {
    if (auto reply = core->nodes().heartbeat(node_id(n), secret(n)); !reply) FAIL(reply.error().text());
  }
  JobOutcome put(const Job& job, const RegisterOptions& options = {}) {
    auto outcome = core->jobs().put(job, options);
    if (!outcome) FAIL(outcome.error().text());
    settle();
    return *outcome;
  }
  /// What the node's agent would be told.
  AllocPull pull(int n) {
    auto pull = core->nodes().pull(node_id(n), secret(n));
    if (!pull) FAIL(pull.error().text());
    return *pull;
  }
  /// The agent does as it is told; new allocations become healthy where a deployment asks, or a drain may.
  void agent_acts(int n, bool healthy = true) {
    std::vector<AllocUpdate> updates;
    for (const Allocation& alloc : pull(n).allocs) {
      if (alloc.client_terminal()) continue;
      AllocUpdate update{.id = alloc.id, .client_status = ClientStatus::running};
      if (alloc.desired_status != DesiredStatus::run) update.client_status = ClientStatus::complete;
      bool undecided = !alloc.deployment_status || !alloc.deployment_status->healthy;
      const bool watched = !alloc.deployment_id.empty() || alloc.job->find_group(alloc.task_group)->migrate.has_value();
      if (watched && undecided && alloc.desired_status == DesiredStatus::run) {
        update.healthy = healthy;
      }
      updates.push_back(std::move(update));
    }
    report(n, updates);
  }
  void report(int n, const std::vector<AllocUpdate>& updates) {
    auto index = core->nodes().update_allocs(node_id(n), secret(n), updates);
    if (!index) FAIL(index.error().text());
    settle();
  }
  /// Of a job: allocations that shall run and have not ended.
  std::vector<AllocPtr> live(const std::string& job_id) {
    std::vector<AllocPtr> out;
    for (const AllocPtr& alloc : store().allocs_of_job(job_id)) {
      if (!alloc->terminal()) out.push_back(alloc);
    }
    return out;
  }
};

}  // namespace weir::scheduler

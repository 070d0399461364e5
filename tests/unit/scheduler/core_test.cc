// The scheduler's server without its HTTP face: jobs, nodes, deployments, and what a restart must not change.

#include <algorithm>

#include "server_fixture.h"

using namespace weir;
using namespace weir::scheduler;

TEST_CASE("core: a registered job is placed, and its node's agent is told") {
  ServerWorld world;
  world.add_node(1);
  const uint64_t before = world.pull(1).index;
  const JobOutcome outcome = world.put(sparse_job("web", 2));
  CHECK(world.store().eval(outcome.eval_id)->status == EvalStatus::complete);
  CHECK(outcome.job_modify_index == world.store().job("web")->job_modify_index);
  const AllocPull pull = world.pull(1);
  CHECK(pull.index > before);
  CHECK(pull.allocs.size() == 2);
  CHECK(world.store().job("web")->status == "running");
  world.agent_acts(1);
  CHECK(world.pull(1).index >= pull.index);
}

TEST_CASE("core: what an agent reports does not move the index it pulls by") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("sys", 1, "system"));
  const uint64_t index = world.pull(1).index;
  world.agent_acts(1);
  CHECK(world.pull(1).index == index);
}

TEST_CASE("core: the same job again keeps its version, a changed one gets the next") {
  ServerWorld world;
  world.add_node(1);
  const JobOutcome first = world.put(sparse_job("web", 1));
  const JobOutcome again = world.put(sparse_job("web", 1));
  CHECK(world.store().job("web")->version == 0);
  CHECK(again.job_modify_index == first.job_modify_index);
  CHECK(again.eval_id != first.eval_id);
  CHECK(world.live("web").size() == 1);
  const JobOutcome changed = world.put(sparse_job("web", 3));
  CHECK(world.store().job("web")->version == 1);
  CHECK(changed.job_modify_index > first.job_modify_index);
  CHECK(world.store().job_versions("web").size() == 2);
}

TEST_CASE("core: an enforced index must be the job's, and the error says which it is") {
  ServerWorld world;
  auto text = [&](const RegisterOptions& options, const char* id = "web") {
    auto outcome = world.core->jobs().put(sparse_job(id, 1), options);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == ErrorCode::conflict);
    return outcome.error().message;
  };
  CHECK(text({.enforce_index = true, .job_modify_index = 7}) == "Enforcing job modify index 7: job does not exist");
  const JobOutcome made = world.put(sparse_job("web", 1), {.enforce_index = true, .job_modify_index = 0});
  CHECK(text({.enforce_index = true, .job_modify_index = 0}) == "Enforcing job modify index 0: job already exists");
  CHECK(text({.enforce_index = true, .job_modify_index = 999}) ==
        "Enforcing job modify index 999: job exists with conflicting job modify index: " +
            std::to_string(made.job_modify_index));
  world.put(sparse_job("web", 2), {.enforce_index = true, .job_modify_index = made.job_modify_index});
  CHECK(world.store().job("web")->version == 1);
}

TEST_CASE("core: a job of another type or with faults is refused with all that is wrong, and nothing is stored") {
  ServerWorld world;
  world.put(sparse_job("web", 1));
  const uint64_t index = world.store().index();
  auto other = world.core->jobs().put(sparse_job("web", 1, "system"), {});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == ErrorCode::invalid);
  CHECK(other.error().message == "cannot update job from type \"service\" to \"system\"");
  Job bad = sparse_job("bad", -1);
  bad.task_groups[0].tasks[0].driver = "";
  auto refused = world.core->jobs().put(bad, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("TaskGroups[g].Count") != std::string::npos);
  CHECK(refused.error().message.find("TaskGroups[g].Tasks[t].Driver") != std::string::npos);
  CHECK(world.store().index() == index);
}

TEST_CASE("core: a stopped job ends its allocations; a purged one is gone, and comes back as another") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 2));
  world.agent_acts(1);
  REQUIRE(world.core->jobs().stop("web", false));
  world.settle();
  CHECK(world.live("web").empty());
  world.agent_acts(1);
  CHECK(world.store().job("web")->status == "dead");
  const uint64_t created = world.store().job("web")->create_index;
  REQUIRE(world.core->jobs().stop("web", true));
  world.settle();
  CHECK(world.store().job("web") == nullptr);
  CHECK(world.core->jobs().stop("web", true).error().code == ErrorCode::not_found);
  world.put(sparse_job("web", 1));
  CHECK(world.store().job("web")->create_index > created);
  CHECK(world.store().job("web")->version == 0);
  CHECK(world.live("web").size() == 1);
}

TEST_CASE("core: what finds no room waits, and is placed when a node comes") {
  ServerWorld world;
  const JobOutcome outcome = world.put(sparse_job("web", 2));
  const EvalPtr eval = world.store().eval(outcome.eval_id);
  CHECK(eval->status == EvalStatus::complete);
  CHECK(eval->queued_allocations.at("g") == 2);
  CHECK(world.store().eval(eval->blocked_eval)->status == EvalStatus::blocked);
  world.add_node(1);
  CHECK(world.live("web").size() == 2);
  CHECK(world.store().eval(eval->blocked_eval)->status == EvalStatus::complete);
}

TEST_CASE("core: a node without heartbeats is down, and its allocations are lost and replaced") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 2));
  world.agent_acts(1);
  world.add_node(2);
  world.clock.advance_ms(14'999);
  world.heartbeat(2);
  world.settle();
  CHECK(world.store().node(world.node_id(1))->status == NodeStatus::ready);
  world.clock.advance_ms(1);
  world.settle();
  CHECK(world.store().node(world.node_id(1))->status == NodeStatus::down);
  for (const AllocPtr& alloc : world.live("web")) CHECK(alloc->node_id == world.node_id(2));
  CHECK(world.live("web").size() == 2);
  CHECK(world.pull(1).allocs.at(0).client_status == ClientStatus::lost);
  auto late = world.core->nodes().heartbeat(world.node_id(1), world.secret(1));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::conflict);
  CHECK(world.core->nodes().update_allocs(world.node_id(1), world.secret(1), {}).error().code == ErrorCode::conflict);
  world.add_node(1);
  CHECK(world.store().node(world.node_id(1))->status == NodeStatus::ready);
}

TEST_CASE("core: an agent needs its node's secret, and a registration a node that can be used") {
  ServerWorld world;
  world.add_node(1);
  Nodes& nodes = world.core->nodes();
  for (const Error& error :
       {nodes.heartbeat(world.node_id(1), world.secret(2)).error(), nodes.pull(world.node_id(1), "").error(),
        nodes.update_allocs(world.node_id(1), "x", {}).error()}) {
    CHECK(error.code == ErrorCode::refused);
    CHECK(error.message.find("Permission denied") != std::string::npos);
  }
  CHECK(nodes.pull(world.node_id(9), world.secret(9)).error().code == ErrorCode::not_found);
  Node thief = test_node(1);
  thief.secret_id = test_uuid(7);
  CHECK(nodes.put({thief}).error().code == ErrorCode::refused);
  for (auto spoil : {+[](Node& n) { n.id = "x"; }, +[](Node& n) { n.secret_id.clear(); }, +[](Node& n) { n.ip = "a"; },
                     +[](Node& n) { n.datacenter.clear(); }, +[](Node& n) { n.agent_address = "1.2.3.4"; },
                     +[](Node& n) { n.dynamic_port_max = 1; }}) {
    Node node = test_node(3);
    spoil(node);
    CHECK(nodes.put({node}).error().code == ErrorCode::invalid);
  }
  CHECK(world.store().nodes().size() == 1);
}

TEST_CASE("core: a report about another node's allocation is skipped, and what has ended stays ended") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 1));
  world.agent_acts(1);
  const std::string id = world.live("web").at(0)->id;
  world.add_node(2);
  world.report(2, {{.id = id, .client_status = ClientStatus::failed}, {.id = "unknown"}});
  CHECK(world.store().alloc(id)->client_status == ClientStatus::running);
  world.report(1, {{.id = id, .client_status = ClientStatus::failed, .client_description = "Failed tasks"}});
  world.report(1, {{.id = id, .client_status = ClientStatus::running}});
  CHECK(world.store().alloc(id)->client_status == ClientStatus::failed);
  CHECK(world.store().alloc(id)->client_description == "Failed tasks");
}

TEST_CASE("core: scaling keeps to the group, its limits and the running deployment") {
  ServerWorld world;
  world.add_node(1);
  Job job = sparse_job("web", 2);
  job.task_groups[0].scaling = Scaling{.min = int64_t{1}, .max = int64_t{4}, .enabled = true, .type = {}};
  world.put(job);
  Jobs& jobs = world.core->jobs();
  auto text = [&](const ScaleRequest& request) {
    auto outcome = jobs.scale("web", request);
    REQUIRE_FALSE(outcome);
    return outcome.error().message;
  };
  CHECK(text({.group = "no", .count = 3}) == "task group \"no\" does not exist in job");
  CHECK(text({.group = "g", .count = -1}) == "scaling action count can't be negative");
  CHECK(text({.group = "g", .count = 5}) == "group count was greater than scaling policy maximum: 5 > 4");
  CHECK(text({.group = "g", .count = 0}) == "group count was less than scaling policy minimum: 0 < 1");
  CHECK(text({.group = "g", .count = 3}) == "job scaling blocked due to active deployment");
  world.agent_acts(1);
  world.agent_acts(1);
  REQUIRE(jobs.scale("web", {.group = "", .count = 3}));
  world.settle();
  CHECK(world.live("web").size() == 3);
  CHECK(jobs.scale("none", {.group = "g", .count = 1}).error().code == ErrorCode::not_found);
}

TEST_CASE("core: a deployment whose allocations are healthy succeeds and makes its version stable") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 2));
  for (int i = 0; i < 4; ++i) world.agent_acts(1);
  const auto deployments = world.store().deployments_of_job("web");
  REQUIRE(deployments.size() == 1);
  CHECK(deployments[0]->status == DeploymentPhase::successful);
  CHECK(world.store().job("web")->stable);
}

TEST_CASE("core: a bad version goes back to the stable one where auto_revert asks for it") {
  ServerWorld world;
  world.add_node(1);
  Job job = sparse_job("web", 1);
  UpdateStrategy update;
  update.auto_revert = true;
  update.max_parallel = int64_t{1};
  job.task_groups[0].update = update;
  ReschedulePolicy none;  // the first failure is the last
  none.attempts = int64_t{0};
  none.unlimited = false;
  job.task_groups[0].reschedule_policy = none;
  world.put(job);
  for (int i = 0; i < 3; ++i) world.agent_acts(1);
  REQUIRE(world.store().job("web")->stable);
  Job bad = job;
  change_command(bad, "/bin/broken");
  world.put(bad);
  world.agent_acts(1, false);
  world.agent_acts(1, false);
  const JobPtr now = world.store().job("web");
  CHECK(now->version == 2);
  CHECK(now->task_groups[0].tasks[0].config == job.task_groups[0].tasks[0].config);
  auto again = world.core->jobs().revert("web", 2, {});
  REQUIRE_FALSE(again);
  CHECK(again.error().message == "can't revert to current version");
  CHECK(world.core->jobs().revert("web", 77, {}).error().code == ErrorCode::not_found);
  CHECK(world.core->jobs().revert("web", 1, 5).error().message == "Current job has version 2; enforcing version 5");
}

TEST_CASE("core: an allocation stopped by hand is replaced") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 1));
  world.agent_acts(1);
  const std::string old = world.live("web").at(0)->id;
  REQUIRE(world.core->stop_alloc(old));
  world.settle();
  REQUIRE(world.live("web").size() == 1);
  const AllocPtr fresh = world.live("web")[0];
  CHECK(fresh->id != old);
  CHECK(world.core->stop_alloc("none").error().code == ErrorCode::not_found);
}

TEST_CASE("core: a node that drains gives its allocations to others and takes no new ones") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 2));
  world.agent_acts(1);
  world.agent_acts(1);
  world.add_node(2);
  REQUIRE(world.core->nodes().set_drain(world.node_id(1), {.drain = true, .deadline_ns = -1}));
  for (int i = 0; i < 6; ++i) {
    world.settle();
    world.agent_acts(1);
    world.agent_acts(2);
  }
  REQUIRE(world.live("web").size() == 2);
  for (const AllocPtr& alloc : world.live("web")) CHECK(alloc->node_id == world.node_id(2));
  CHECK_FALSE(world.store().node(world.node_id(1))->draining);
  CHECK_FALSE(world.store().node(world.node_id(1))->eligible);
}

TEST_CASE("core: a drain moves as many at once as may move, and goes on when their successors' health is decided") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 3));
  for (int i = 0; i < 3; ++i) world.agent_acts(1);
  world.add_node(2);
  REQUIRE(
      world.core->nodes().set_drain(world.node_id(1), {.drain = true, .deadline_ns = int64_t{600} * 1'000'000'000}));
  const auto on_node = [&](int n) {
    return std::ranges::count_if(world.live("web"), [&](const AllocPtr& a) { return a->node_id == world.node_id(n); });
  };
  const auto run = [&](std::optional<bool> healthy) {
    world.settle();
    world.agent_acts(1);
    std::vector<AllocUpdate> updates;
    for (const Allocation& alloc : world.pull(2).allocs) {
      AllocUpdate update{.id = alloc.id, .client_status = ClientStatus::running};
      if (!alloc.deployment_status || !alloc.deployment_status->healthy) update.healthy = healthy;
      updates.push_back(std::move(update));
    }
    world.report(2, updates);
  };
  for (int i = 0; i < 5; ++i) run(std::nullopt);  // they run and nobody knows how well
  CHECK(on_node(1) == 2);
  CHECK(on_node(2) == 1);
  run(true);
  run(std::nullopt);
  CHECK(on_node(1) == 1);
  CHECK(on_node(2) == 2);
  for (int i = 0; i < 3; ++i) run(false);  // nor does what will not become healthy hold it up
  CHECK(on_node(1) == 0);
  CHECK(on_node(2) == 3);
  CHECK_FALSE(world.store().node(world.node_id(1))->draining);
}

TEST_CASE("core: a drain leaves a batch job's work until its deadline") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("sum", 1, "batch"));
  world.agent_acts(1);
  world.add_node(2);
  REQUIRE(world.core->nodes().set_drain(world.node_id(1), {.drain = true, .deadline_ns = int64_t{60} * 1'000'000'000}));
  for (int i = 0; i < 3; ++i) world.agent_acts(1);
  REQUIRE(world.live("sum").size() == 1);
  CHECK(world.live("sum")[0]->node_id == world.node_id(1));
  world.clock.advance_ms(60'000);
  for (int n : {1, 2}) world.heartbeat(n);
  world.settle();
  REQUIRE(world.live("sum").size() == 1);
  CHECK(world.live("sum")[0]->node_id == world.node_id(2));
}

TEST_CASE("core: a second drain moves what an earlier one, taken back, could not") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 1));
  world.agent_acts(1);
  REQUIRE(world.core->nodes().set_drain(world.node_id(1), {.drain = true, .deadline_ns = -1}));
  world.settle();
  REQUIRE(world.live("web").size() == 1);  // there is no other place
  REQUIRE(world.core->nodes().set_drain(world.node_id(1), {.drain = false, .mark_eligible = true}));
  world.settle();
  world.add_node(2);
  REQUIRE(world.core->nodes().set_drain(world.node_id(1), {.drain = true, .deadline_ns = -1}));
  for (int i = 0; i < 3; ++i) {
    world.settle();
    world.agent_acts(1);
    world.agent_acts(2);
  }
  REQUIRE(world.live("web").size() == 1);
  CHECK(world.live("web")[0]->node_id == world.node_id(2));
  CHECK_FALSE(world.store().node(world.node_id(1))->draining);
}

TEST_CASE("core: garbage collection takes what is over, and leaves what runs") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("old", 1));
  world.put(sparse_job("new", 1));
  world.agent_acts(1);
  REQUIRE(world.core->jobs().stop("old", false));
  world.settle();
  world.agent_acts(1);
  world.clock.advance_ms(1'000);
  for (int i = 0; i < 3; ++i) REQUIRE(world.core->collect_now());
  CHECK(world.store().job("old") == nullptr);
  CHECK(world.store().allocs_of_job("old").empty());
  CHECK(world.store().evals_of_job("old").empty());
  CHECK(world.live("new").size() == 1);
  CHECK(world.store().node(world.node_id(1)) != nullptr);
}

TEST_CASE("core: what a full disk refuses is left for the next turn, and holds up nobody") {
  ServerWorld world;
  world.add_node(1);
  auto outcome = world.core->jobs().put(sparse_job("web", 2), {});
  REQUIRE(outcome);
  {
    FullDisk full;
    CHECK_FALSE(world.core->turn());
    CHECK_FALSE(world.core->turn());
  }
  CHECK(world.store().eval(outcome->eval_id)->status == EvalStatus::pending);
  world.settle();
  CHECK(world.store().eval(outcome->eval_id)->status == EvalStatus::complete);
  CHECK(world.live("web").size() == 2);
}

// Restarts

TEST_CASE("core: an evaluation that a restart came before is run afterwards") {
  ServerWorld world;
  world.add_node(1);
  auto outcome = world.core->jobs().put(sparse_job("web", 2), {});
  REQUIRE(outcome);
  world.restart();
  CHECK(world.store().eval(outcome->eval_id)->status == EvalStatus::pending);
  world.settle();
  CHECK(world.store().eval(outcome->eval_id)->status == EvalStatus::complete);
  CHECK(world.live("web").size() == 2);
}

TEST_CASE("core: after a restart nothing is placed anew, and indexes go on from where they were") {
  ServerWorld world;
  world.add_node(1);
  world.put(sparse_job("web", 2));
  world.agent_acts(1);
  const uint64_t index = world.store().index();
  const uint64_t pull_index = world.pull(1).index;
  const auto before = world.live("web");
  world.restart();
  world.settle();
  CHECK(world.store().index() >= index);
  CHECK(world.pull(1).index >= pull_index);
  const auto after = world.live("web");
  REQUIRE(after.size() == before.size());
  for (size_t i = 0; i < after.size(); ++i) CHECK(after[i]->id == before[i]->id);
}

TEST_CASE("core: after a restart agents have longer to show up, and those that do not are given up") {
  ServerWorld world;
  world.add_node(1);
  world.add_node(2);
  world.restart();
  world.clock.advance_ms(29'999);
  world.heartbeat(1);
  world.settle();
  CHECK(world.store().node(world.node_id(2))->status == NodeStatus::ready);
  world.clock.advance_ms(1);
  world.settle();
  CHECK(world.store().node(world.node_id(1))->status == NodeStatus::ready);
  CHECK(world.store().node(world.node_id(2))->status == NodeStatus::down);
}

TEST_CASE("core: a deployment goes on after a restart, its deadline included") {
  ServerWorld world;
  world.add_node(1);
  Job job = sparse_job("web", 1);
  UpdateStrategy update;
  update.progress_deadline_ns = 60 * kSecond;
  update.healthy_deadline_ns = 30 * kSecond;
  job.task_groups[0].update = update;
  world.put(job);
  world.restart();
  world.heartbeat(1);
  for (int i = 0; i < 5; ++i) {
    world.clock.advance_ms(10'000);
    world.heartbeat(1);
    world.settle();
  }
  CHECK(world.store().deployments_of_job("web").at(0)->active());
  world.clock.advance_ms(10'001);
  world.settle();
  CHECK(world.store().deployments_of_job("web").at(0)->status == DeploymentPhase::failed);
}

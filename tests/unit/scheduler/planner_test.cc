#include <set>

#include "catch.h"
#include "plan_fixture.h"

namespace weir::scheduler {
namespace {

World small_world(int nodes) {
  World world;
  for (int n = 1; n <= nodes; ++n) world.add(test_node(n));
  return world;
}

}  // namespace

TEST_CASE("planner: without nodes nothing is placed and the count is queued") {
  World world;
  world.set_job(sparse_job("web", 3));
  Plan plan = world.make_plan();
  CHECK(plan.placements.empty());
  CHECK(plan.queued["g"] == 3);
  REQUIRE(plan.failed_groups.contains("g"));
  CHECK(plan.failed_groups["g"].coalesced_failures == 2);
  CHECK(plan.failed_groups["g"].nodes_evaluated == 0);
}

TEST_CASE("planner: a filtered node is named with the constraint that filtered it") {
  World world = small_world(2);
  Job job = sparse_job("web", 1);
  job.constraints.push_back({.l_target = "${attr.kernel.name}", .r_target = "windows", .operand = "="});
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.placements.empty());
  CHECK(plan.failed_groups["g"].nodes_filtered == 2);
  CHECK(plan.failed_groups["g"].constraint_filtered["${attr.kernel.name} = windows"] == 2);
  CHECK(plan.failed_groups["g"].nodes_available["dc1"] == 2);
}

TEST_CASE("planner: missing drivers, ineligible, draining and down nodes take nothing") {
  World world;
  Node no_driver = test_node(1);
  no_driver.drivers["raw_exec"].healthy = false;
  Node ineligible = test_node(2);
  ineligible.eligible = false;
  Node draining = test_node(3);
  draining.draining = true;
  Node down = test_node(4);
  down.status = NodeStatus::down;
  Node elsewhere = test_node(5);
  elsewhere.datacenter = "dc9";
  for (auto* node : {&no_driver, &ineligible, &draining, &down, &elsewhere}) world.add(*node);
  Job job = sparse_job("web", 1);
  job.datacenters = std::vector<std::string>{"dc1"};
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.placements.empty());
  CHECK(plan.failed_groups["g"].constraint_filtered["missing drivers"] == 1);
  CHECK(plan.failed_groups["g"].nodes_evaluated == 1);
}

TEST_CASE("planner: what does not fit is exhausted, by its dimension") {
  World world;
  world.add(test_node(1, 150, 8192));
  world.set_job(sparse_job("web", 2));
  Plan plan = world.make_plan();
  CHECK(plan.placements.size() == 1);
  CHECK(plan.queued["g"] == 1);
  CHECK(plan.failed_groups["g"].dimension_exhausted["cpu"] == 1);
}

TEST_CASE("planner: a static port is given once a node, and the collision is named") {
  World world = small_world(2);
  Job job = sparse_job("web", 3);
  add_port(job, "http", 8080);
  world.set_job(job);
  Plan plan = world.make_plan();
  REQUIRE(plan.placements.size() == 2);
  CHECK(plan.placements[0].node_id != plan.placements[1].node_id);
  CHECK(plan.placements[0].resources.ports[0].value == 8080);
  CHECK_FALSE(plan.placements[0].resources.ports[0].dynamic);
  CHECK(plan.failed_groups["g"].dimension_exhausted["network: reserved port collision http=8080"] == 2);
}

TEST_CASE(
    "planner: dynamic ports come from the node's range, keep clear of reserved and freed ones, and carry the address") {
  World world;
  Node node = test_node(1);
  node.dynamic_port_min = 20000;
  node.dynamic_port_max = 20003;
  node.reserved_ports = {20001};
  world.add(node);
  Job job = sparse_job("web", 2);
  add_port(job, "http");
  job.task_groups[0].networks[0].dynamic_ports[0].to = -1;
  world.set_job(job);
  Allocation ended;
  ended.id = test_uuid(77);
  ended.node_id = node.id;
  ended.client_status = ClientStatus::complete;
  ended.modify_time_ns = kNow - kSecond;
  ended.resources.ports = {{.label = "http", .value = 20002}};
  world.snapshot.node_allocs[node.id].push_back(std::make_shared<const Allocation>(ended));
  Plan plan = world.make_plan();
  REQUIRE(plan.placements.size() == 2);
  std::set<uint16_t> ports;
  for (const Allocation& a : plan.placements) {
    ports.insert(a.resources.ports[0].value);
    CHECK(a.resources.ports[0].host_ip == "127.0.0.1");
    CHECK(a.resources.ports[0].to == a.resources.ports[0].value);
    CHECK(a.resources.ports[0].dynamic);
  }
  CHECK(ports == std::set<uint16_t>{20000, 20003});
}

TEST_CASE("planner: a lately freed port is used when there is no other") {
  World world;
  Node node = test_node(1);
  node.dynamic_port_min = node.dynamic_port_max = 20000;
  world.add(node);
  Job job = sparse_job("web", 1);
  add_port(job, "http");
  world.set_job(job);
  Allocation ended;
  ended.id = test_uuid(77);
  ended.client_status = ClientStatus::failed;
  ended.modify_time_ns = kNow;
  ended.resources.ports = {{.label = "http", .value = 20000}};
  world.snapshot.node_allocs[node.id].push_back(std::make_shared<const Allocation>(ended));
  Plan plan = world.make_plan();
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.placements[0].resources.ports[0].value == 20000);
}

TEST_CASE("planner: a first version starts all at once, in a deployment that counts them") {
  World world = small_world(3);
  world.set_job(sparse_job("web", 3));
  Plan plan = world.make_plan();
  CHECK(plan.placements.size() == 3);
  REQUIRE(plan.deployment);
  CHECK(plan.deployment->groups["g"].desired_total == 3);
  CHECK(plan.deployment->groups["g"].desired_canaries == 0);
  CHECK(plan.deployment->status_description == "Deployment is running");
  for (const Allocation& a : plan.placements) CHECK(a.deployment_id == plan.deployment->id);
  std::set<std::string> names;
  for (const Allocation& a : plan.placements) names.insert(a.name);
  CHECK(names == std::set<std::string>{"web.g[0]", "web.g[1]", "web.g[2]"});
  CHECK(plan.desired_updates["g"].place == 3);
}

TEST_CASE("planner: instances of a job spread while nodes are equal") {
  World world = small_world(3);
  world.set_job(sparse_job("web", 3));
  Plan plan = world.make_plan();
  std::set<std::string> nodes;
  for (const Allocation& a : plan.placements) nodes.insert(a.node_id);
  CHECK(nodes.size() == 3);
}

TEST_CASE("planner: distinct_hosts forbids a second one on a node") {
  World world = small_world(2);
  Job job = sparse_job("web", 3);
  job.constraints.push_back({.operand = "distinct_hosts"});
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.placements.size() == 2);
  CHECK(plan.failed_groups["g"].constraint_filtered["distinct_hosts"] == 2);
}

TEST_CASE("planner: more are added with the smallest free names, and nothing else moves but in place") {
  World world = small_world(3);
  Job job = sparse_job("web", 2);
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  job.task_groups[0].count = int64_t{4};
  job.version = 1;
  job.job_modify_index = 20;
  world.snapshot.deployment = nullptr;
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.stops.empty());
  CHECK(plan.in_place.size() == 2);
  REQUIRE(plan.placements.size() == 2);
  CHECK(plan.placements[0].name == "web.g[2]");
  CHECK(plan.placements[1].name == "web.g[3]");
  REQUIRE(plan.deployment);
  CHECK(plan.deployment->groups["g"].desired_total == 4);
  for (const Allocation& a : plan.in_place) CHECK(a.deployment_id == plan.deployment->id);
}

TEST_CASE("planner: fewer stops the highest names") {
  World world = small_world(3);
  Job job = sparse_job("web", 4);
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  job.task_groups[0].count = int64_t{2};
  job.version = 1;
  world.snapshot.deployment = nullptr;
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.placements.empty());
  REQUIRE(plan.stops.size() == 2);
  std::set<std::string> stopped;
  for (const AllocStop& stop : plan.stops) {
    for (const AllocPtr& a : world.allocs()) {
      if (a->id == stop.alloc_id) stopped.insert(a->name);
    }
  }
  CHECK(stopped == std::set<std::string>{"web.g[2]", "web.g[3]"});
}

TEST_CASE("planner: a destructive update goes max_parallel at a time; the new one names the old one") {
  World world = small_world(3);
  Job job = sparse_job("web", 3);
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  world.snapshot.deployment = nullptr;
  change_command(job, "/bin/false");
  job.version = 1;
  world.set_job(job);
  Plan plan = world.make_plan();
  REQUIRE(plan.placements.size() == 1);
  REQUIRE(plan.stops.size() == 1);
  CHECK(plan.placements[0].previous_allocation == plan.stops[0].alloc_id);
  CHECK(plan.placements[0].name == "web.g[0]");
  CHECK(plan.desired_updates["g"].destructive_update == 1);
  CHECK(plan.desired_updates["g"].ignore == 2);
  CHECK(plan.deployment->groups["g"].desired_total == 3);
}

TEST_CASE("planner: the next one is updated only when the one before is healthy") {
  World world = small_world(3);
  Job job = sparse_job("web", 2);
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  world.snapshot.deployment = nullptr;
  change_command(job, "/bin/false");
  job.version = 1;
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  CHECK(world.make_plan().placements.empty());
  std::string fresh = world.allocs().back()->id;
  world.change(fresh, [](Allocation& a) { a.deployment_status = AllocDeploymentStatus{.healthy = false}; });
  CHECK(world.make_plan().placements.empty());
  world.change(fresh, [](Allocation& a) { a.deployment_status = AllocDeploymentStatus{.healthy = true}; });
  CHECK(world.make_plan().placements.size() == 1);
}

TEST_CASE("planner: a destructive update on a full node with a static port stays on it") {
  World world;
  world.add(test_node(1, 100, 64));
  Job job = sparse_job("web", 1);
  add_port(job, "http", 8080);
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  REQUIRE(world.running() == 1);
  world.snapshot.deployment = nullptr;
  change_command(job, "/bin/false");
  job.version = 1;
  world.set_job(job);
  Plan plan = world.make_plan();
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.placements[0].resources.ports[0].value == 8080);
  CHECK(plan.stops.size() == 1);
}

TEST_CASE("planner: an update that finds no room leaves the old one running") {
  World world;
  world.add(test_node(1, 150, 8192));
  Job job = sparse_job("web", 1);
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  world.snapshot.deployment = nullptr;
  job.task_groups[0].tasks[0].resources.cpu_mhz = int64_t{1000};
  job.version = 1;
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.placements.empty());
  CHECK(plan.stops.empty());
  CHECK(plan.queued["g"] == 1);
}

TEST_CASE("planner: canaries come on top, bear the names of those they will replace, and hold the update back") {
  World world = small_world(3);
  Job job = sparse_job("web", 2);
  job.task_groups[0].update = UpdateStrategy{};
  job.task_groups[0].update->canary = int64_t{1};
  world.set_job(job);
  Plan first = world.make_plan();
  CHECK(first.deployment->groups["g"].desired_canaries == 0);  // a first version has none
  world.apply(first);
  world.agents_act();
  world.snapshot.deployment = nullptr;
  change_command(job, "/bin/false");
  job.version = 1;
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.stops.empty());
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.placements[0].deployment_status->canary);
  CHECK(plan.placements[0].previous_allocation.empty());
  CHECK(plan.placements[0].name == "web.g[0]");
  CHECK(plan.deployment->groups["g"].desired_canaries == 1);
  CHECK(plan.deployment->status_description == "Deployment is running but requires manual promotion");
  world.apply(plan);
  world.agents_act();
  CHECK(world.make_plan().placements.empty());
  CHECK(world.running() == 3);

  // when promoted, the old one of that name stops first, and the rest is replaced one by one
  Deployment promoted = *world.snapshot.deployment;
  promoted.groups["g"].promoted = true;
  world.snapshot.deployment = std::make_shared<const Deployment>(promoted);
  world.change(plan.placements[0].id,
               [](Allocation& a) { a.deployment_status = AllocDeploymentStatus{.healthy = true}; });
  Plan after = world.make_plan();
  CHECK(after.placements.size() == 1);
  CHECK(after.placements[0].name == "web.g[1]");
  CHECK(after.stops.size() == 2);
}

TEST_CASE("planner: canaries of a version that was replaced are stopped") {
  World world = small_world(3);
  Job job = sparse_job("web", 2);
  job.task_groups[0].update = UpdateStrategy{};
  job.task_groups[0].update->canary = int64_t{1};
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  world.snapshot.deployment = nullptr;
  change_command(job, "/bin/false");
  job.version = 1;
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  std::string canary = world.allocs().back()->id;
  change_command(job, "/bin/other");
  job.version = 2;
  world.set_job(job);
  Plan plan = world.make_plan();
  REQUIRE(plan.deployment_updates.size() == 1);
  CHECK(plan.deployment_updates[0].description == "Cancelled due to newer version of job");
  REQUIRE(plan.stops.size() == 1);
  CHECK(plan.stops[0].alloc_id == canary);
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.placements[0].deployment_status->canary);
}

TEST_CASE("planner: allocations of a node that is down are lost and replaced elsewhere, at once") {
  World world = small_world(2);
  world.set_job(sparse_job("web", 2));
  world.apply(world.make_plan());
  world.agents_act();
  std::string victim = world.allocs()[0]->node_id;
  Node down = *world.snapshot.nodes[victim];
  down.status = NodeStatus::down;
  world.add(down);
  world.snapshot.deployment = nullptr;
  Plan plan = world.make_plan();
  REQUIRE(plan.stops.size() == 1);
  CHECK(plan.stops[0].client_status == ClientStatus::lost);
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.placements[0].node_id != victim);
  CHECK(plan.placements[0].previous_allocation == plan.stops[0].alloc_id);
}

TEST_CASE("planner: a failed allocation is replaced after its delay, elsewhere if it can, with its history") {
  World world = small_world(2);
  world.set_job(sparse_job("web", 1));
  world.apply(world.make_plan());
  world.agents_act();
  world.snapshot.deployment = nullptr;
  std::string failed = world.allocs()[0]->id;
  std::string node = world.allocs()[0]->node_id;
  world.change(failed, [](Allocation& a) {
    a.client_status = ClientStatus::failed;
    a.task_states["t"] = {.state = TaskRunState::dead, .failed = true, .finished_at_ns = kNow};
  });
  Plan wait = world.make_plan(kNow + kSecond);
  CHECK(wait.placements.empty());
  REQUIRE(wait.followup_evals.size() == 1);
  CHECK(wait.followup_evals[0].wait_until_ns == kNow + 30 * kSecond);
  world.apply(wait);
  Plan again = world.make_plan(kNow + 2 * kSecond);
  CHECK(again.followup_evals.empty());  // one waits already
  Plan plan = world.make_plan(kNow + 30 * kSecond);
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.placements[0].node_id != node);
  CHECK(plan.placements[0].previous_allocation == failed);
  REQUIRE(plan.placements[0].reschedule_events.size() == 1);
  CHECK(plan.placements[0].reschedule_events[0].delay_ns == 30 * kSecond);
  REQUIRE(plan.stops.size() == 1);
  CHECK(plan.stops[0].alloc_id == failed);
}

TEST_CASE("planner: without attempts left a failed allocation keeps its place and is not replaced") {
  World world = small_world(2);
  Job job = sparse_job("web", 1);
  job.task_groups[0].reschedule_policy = ReschedulePolicy{};
  job.task_groups[0].reschedule_policy->attempts = int64_t{0};
  job.task_groups[0].reschedule_policy->unlimited = false;
  world.set_job(job);
  world.apply(world.make_plan());
  world.snapshot.deployment = nullptr;
  world.change(world.allocs()[0]->id, [](Allocation& a) { a.client_status = ClientStatus::failed; });
  Plan plan = world.make_plan(kNow + 3600 * kSecond);
  CHECK(plan.placements.empty());
  CHECK(plan.stops.empty());
  CHECK(plan.followup_evals.empty());
}

TEST_CASE("planner: a stopped or purged job stops all and cancels its deployment") {
  World world = small_world(2);
  Job job = sparse_job("web", 2);
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  SECTION("stopped") {
    job.stop = true;
    world.set_job(job);
  }
  SECTION("purged") { world.snapshot.job = nullptr; }
  Plan plan = world.make_plan();
  CHECK(plan.stops.size() == 2);
  REQUIRE(plan.deployment_updates.size() == 1);
  CHECK(plan.deployment_updates[0].description == "Cancelled because job is stopped");
}

TEST_CASE("planner: allocations of a purged job of the same name are stopped") {
  World world = small_world(2);
  Job job = sparse_job("web", 1);
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  world.snapshot.deployment = nullptr;
  job.create_index = 99;
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.stops.size() == 1);
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.placements[0].previous_allocation.empty());
}

TEST_CASE("planner: a system job runs once on every node that can, and a new node gets its own") {
  World world = small_world(2);
  Node windows = test_node(3);
  windows.attributes["kernel.name"] = "windows";
  world.add(windows);
  Job job = sparse_job("edge", 1, "system");
  job.constraints.push_back({.l_target = "${attr.kernel.name}", .r_target = "linux", .operand = "="});
  add_port(job, "web", 8080);
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.placements.size() == 2);
  CHECK(plan.failed_groups.empty());
  CHECK_FALSE(plan.deployment);
  for (const Allocation& a : plan.placements) CHECK(a.name == "edge.g[0]");
  world.apply(plan);
  world.agents_act();
  CHECK(world.make_plan().placements.empty());
  world.add(test_node(4));
  plan = world.make_plan();
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.placements[0].node_id == test_uuid(4));
}

TEST_CASE("planner: a system job is updated max_parallel at a time and asks to be looked at again after stagger") {
  World world = small_world(3);
  Job job = sparse_job("edge", 1, "system");
  job.update = UpdateStrategy{};
  job.update->max_parallel = int64_t{1};
  job.update->stagger_ns = 30 * kSecond;
  world.set_job(job);
  world.apply(world.make_plan());
  world.agents_act();
  change_command(job, "/bin/false");
  job.version = 1;
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.placements.size() == 1);
  CHECK(plan.stops.size() == 1);
  REQUIRE(plan.next_eval);
  CHECK(plan.next_eval->wait_ns == 30 * kSecond);
  CHECK(plan.next_eval->wait_until_ns == kNow + 30 * kSecond);
  world.apply(plan);
  world.agents_act();
  world.apply(world.make_plan());
  world.agents_act();
  plan = world.make_plan();
  CHECK(plan.placements.size() == 1);
  CHECK_FALSE(plan.next_eval);
}

TEST_CASE("planner: a system allocation that died comes back after a back-off") {
  World world = small_world(1);
  world.set_job(sparse_job("edge", 1, "system"));
  world.apply(world.make_plan());
  world.change(world.allocs()[0]->id, [](Allocation& a) { a.client_status = ClientStatus::failed; });
  Plan plan = world.make_plan(kNow + kSecond);
  CHECK(plan.placements.empty());
  CHECK(plan.followup_evals.size() == 1);
  plan = world.make_plan(kNow + 15 * kSecond);
  CHECK(plan.placements.size() == 1);
}

TEST_CASE("planner: a system job with no feasible node says why") {
  World world = small_world(1);
  Job job = sparse_job("edge", 1, "system");
  job.constraints.push_back({.l_target = "${attr.kernel.name}", .r_target = "plan9", .operand = "="});
  world.set_job(job);
  Plan plan = world.make_plan();
  CHECK(plan.failed_groups["g"].constraint_filtered["${attr.kernel.name} = plan9"] == 1);
}

}  // namespace weir::scheduler

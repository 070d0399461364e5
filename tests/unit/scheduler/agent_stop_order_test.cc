// The end of an allocation, step by step, with a registry that behaves well, slowly, badly and not at all.

#include "agent_doubles.h"
#include "agent_fixture.h"
#include "catch.h"
#include "scheduler/agent/alloc_runner.h"

using namespace weir;
using namespace weir::scheduler;

namespace {

struct Fixture final : AllocRunner::Observer {
  TemporaryFolder folder;
  event::Loop loop;
  Trace trace;
  ScriptedRegistry registry{loop, trace};
  http::Client client{loop};
  RegistrySync sync{
      loop,
      client,
      {.registry = registry.url(), .node_id = "node-1", .call_timeout_ms = 300, .withdrawal_max_ms = 500}};
  CheckPoll checks{loop, client, {.registry = registry.url(), .period_ms = 10}};
  FakeDriver driver{loop, trace};
  std::map<std::string, Driver*> drivers{{"raw_exec", &driver}};
  NodeFacts node{.id = "node-1", .ip = "127.0.0.2"};
  std::unique_ptr<AllocRunner> runner;

  void begin(const Job& job) {
    runner = std::make_unique<AllocRunner>(AllocRunner::Context{loop, sync, checks, drivers, node, *this},
                                           example_alloc(job), folder.path("alloc"), false);
    runner->begin();
  }
  bool wait_registered() {
    return run_until(loop, [&] { return registry.service_count() > 0; });
  }
  bool wait_terminal() {
    return run_until(loop, [&] { return runner->terminal(); });
  }
  bool has_event(const std::string& type) {
    for (const TaskEvent& event : runner->tasks()[0]->state().events) {
      if (event.type == type) return true;
    }
    return false;
  }
  void on_alloc_changed(const std::string&) override {
    if (runner && runner->terminal()) trace.push_back("terminal");
  }
};

Job with_delays(int64_t group_ms, int64_t task_ms) {
  Job job = example_job();
  job.task_groups[0].shutdown_delay_ns = group_ms * 1'000'000;
  job.task_groups[0].tasks[0].shutdown_delay_ns = task_ms * 1'000'000;
  job.task_groups[0].tasks[0].kill_timeout_ns = 7'000'000'000;
  job.task_groups[0].tasks[0].kill_signal = "SIGTERM";
  return job;
}

}  // namespace

TEST_CASE("stop order: registered after the start, deregistered and confirmed before the signal") {
  Fixture test;
  test.begin(with_delays(0, 0));
  REQUIRE(test.wait_registered());
  test.runner->stop();
  REQUIRE(test.wait_terminal());
  CHECK(Trace(test.trace.begin(), test.trace.begin() + 5) ==
        Trace{"started srv", "register web", "deregister", "signal 15 to srv, kill after 7000", "exit srv"});
  CHECK(position(test.trace, "terminal") > position(test.trace, "exit srv"));
  CHECK(test.runner->alloc().client_status == ClientStatus::complete);
}

TEST_CASE("stop order: the group's and the task's delay lie between the registry's answer and the signal") {
  Fixture test;
  test.begin(with_delays(80, 70));
  REQUIRE(test.wait_registered());
  test.runner->stop();
  REQUIRE(run_until(test.loop, [&] { return position(test.trace, "signal") < test.trace.size(); }));
  CHECK(test.loop.now_ms() - test.registry.deregistered_ms() >= 150);
  CHECK(test.has_event("Waiting for shutdown delay"));
  REQUIRE(test.wait_terminal());
}

TEST_CASE("stop order: a slow registry is waited for, the task keeps running and is not signalled") {
  Fixture test;
  test.begin(with_delays(0, 0));
  REQUIRE(test.wait_registered());
  test.registry.set_delay_ms(150);
  uint64_t before_ms = test.loop.now_ms();
  test.runner->stop();
  REQUIRE(run_until(test.loop, [&] { return position(test.trace, "registry asked") < test.trace.size(); }));
  CHECK(test.runner->alloc().client_status == ClientStatus::running);
  REQUIRE(test.wait_terminal());
  CHECK(test.loop.now_ms() - before_ms >= 150);
  CHECK(position(test.trace, "deregister") < position(test.trace, "signal"));
}

TEST_CASE("stop order: a registry that refuses is asked again until it agrees") {
  Fixture test;
  test.begin(with_delays(0, 0));
  REQUIRE(test.wait_registered());
  test.registry.set_manner(ScriptedRegistry::Manner::refuses);
  test.runner->stop();
  REQUIRE(run_until(test.loop, [&] { return position(test.trace, "registry refuses") < test.trace.size(); }));
  CHECK(position(test.trace, "signal") == test.trace.size());
  test.registry.set_manner(ScriptedRegistry::Manner::answers);
  REQUIRE(test.wait_terminal());
  CHECK(position(test.trace, "deregister") < position(test.trace, "signal"));
  CHECK_FALSE(test.has_event("Task hook failed"));
}

TEST_CASE("stop order: a dead or hanging registry holds the stop up for its limit, then an event tells") {
  Fixture test;
  test.begin(with_delays(0, 0));
  REQUIRE(test.wait_registered());
  SECTION("dead") { test.registry.close(); }
  SECTION("hanging") { test.registry.set_manner(ScriptedRegistry::Manner::hangs); }
  uint64_t before_ms = test.loop.now_ms();
  test.runner->stop();
  REQUIRE(run_until(test.loop, [&] { return position(test.trace, "signal") < test.trace.size(); }));
  CHECK(test.loop.now_ms() - before_ms >= 500);
  CHECK(test.has_event("Task hook failed"));
  REQUIRE(test.wait_terminal());
}

TEST_CASE("stop order: nothing registers a service again once the end has begun") {
  Fixture test;
  test.begin(with_delays(100, 0));
  REQUIRE(test.wait_registered());
  test.runner->stop();
  REQUIRE(run_until(test.loop, [&] { return position(test.trace, "deregister") < test.trace.size(); }));
  Allocation changed = test.runner->alloc();
  Job job = *changed.job;
  job.task_groups[0].services[0].tags = {"changed"};
  changed.job = std::make_shared<const Job>(job);
  test.runner->update(changed, false);
  REQUIRE(test.wait_terminal());
  CHECK(test.registry.registrations() == 1);
  CHECK(test.registry.service_count() == 0);
}

TEST_CASE("stop order: a task whose start completes after the end began is stopped and was never registered") {
  Fixture test;
  test.begin(example_job());
  REQUIRE(test.trace.empty());  // the driver is still starting it
  test.runner->stop();
  REQUIRE(test.wait_terminal());
  CHECK(position(test.trace, "started srv") < position(test.trace, "signal 2 to srv"));
  CHECK(test.registry.registrations() == 0);
}

TEST_CASE("stop order: a service is out of the registry while its crashed task waits, and back when it runs again") {
  Fixture test;
  Job job = example_job();
  job.task_groups[0].tasks[0].restart_policy.delay_ns = 50'000'000;
  test.begin(job);
  REQUIRE(test.wait_registered());
  test.driver.process("srv")->exit(1);
  REQUIRE(run_until(test.loop, [&] { return test.registry.service_count() == 0; }));
  CHECK(test.runner->alloc().client_status == ClientStatus::pending);
  REQUIRE(test.wait_registered());
  CHECK(test.registry.registrations() == 2);
  CHECK(test.runner->tasks()[0]->state().restarts == 1);
}

TEST_CASE("stop order: an in-place update changes the registration without taking it out") {
  Fixture test;
  test.begin(example_job());
  REQUIRE(test.wait_registered());
  Allocation changed = test.runner->alloc();
  Job job = *changed.job;
  job.task_groups[0].services[0].tags = {"changed"};
  changed.job = std::make_shared<const Job>(job);
  test.runner->update(changed, false);
  REQUIRE(run_until(test.loop, [&] { return test.registry.registrations() == 2; }));
  CHECK(position(test.trace, "deregister") == test.trace.size());
  CHECK(test.registry.only_body().find("changed") != std::string::npos);
}

TEST_CASE("stop order: the leader goes first, and its end stops the others") {
  Fixture test;
  Job job = example_job();
  Task second = job.task_groups[0].tasks[0];
  second.name = "lead";
  second.leader = true;
  second.restart_policy.attempts = 0;
  job.task_groups[0].tasks.push_back(second);
  test.begin(job);
  REQUIRE(test.wait_registered());
  SECTION("ordered") {
    test.runner->stop();
    REQUIRE(test.wait_terminal());
    CHECK(position(test.trace, "exit lead") < position(test.trace, "signal 2 to srv"));
    CHECK(test.runner->alloc().client_status == ClientStatus::complete);
  }
  SECTION("by itself") {
    test.driver.process("lead")->exit(0);
    REQUIRE(test.wait_terminal());
    CHECK(position(test.trace, "deregister") < position(test.trace, "signal 2 to srv"));
  }
}

TEST_CASE(
    "stop order: a task that failed for good takes its siblings along, and the allocation fails when all are dead") {
  Fixture test;
  Job job = example_job();
  Task second = job.task_groups[0].tasks[0];
  second.name = "other";
  job.task_groups[0].tasks[0].restart_policy.attempts = 0;
  job.task_groups[0].tasks.push_back(second);
  test.begin(job);
  REQUIRE(test.wait_registered());
  test.driver.ignore_signals();
  test.driver.process("srv")->exit(1);
  REQUIRE(run_until(test.loop, [&] { return position(test.trace, "signal 2 to other") < test.trace.size(); }));
  CHECK(test.runner->alloc().client_status == ClientStatus::running);  // the other one still holds its port
  test.driver.process("other")->exit(0, 9);
  REQUIRE(test.wait_terminal());
  CHECK(test.runner->alloc().client_status == ClientStatus::failed);
}

TEST_CASE("stop order: an allocation that waits for its predecessor starts nothing, and ends at once when stopped") {
  Fixture test;
  test.runner = std::make_unique<AllocRunner>(
      AllocRunner::Context{test.loop, test.sync, test.checks, test.drivers, test.node, test},
      example_alloc(example_job()), test.folder.path("alloc"), true);
  test.runner->begin();
  test.loop.run_ready();
  CHECK(test.driver.launches().empty());
  SECTION("released") {
    test.runner->update(test.runner->alloc(), false);
    CHECK(test.wait_registered());
  }
  SECTION("stopped") {
    test.runner->stop();
    REQUIRE(test.wait_terminal());
    CHECK(test.driver.launches().empty());
  }
}

TEST_CASE("stop order: a task whose check fails for too long is restarted as one that failed, deregistered first") {
  Fixture test;
  Job job = example_job();
  ServiceCheck& check = job.task_groups[0].services[0].checks[0];
  check.check_restart = CheckRestart{.limit = 1, .grace_ns = 100'000'000};
  job.task_groups[0].tasks[0].restart_policy.attempts = 1;
  uint64_t before_ms = test.loop.now_ms();
  test.begin(job);  // its check is critical from the start
  REQUIRE(run_until(test.loop, [&] { return position(test.trace, "signal") < test.trace.size(); }));
  CHECK(test.loop.now_ms() - before_ms >= 100);
  CHECK(position(test.trace, "deregister") < position(test.trace, "signal"));
  REQUIRE(test.wait_terminal());  // the second time is one too many
  CHECK(test.runner->alloc().client_status == ClientStatus::failed);
  CHECK(test.runner->tasks()[0]->state().restarts == 1);
}

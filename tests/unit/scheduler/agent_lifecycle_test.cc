// Tasks that prepare, accompany and clean up: when they start, and what their ends mean.

#include "agent_doubles.h"
#include "agent_fixture.h"
#include "catch.h"
#include "scheduler/agent/alloc_runner.h"
#include "scheduler/job_rules.h"

using namespace weir;
using namespace weir::scheduler;

namespace {

/// An allocation of tasks that end when the test says so, or when they are told to.
struct Fixture final : AllocRunner::Observer {
  TemporaryFolder folder;
  event::Loop loop;
  Trace trace;
  ScriptedRegistry registry{loop, trace};
  http::Client client{loop};
  RegistrySync sync{loop, client, {.registry = registry.url(), .node_id = "node-1"}};
  CheckPoll checks{loop, client, {.registry = registry.url(), .period_ms = 10}};
  FakeDriver driver{loop, trace};
  std::map<std::string, Driver*> drivers{{"raw_exec", &driver}};
  NodeFacts node{.id = "node-1", .ip = "127.0.0.2"};
  Job job = example_job();
  std::unique_ptr<AllocRunner> runner;

  Fixture() { job.task_groups[0].services.clear(); }

  void add(const std::string& name, const std::string& hook, bool sidecar = false) {
    Task task = job.task_groups[0].tasks[0];
    task.name = name;
    task.lifecycle = Lifecycle{.hook = hook, .sidecar = sidecar};
    job.task_groups[0].tasks.push_back(task);
  }
  /// init and side before the main task "srv", after beside it, clean behind it.
  void add_all() {
    add("init", "prestart");
    add("side", "prestart", true);
    add("after", "poststart");
    add("clean", "poststop");
  }
  void make(const std::string& deployment_id = "") {
    canonicalize(job);
    Allocation alloc = example_alloc(job);
    alloc.deployment_id = deployment_id;
    runner = std::make_unique<AllocRunner>(AllocRunner::Context{loop, sync, checks, drivers, node, *this}, alloc,
                                           folder.path("alloc"), false);
  }
  void begin() {
    make();
    runner->begin();
  }
  bool until(const std::string& text) {
    return run_until(loop, [&] { return position(trace, text) < trace.size(); });
  }
  bool until_terminal() {
    return run_until(loop, [&] { return runner->terminal(); });
  }
  /// All that is due has been done.
  void settle() {
    for (int turn = 0; turn < 20; ++turn) {
      loop.post([this] { loop.stop(); });
      loop.run();
    }
  }
  [[nodiscard]] bool launched(const std::string& task) const { return driver.launches().contains(task); }
  [[nodiscard]] const TaskState& state(const std::string& task) const { return runner->alloc().task_states.at(task); }
  [[nodiscard]] size_t times(const std::string& text) const {
    return static_cast<size_t>(std::count(trace.begin(), trace.end(), text));
  }
  [[nodiscard]] bool in_order(const std::vector<std::string>& texts) const {
    for (size_t i = 0; i + 1 < texts.size(); ++i) {
      if (position(trace, texts[i]) >= position(trace, texts[i + 1])) return false;
    }
    return position(trace, texts.back()) < trace.size();
  }
  void on_alloc_changed(const std::string&) override {}
};

}  // namespace

TEST_CASE("lifecycle: main tasks wait for what prepares, poststart for them, and poststop for the end of all") {
  Fixture test;
  test.add_all();
  test.begin();
  REQUIRE(test.until("started init"));
  REQUIRE(test.until("started side"));
  test.settle();
  CHECK_FALSE(test.launched("srv"));
  test.driver.process("init")->exit(0);
  REQUIRE(test.until("started after"));
  CHECK(test.in_order({"exit init", "started srv", "started after"}));
  test.driver.process("after")->exit(0);
  test.settle();
  CHECK(test.state("init").state == TaskRunState::dead);
  CHECK(test.state("after").state == TaskRunState::dead);
  CHECK(test.runner->alloc().client_status == ClientStatus::running);
  CHECK_FALSE(test.launched("clean"));
  test.runner->stop();
  REQUIRE(test.until("started clean"));
  CHECK(test.in_order({"signal 2 to srv", "exit srv", "signal 2 to side", "exit side", "started clean"}));
  test.settle();
  CHECK_FALSE(test.runner->terminal());
  test.driver.process("clean")->exit(0);
  REQUIRE(test.until_terminal());
  CHECK(test.runner->alloc().client_status == ClientStatus::complete);
  CHECK(test.times("started init") == 1);
  CHECK(test.times("started after") == 1);
}

TEST_CASE("lifecycle: a sidecar is started again whatever its end, in a batch job too, and ends with the main task") {
  Fixture test;
  test.job.type = "batch";
  test.job.task_groups[0].update.reset();
  test.add_all();
  test.begin();
  REQUIRE(test.until("started side"));
  test.driver.process("init")->exit(0);
  REQUIRE(test.until("started srv"));
  test.driver.process("side")->exit(0);
  REQUIRE(run_until(test.loop, [&] { return test.times("started side") == 2; }));
  CHECK(test.runner->alloc().client_status == ClientStatus::running);
  REQUIRE(test.until("started after"));
  test.driver.process("srv")->exit(0);
  REQUIRE(test.until("started clean"));
  CHECK(test.in_order({"exit srv", "signal 2 to after", "signal 2 to side", "started clean"}));
  test.driver.process("clean")->exit(0);
  REQUIRE(test.until_terminal());
  CHECK(test.runner->alloc().client_status == ClientStatus::complete);
}

TEST_CASE("lifecycle: a prestart task that fails for good fails the allocation; no main task runs, poststop does") {
  Fixture test;
  test.add_all();
  test.begin();
  for (size_t run = 1; run <= 3; ++run) {  // two restarts are allowed
    REQUIRE(run_until(test.loop, [&] { return test.times("started init") == run; }));
    test.driver.process("init")->exit(1);
  }
  REQUIRE(test.until("started clean"));
  test.driver.process("clean")->exit(0);
  REQUIRE(test.until_terminal());
  CHECK_FALSE(test.launched("srv"));
  CHECK_FALSE(test.launched("after"));
  CHECK(test.runner->alloc().client_status == ClientStatus::failed);
}

TEST_CASE("lifecycle: a main task of several may have ended when the poststart task begins") {
  Fixture test;
  test.job.type = "batch";
  test.job.task_groups[0].update.reset();
  Task second = test.job.task_groups[0].tasks[0];
  second.name = "other";
  test.job.task_groups[0].tasks.push_back(second);
  test.add("side", "prestart", true);
  test.add("after", "poststart");
  test.begin();
  REQUIRE(test.until("started srv"));
  test.driver.process("srv")->exit(0);
  CHECK(test.until("started after"));
  CHECK(test.runner->alloc().client_status == ClientStatus::running);
}

TEST_CASE("lifecycle: an allocation is healthy when all that lasts runs; what ends well beside it changes nothing") {
  Fixture test;
  test.job.task_groups[0].update->health_check = "task_states";
  test.job.task_groups[0].update->min_healthy_time_ns = 0;
  test.add_all();
  test.make("deployment");
  test.runner->begin();
  auto healthy = [&] {
    const auto& status = test.runner->alloc().deployment_status;
    return status ? status->healthy : std::nullopt;
  };
  REQUIRE(test.until("started side"));
  for (int look = 0; look < 5; ++look) test.settle();
  CHECK_FALSE(healthy());
  test.driver.process("init")->exit(0);
  REQUIRE(test.until("started after"));
  test.driver.process("after")->exit(0);
  REQUIRE(run_until(test.loop, [&] { return healthy().has_value(); }));
  CHECK(*healthy());
}

TEST_CASE("lifecycle: without a deployment health is decided as a drain has to know it") {
  Fixture test;
  test.job.task_groups[0].migrate = MigrateStrategy{1, "task_states", 0, int64_t{300} * 1'000'000'000};
  test.begin();
  const auto& status = test.runner->alloc().deployment_status;
  CHECK_FALSE(status);
  REQUIRE(test.until("started srv"));
  REQUIRE(run_until(test.loop, [&] { return status && status->healthy.has_value(); }));
  CHECK(*status->healthy);
}

TEST_CASE("lifecycle: an allocation that is killed cleans nothing up, and one that never began neither") {
  Fixture test;
  test.add_all();
  test.begin();
  REQUIRE(test.until("started side"));
  SECTION("killed") {
    test.runner->stop();
    test.runner->kill();
  }
  SECTION("restored without having begun") {
    test.runner.reset();
    test.make();
    test.runner->restore();
    test.runner->stop();
  }
  REQUIRE(test.until_terminal());
  CHECK_FALSE(test.launched("clean"));
}

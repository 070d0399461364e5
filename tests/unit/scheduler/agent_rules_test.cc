// What the agent decides without doing: restarts, health, registrations, places in logs.

#include <sys/stat.h>

#include "agent_doubles.h"
#include "agent_fixture.h"
#include "catch.h"
#include "scheduler/agent/alloc_files.h"
#include "scheduler/agent/check_restarts.h"
#include "scheduler/agent/fingerprint.h"
#include "scheduler/agent/health_tracker.h"
#include "scheduler/agent/log_cursor.h"
#include "scheduler/agent/raw_exec_driver.h"
#include "scheduler/agent/registration.h"
#include "scheduler/agent/restart_tracker.h"
#include "scheduler/agent/rotating_log.h"
#include "scheduler/agent/signal_names.h"
#include "weir/base/file.h"

using namespace weir;
using namespace weir::scheduler;

namespace {

using Verdict = RestartDecision::Verdict;

RestartPolicy policy(int64_t attempts, const std::string& mode) {
  return {.attempts = attempts, .interval_ns = 10'000'000'000, .delay_ns = 1'000'000'000, .mode = mode};
}

UpdateStrategy rules(const std::string& health_check) {
  UpdateStrategy update;
  update.health_check = health_check;
  update.min_healthy_time_ns = 1'000'000'000;
  update.healthy_deadline_ns = 10'000'000'000;
  return update;
}

}  // namespace

TEST_CASE("restart: one failure more than the attempts of an interval is too many, a new interval starts again") {
  RestartTracker tracker;
  CHECK(tracker.after_exit(policy(2, "fail"), "service", false, 1'000).verdict == Verdict::restart);
  CHECK(tracker.after_exit(policy(2, "fail"), "service", false, 2'000).verdict == Verdict::restart);
  SECTION("within") {
    auto decision = tracker.after_exit(policy(2, "fail"), "service", false, 11'000);
    CHECK(decision.verdict == Verdict::fail);
    CHECK(decision.reason == "Exceeded allowed attempts 2 in interval 10s and mode is \"fail\"");
  }
  SECTION("after") {
    CHECK(tracker.after_exit(policy(2, "fail"), "service", false, 11'001).verdict == Verdict::restart);
  }
}

TEST_CASE("restart: the delay grows by up to a quarter; mode delay waits for the interval's end") {
  RestartTracker tracker;
  auto first = tracker.after_exit(policy(1, "delay"), "service", false, 5'000);
  CHECK(first.delay_ms >= 1'000);
  CHECK(first.delay_ms <= 1'250);
  auto second = tracker.after_exit(policy(1, "delay"), "service", false, 7'000);
  CHECK(second.verdict == Verdict::restart);
  CHECK(second.delay_ms >= 8'000 + 1'000);
  CHECK(second.delay_ms <= 8'000 + 1'250);
}

TEST_CASE("restart: success ends a batch task and restarts a service; no attempts means never") {
  RestartTracker tracker;
  CHECK(tracker.after_exit(policy(2, "fail"), "batch", true, 0).verdict == Verdict::complete);
  CHECK(tracker.after_exit(policy(2, "fail"), "batch", false, 0).verdict == Verdict::restart);
  CHECK(tracker.after_exit(policy(2, "fail"), "service", true, 0).verdict == Verdict::restart);
  CHECK(tracker.after_exit(policy(0, "delay"), "service", false, 0).reason == "Policy allows no restarts");
  CHECK(tracker.after_failed_start(policy(2, "fail"), false, 0).verdict == Verdict::fail);
}

TEST_CASE("health: good checks must stay good for the whole time") {
  HealthTracker tracker(HealthRule(rules("checks")), 0);
  HealthObservation good{.tasks_running = true, .started_at_ms = 100, .services_passing = true};
  HealthObservation bad = good;
  bad.services_passing = false;
  CHECK_FALSE(tracker.observe(bad, 500));
  CHECK_FALSE(tracker.observe(good, 1'000));
  CHECK_FALSE(tracker.observe(bad, 1'900));  // flaps
  CHECK_FALSE(tracker.observe(good, 2'000));
  CHECK_FALSE(tracker.observe(good, 2'999));
  CHECK(tracker.observe(good, 3'000) == true);
  CHECK(tracker.observe(bad, 4'000) == true);  // decided once
}

TEST_CASE("health: a restart begins the time anew, the deadline does not move") {
  HealthTracker tracker(HealthRule(rules("checks")), 0);
  HealthObservation seen{.tasks_running = true, .started_at_ms = 100, .services_passing = true};
  CHECK_FALSE(tracker.observe(seen, 200));
  seen.started_at_ms = 900;
  CHECK_FALSE(tracker.observe(seen, 1'250));
  CHECK_FALSE(tracker.observe(seen, 2'249));
  CHECK(tracker.observe(seen, 2'250) == true);
  HealthTracker late(HealthRule(rules("checks")), 0);
  seen.services_passing = false;
  CHECK_FALSE(late.observe(seen, 9'999));
  CHECK(late.observe(seen, 10'000) == false);
}

TEST_CASE("health: an ended task is unhealthy, task_states needs no checks, manual is for people") {
  HealthTracker ended(HealthRule(rules("checks")), 0);
  CHECK(ended.observe({.task_ended = true}, 1) == false);
  HealthTracker states(HealthRule(rules("task_states")), 0);
  CHECK_FALSE(states.observe({.tasks_running = true, .started_at_ms = 500}, 1'499));
  CHECK(states.observe({.tasks_running = true, .started_at_ms = 500}, 1'500) == true);
  HealthTracker manual(HealthRule(rules("manual")), 0);
  CHECK_FALSE(manual.observe({.tasks_running = true, .services_passing = true}, 60'000));
}

TEST_CASE(
    "check_restart: counts from the grace's end, for as many intervals as the limit less one, good ones begin anew") {
  CheckRegistration check{.interval_ns = 1'000'000'000};
  check.restart = CheckRestart{.limit = 3, .grace_ns = 5'000'000'000};
  CheckRestartTracker tracker(check);
  CHECK_FALSE(tracker.observe("critical", 0, 4'999));
  CHECK_FALSE(tracker.observe("critical", 0, 5'000));
  CHECK_FALSE(tracker.observe("critical", 0, 6'999));
  CHECK_FALSE(tracker.observe("passing", 0, 7'000));
  CHECK_FALSE(tracker.observe("warning", 0, 8'000));
  CHECK_FALSE(tracker.observe("critical", 0, 9'999));
  CHECK(tracker.observe("critical", 0, 10'000));
  check.restart->ignore_warnings = true;
  CheckRestartTracker lenient(check);
  CHECK_FALSE(lenient.observe("warning", 0, 8'000));
  CHECK_FALSE(lenient.observe("warning", 0, 80'000));
}

TEST_CASE("registration: id, address, tags, meta and check are as Nomad's, with the node's own mark") {
  Job job = example_job();
  job.task_groups[0].services[0].canary_tags = {"canary"};
  Allocation alloc = example_alloc(job);
  TextMap env = {{"NOMAD_ALLOC_INDEX", "3"}};
  NodeVariables node;
  RegistrationContext context{.alloc = alloc,
                              .group = job.task_groups[0],
                              .env = env,
                              .node = node,
                              .node_id = "node-1",
                              .node_ip = "127.0.0.2"};
  auto built = build_registrations(context);
  REQUIRE(built);
  REQUIRE(built->size() == 1);
  const ServiceRegistration& web = built->front();
  CHECK(web.id == "_nomad-task-" + alloc.id + "-group-g-web-http");
  CHECK(web.address == "127.0.0.2");
  CHECK(web.port == 20001);
  CHECK(web.tags == std::vector<std::string>{"urlprefix-/", "v=3"});
  CHECK(web.meta.at("external-source") == "nomad");
  CHECK(web.meta.at("weir-node-id") == "node-1");
  REQUIRE(web.checks.size() == 1);
  CHECK(web.checks[0].http == "http://127.0.0.2:20001/health");
  CHECK(web.checks[0].id.starts_with("_nomad-check-"));
  CHECK(encode_registration_body(web).find("\"Interval\":\"1s\"") != std::string::npos);

  SECTION("one of the provider nomad is registered as well: nobody else runs its checks") {
    job.task_groups[0].services[0].provider = "nomad";
    auto native = build_registrations(context);
    REQUIRE(native);
    REQUIRE(native->size() == 1);
    CHECK(native->front().checks == web.checks);
  }
  SECTION("a canary has its own tags, the same id") {
    alloc.deployment_status = AllocDeploymentStatus{.canary = true};
    auto canary = build_registrations(context);
    REQUIRE(canary);
    CHECK(canary->front().tags == std::vector<std::string>{"canary"});
    CHECK(canary->front().id == web.id);
  }
  SECTION("a port that was not given is an error with both names") {
    alloc.resources.ports.clear();
    auto missing = build_registrations(context);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().message.find("web") != std::string::npos);
    CHECK(missing.error().message.find("\"http\"") != std::string::npos);
  }
  SECTION("a registry's row equals what was sent, whatever the registry adds to it") {
    std::string row =
        "{\"" + web.id + "\":{\"ID\":\"" + web.id +
        R"(","Service":"web","Tags":["urlprefix-/","v=3"],"Port":20001,"Address":"127.0.0.2",)"
        R"("Meta":{"external-source":"nomad","weir-node-id":"node-1"},"Weights":{"Passing":1,"Warning":1},)"
        R"("TaggedAddresses":{"lan_ipv4":{"Address":"127.0.0.2","Port":20001}},)"
        R"("EnableTagOverride":false,"Datacenter":"dc1"}})";
    auto rows = decode_registered_services(row, {{web.id, &web}});
    REQUIRE(rows);
    REQUIRE(rows->size() == 1);
    CHECK(rows->front().same);
    CHECK(rows->front().node_id == "node-1");
    ServiceRegistration other = web;
    other.tags.pop_back();
    CHECK_FALSE(decode_registered_services(row, {{web.id, &other}})->front().same);
    CHECK_FALSE(decode_registered_services("[]", {}));
    CHECK_FALSE(decode_registered_services("{", {}));
  }
}

TEST_CASE("raw_exec: command and arguments with variables replaced, numbers as text, the unknown refused") {
  TextMap env = {{"NOMAD_PORT_http", "8080"}};
  auto config = [](Value::Object object) { return Value(std::move(object)); };
  auto good =
      parse_raw_exec_config(config({{"command", Value("srv")},
                                    {"args", Value(Value::List{Value("-p"), Value("${NOMAD_PORT_http}"), Value(7)})}}),
                            env, {});
  REQUIRE(good);
  CHECK(good->argv == std::vector<std::string>{"srv", "-p", "8080", "7"});
  CHECK_FALSE(parse_raw_exec_config(config({}), env, {}));
  CHECK_FALSE(parse_raw_exec_config(config({{"command", Value("x")}, {"args", Value("-p")}}), env, {}));
  CHECK_FALSE(parse_raw_exec_config(config({{"command", Value("${env.nothing}")}}), env, {}));
  CHECK_FALSE(parse_raw_exec_config(config({{"command", Value("x")}, {"image", Value("y")}}), env, {}));
}

TEST_CASE("log cursor: reads over files, from both ends, and goes on where the writer goes on") {
  TemporaryFolder folder;
  auto log = RotatingLog::open({.folder = folder.path(), .name = "t.stdout", .file_bytes_max = 4, .files_max = 10});
  REQUIRE(log);
  log->write("aaaabbbbcc");
  auto all = [&](bool from_end, uint64_t offset) {
    auto cursor = LogCursor::at(folder.path(), "t.stdout", from_end, offset);
    REQUIRE(cursor);
    std::string text;
    while (true) {
      auto piece = cursor->read(3);
      if (piece.bytes.empty()) return text;
      text += piece.bytes;
    }
  };
  CHECK(all(false, 0) == "aaaabbbbcc");
  CHECK(all(false, 5) == "bbbcc");
  CHECK(all(true, 0) == "");
  CHECK(all(true, 3) == "bcc");
  CHECK(all(true, 10) == "aaaabbbbcc");
  CHECK(all(true, 99) == "aaaabbbbcc");
  CHECK(all(false, 99) == "");
  CHECK_FALSE(LogCursor::at(folder.path(), "other", false, 0));

  auto follower = LogCursor::at(folder.path(), "t.stdout", true, 0);
  REQUIRE(follower);
  log->write("ddee");
  CHECK(follower->read(100).bytes == "dd");
  auto piece = follower->read(100);
  CHECK(piece.bytes == "ee");
  CHECK(piece.file == "t.stdout.3");
  CHECK(piece.offset == 2);
}

TEST_CASE("alloc files: a path stays inside, also through links, and out of secrets") {
  TemporaryFolder folder;
  std::string root = folder.path("a");
  REQUIRE(make_directories(root + "/srv/secrets"));
  REQUIRE(make_directories(root + "/alloc"));
  REQUIRE(write_file_atomic(folder.path("outside"), "x"));
  std::filesystem::create_symlink("../../outside", root + "/alloc/link");
  std::filesystem::create_symlink("../srv/secrets", root + "/alloc/inner");
  CHECK(resolve_alloc_path(root, "/"));
  CHECK(resolve_alloc_path(root, "alloc/../srv"));
  for (const char* path :
       {"..", "../outside", "alloc/link", "srv/secrets", "srv/secrets/key", "alloc/inner", "/../../etc"}) {
    auto resolved = resolve_alloc_path(root, path);
    INFO(path);
    REQUIRE_FALSE(resolved);
    CHECK(resolved.error().code == ErrorCode::refused);
  }
}

TEST_CASE("signals: names with and without SIG, in any case") {
  CHECK(parse_signal("SIGTERM") == 15);
  CHECK(parse_signal("hup") == 1);
  CHECK_FALSE(parse_signal("SIGNOTHING"));
  CHECK_FALSE(parse_signal(""));
}

TEST_CASE("fingerprint: key and value lines, quotes off, the first one wins") {
  auto values = parse_key_values("ID=debian\nVERSION_ID=\"12\"\nID=other\nnonsense\n", '=');
  CHECK(values.at("ID") == "debian");
  CHECK(values.at("VERSION_ID") == "12");
  CHECK(values.size() == 2);
}

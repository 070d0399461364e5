// The whole agent with real processes; server and registry are scripted.

#include "weir/scheduler/agent.h"

#include <sys/stat.h>

#include <algorithm>
#include <csignal>

#include "agent_doubles.h"
#include "agent_fixture.h"
#include "agent_server_double.h"
#include "catch.h"
#include "scheduler/agent/process_identity.h"
#include "scheduler/agent/task_files.h"
#include "scheduler/job_rules.h"
#include "weir/base/file.h"
#include "weir/http/client.h"

using namespace weir;
using namespace weir::scheduler;

namespace {

struct Fixture {
  TemporaryFolder folder;
  event::Loop loop;
  Trace trace;
  ScriptedRegistry registry{loop, trace};
  ScriptedServer server{loop};
  http::Client client{loop};
  std::unique_ptr<Agent> agent;
  uint64_t check_poll_ms = 10;

  /// Tasks outlive their agent, but not the test.
  ~Fixture() {
    agent.reset();
    auto records = list_files(folder.path("data/state/tasks"), ".record");
    if (!records) return;
    for (const std::string& name : *records) {
      auto record = decode_task_record(read_file(folder.path("data/state/tasks/" + name)).value_or(""));
      if (!record || !is_running(record->supervisor)) continue;
      ::kill(-record->task.pid, SIGKILL);
      run_until(loop, [&] { return !is_running(record->supervisor); });
    }
  }

  void start_agent() {
    auto made = Agent::start(loop, {.server = server.url(),
                                    .registry = registry.url(),
                                    .data_dir = folder.path("data"),
                                    .name = "n1",
                                    .http = *SocketAddress::parse("127.0.0.2:0"),
                                    .meta = {{"rack", "r7"}},
                                    .supervisor_argv = {WEIR_TASK_SUPERVISOR},
                                    .check_poll_ms = check_poll_ms});
    REQUIRE(made);
    agent = std::move(*made);
  }

  Job job_with(const std::string& script) {
    Job job = example_job();
    Task& task = job.task_groups[0].tasks[0];
    task.config =
        Value(Value::Object{{"command", Value("/bin/sh")}, {"args", Value(Value::List{Value("-c"), Value(script)})}});
    task.kill_timeout_ns = 200'000'000;
    return job;
  }
  /// A task that says who it is, then runs until it is told to stop.
  Job lasting_job() {
    return job_with(
        "echo \"$$ $NOMAD_ADDR_http $NOMAD_ALLOC_INDEX ${meta.rack}\"; trap 'exit 0' INT; "
        "while :; do sleep 0.01; done");
  }

  Allocation place(const Job& job) {
    Allocation alloc = example_alloc(job);
    server.put(alloc);
    return alloc;
  }
  bool wait_reported(const std::string& id, ClientStatus status) {
    return run_until(loop, [&] { return server.reported(id, status); });
  }
  std::string log(const std::string& id, const std::string& file) {
    auto text = read_file(folder.path("data/alloc/" + id + "/alloc/logs/" + file));
    return text ? *text : "";
  }
  bool exists(const std::string& name) {
    struct stat found {};
    return ::stat(folder.path(name).c_str(), &found) == 0;
  }
  http::ClientRequest request(const std::string& target, bool with_secret = true) {
    http::ClientRequest out{.url = *Url::parse("http://" + agent->http_address().text())};
    out.url.target = target;
    if (with_secret) out.headers.emplace_back(std::string(kNodeSecretHeader), server.node.secret_id);
    return out;
  }
  http::ClientResponse get(const std::string& target, bool with_secret = true) {
    return send(request(target, with_secret));
  }
  http::ClientResponse put(const std::string& target, const std::string& body) {
    auto out = request(target);
    out.method = "PUT";
    out.body = body;
    return send(std::move(out));
  }
  http::ClientResponse send(http::ClientRequest out) {
    std::optional<http::ClientResponse> answer;
    auto call = client.send(std::move(out), [&](Result<http::ClientResponse> response) {
      REQUIRE(response);
      answer = *response;
    });
    REQUIRE(run_until(loop, [&] { return answer.has_value(); }));
    return *answer;
  }
  const TaskState& task_state(const std::string& id) { return server.update(id)->task_states->at("srv"); }
};

}  // namespace

TEST_CASE("agent: a node describes itself when it registers") {
  Fixture test;
  test.start_agent();
  REQUIRE(run_until(test.loop, [&] { return !test.server.node.id.empty(); }));
  const Node& node = test.server.node;
  CHECK(node.name == "n1");
  CHECK(node.ip == "127.0.0.2");
  CHECK(node.agent_address == test.agent->http_address().text());
  CHECK(node.attributes.at("driver.raw_exec") == "1");
  CHECK(node.attributes.at("kernel.name") == "linux");
  CHECK(node.attributes.at("unique.hostname") != "");
  CHECK(node.meta.at("rack") == "r7");
  CHECK(node.resources.cpu_mhz > 0);
  CHECK(node.resources.memory_mb > 0);
}

TEST_CASE("agent: a task is deployed, registered, reported, and stopped to the end") {
  Fixture test;
  test.start_agent();
  Allocation alloc = test.place(test.lasting_job());
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::running));
  REQUIRE(run_until(test.loop, [&] { return test.registry.has(alloc.id); }));
  REQUIRE(run_until(test.loop, [&] { return !test.log(alloc.id, "srv.stdout.0").empty(); }));
  std::string said = test.log(alloc.id, "srv.stdout.0");
  CHECK(said.find(" 127.0.0.2:20001 3 r7\n") != std::string::npos);
  CHECK(test.registry.only_body().find("\"Address\":\"127.0.0.2\"") != std::string::npos);
  CHECK(test.registry.only_body().find("http://127.0.0.2:20001/health") != std::string::npos);
  CHECK(test.registry.only_body().find("v=3") != std::string::npos);

  test.server.set_desired(alloc.id, DesiredStatus::stop);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::complete));
  CHECK(test.registry.service_count() == 0);
  CHECK(test.task_state(alloc.id).state == TaskRunState::dead);
  CHECK_FALSE(test.task_state(alloc.id).failed);

  // then the server forgets it, and so does the disk
  REQUIRE(test.exists("data/alloc/" + alloc.id));
  test.server.forget(alloc.id);
  REQUIRE(run_until(test.loop, [&] { return !test.exists("data/alloc/" + alloc.id); }));
  CHECK_FALSE(test.exists("data/state/allocs/" + alloc.id + ".json"));
  CHECK_FALSE(test.exists("data/state/tasks/" + alloc.id + ".srv.record"));
}

TEST_CASE("agent: what needs a port that an allocation here still has waits for its end, whatever the server holds") {
  Fixture test;
  test.start_agent();
  const Allocation old = test.place(test.job_with("trap '' INT; echo $$; while :; do sleep 0.01; done"));
  auto written = [&](const std::string& id) { return test.log(id, "srv.stdout.0"); };
  REQUIRE(run_until(test.loop, [&] { return written(old.id).ends_with('\n'); }));
  const std::string pid(trim(written(old.id)));
  Allocation next = example_alloc(test.job_with("kill -0 " + pid + " && echo there || echo gone; sleep 60"));
  next.id = make_uuid();
  REQUIRE(next.resources.ports.at(0).value == old.resources.ports.at(0).value);
  SECTION("the old one is told to stop") { test.server.set_desired(old.id, DesiredStatus::stop); }
  SECTION("the old one is forgotten") { test.server.forget(old.id); }
  test.server.put(next);
  REQUIRE(run_until(test.loop, [&] { return written(next.id).ends_with('\n'); }));
  CHECK(written(next.id) == "gone\n");
}

TEST_CASE("agent: a restart of the agent leaves the task running, and it is found again while the server is down") {
  Fixture test;
  test.start_agent();
  Allocation alloc = test.place(test.lasting_job());
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::running));
  REQUIRE(run_until(test.loop, [&] { return !test.log(alloc.id, "srv.stdout.0").empty(); }));
  pid_t pid = std::stoi(test.log(alloc.id, "srv.stdout.0"));
  std::string node_id = test.server.node.id;
  auto identity = identify_process(pid);
  REQUIRE(identity);

  test.agent.reset();
  uint16_t port = test.server.port();
  test.server.stop();
  CHECK(is_running(*identity));
  test.start_agent();
  test.loop.run_ready();
  CHECK(is_running(*identity));
  test.server.forget_updates();
  test.server.listen(port);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::running));
  CHECK(test.server.node.id == node_id);
  CHECK(test.task_state(alloc.id).restarts == 0);
  CHECK(test.log(alloc.id, "srv.stdout.0").find('\n') + 1 == test.log(alloc.id, "srv.stdout.0").size());

  test.server.set_desired(alloc.id, DesiredStatus::stop);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::complete));
  CHECK_FALSE(is_running(*identity));
}

TEST_CASE("agent: whenever it is cut off, the next one ends up with exactly one process, then with none") {
  for (uint64_t lives_ms : {0, 1, 2, 4, 8, 16, 32, 64, 250}) {
    INFO("cut off after " << lives_ms << " ms");
    Fixture test;
    auto cut_off = [&] {
      event::Timer over(test.loop, [&] { test.loop.stop(); });
      over.start_once(lives_ms);
      test.loop.run();
      test.agent.reset();
    };
    Allocation alloc = test.place(test.lasting_job());
    test.start_agent();
    cut_off();
    test.start_agent();
    REQUIRE(test.wait_reported(alloc.id, ClientStatus::running));
    REQUIRE(run_until(test.loop, [&] { return test.registry.has(alloc.id); }));
    REQUIRE(run_until(test.loop, [&] { return !test.log(alloc.id, "srv.stdout.0").empty(); }));
    std::string said = test.log(alloc.id, "srv.stdout.0");
    CHECK(std::count(said.begin(), said.end(), '\n') == 1);

    test.server.set_desired(alloc.id, DesiredStatus::stop);
    cut_off();
    test.start_agent();
    REQUIRE(test.wait_reported(alloc.id, ClientStatus::complete));
    CHECK(test.registry.service_count() == 0);
    CHECK_FALSE(identify_process(std::stoi(said)));
    CHECK(test.log(alloc.id, "srv.stdout.0") == said);
  }
}

TEST_CASE("agent: people may restart a task, which deregisters first and counts as no failure, and signal it") {
  Fixture test;
  test.start_agent();
  Job job = test.job_with("trap 'echo hup' HUP; trap 'exit 0' INT; echo up; while :; do sleep 0.01; done");
  job.task_groups[0].tasks[0].restart_policy.attempts = 0;
  Allocation alloc = test.place(job);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::running));
  REQUIRE(
      run_until(test.loop, [&] { return test.registry.has(alloc.id) && !test.log(alloc.id, "srv.stdout.0").empty(); }));
  std::string path = "/v1/client/allocation/" + alloc.id;
  CHECK(test.put(path + "/signal", R"({"Task":"srv","Signal":"SIGHUP"})").status == 200);
  REQUIRE(run_until(test.loop, [&] { return test.log(alloc.id, "srv.stdout.0") == "up\nhup\n"; }));
  CHECK(test.put(path + "/signal", R"({"Task":"srv","Signal":"SIGNO"})").status == 400);
  CHECK(test.put(path + "/signal", "{").status == 400);
  CHECK(test.put(path + "/restart", R"({"TaskName":"nobody"})").status == 404);

  test.trace.clear();
  CHECK(test.put(path + "/restart", "").status == 200);
  REQUIRE(run_until(test.loop, [&] { return test.log(alloc.id, "srv.stdout.0") == "up\nhup\nup\n"; }));
  REQUIRE(run_until(test.loop, [&] { return test.trace.size() == 2; }));
  CHECK(test.trace == Trace{"deregister", "register web"});
  REQUIRE(run_until(test.loop, [&] { return test.task_state(alloc.id).restarts == 1; }));
  CHECK_FALSE(test.task_state(alloc.id).failed);
}

TEST_CASE("agent: a followed log sends what is written, and ends with the allocation") {
  Fixture test;
  test.start_agent();
  Job job = test.job_with("trap 'echo last; exit 0' INT; echo one; while :; do sleep 0.01; done");
  Allocation alloc = test.place(job);
  REQUIRE(run_until(test.loop, [&] { return test.log(alloc.id, "srv.stdout.0") == "one\n"; }));
  std::string received;
  bool over = false;
  auto request = test.request("/v1/client/fs/logs/" + alloc.id + "?task=srv&follow=true&plain=true");
  auto call = test.client.send(
      request, [&](Result<http::ClientResponse> response) { over = response.has_value(); },
      [&](std::string_view bytes) { received += bytes; });
  REQUIRE(run_until(test.loop, [&] { return received == "one\n"; }));
  CHECK_FALSE(over);
  test.server.set_desired(alloc.id, DesiredStatus::stop);
  REQUIRE(run_until(test.loop, [&] { return over; }));
  CHECK(received == "one\nlast\n");
}

TEST_CASE("agent: a task that ended while no agent was there is reported with its exit code") {
  Fixture test;
  test.start_agent();
  Job job = test.job_with("echo up; while [ ! -e ../alloc/data/go ]; do sleep 0.01; done; exit 6");
  job.task_groups[0].tasks[0].restart_policy.attempts = 0;
  Allocation alloc = test.place(job);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::running));
  REQUIRE(run_until(test.loop, [&] { return !test.log(alloc.id, "srv.stdout.0").empty(); }));
  test.agent.reset();
  REQUIRE(write_file_atomic(test.folder.path("data/alloc/" + alloc.id + "/alloc/data/go"), ""));
  std::string record = test.folder.path("data/state/tasks/" + alloc.id + ".srv.record");
  REQUIRE(run_until(test.loop, [&] { return read_file(record)->find("phase=exited") != std::string::npos; }));
  test.start_agent();
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::failed));
  bool told = false;
  for (const TaskEvent& event : test.task_state(alloc.id).events) {
    told = told || (event.type == "Terminated" && event.details.at("exit_code") == "6");
  }
  CHECK(told);
}

TEST_CASE("agent: a failing task is restarted by its policy, then given up") {
  Fixture test;
  test.start_agent();
  Job job = test.job_with("echo run; exit 1");
  Allocation alloc = test.place(job);  // two restarts
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::failed));
  CHECK(test.log(alloc.id, "srv.stdout.0") == "run\nrun\nrun\n");
  const TaskState& state = test.task_state(alloc.id);
  CHECK(state.failed);
  CHECK(state.restarts == 2);
  REQUIRE(state.events.size() >= 3);
  CHECK(state.events.back().type == "Not Restarting");
  CHECK(state.events.back().message == "Exceeded allowed attempts 2 in interval 1m0s and mode is \"fail\"");
}

TEST_CASE("agent: a command that does not exist and a variable that nobody knows fail the task with their names") {
  Fixture test;
  test.start_agent();
  Job job = test.lasting_job();
  std::string expected;
  SECTION("command") {
    job.task_groups[0].tasks[0].config = Value(Value::Object{{"command", Value("/nowhere/program")}});
    expected = "/nowhere/program";
  }
  SECTION("variable") {
    job.task_groups[0].tasks[0].config = Value(Value::Object{{"command", Value("${meta.nothing}")}});
    expected = "meta.nothing";
  }
  SECTION("argument") {
    job.task_groups[0].tasks[0].config = Value(Value::Object{{"command", Value("/bin/sh")}, {"colour", Value("red")}});
    expected = "unsupported argument \"colour\"";
  }
  Allocation alloc = test.place(job);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::failed));
  bool told = false;
  for (const TaskEvent& event : test.task_state(alloc.id).events) {
    told = told || event.message.find(expected) != std::string::npos;
  }
  CHECK(told);
}

TEST_CASE("agent: health is decided by the registry's checks and sent once") {
  Fixture test;
  test.start_agent();
  Allocation alloc = example_alloc(test.lasting_job());
  alloc.deployment_id = "d1";
  SECTION("healthy") {
    test.server.put(alloc);
    REQUIRE(run_until(test.loop, [&] { return test.registry.has(alloc.id); }));
    CHECK_FALSE(test.server.health_reports);
    test.registry.set_check_status("passing");
    REQUIRE(run_until(test.loop, [&] { return test.server.health_reports > 0; }));
    CHECK(test.server.update(alloc.id)->healthy == true);
  }
  SECTION("critical until the deadline") {
    Job job = *alloc.job;
    job.task_groups[0].update->healthy_deadline_ns = 300'000'000;
    alloc.job = std::make_shared<const Job>(job);
    test.server.put(alloc);
    REQUIRE(run_until(test.loop, [&] { return test.server.health_reports > 0; }));
    CHECK(test.server.update(alloc.id)->healthy == false);
  }
  // A stop is reported without health again.
  test.server.set_desired(alloc.id, DesiredStatus::stop);
  REQUIRE(run_until(test.loop, [&] { return test.registry.service_count() == 0; }));
  REQUIRE(run_until(test.loop, [&] {
    return test.server.reported(alloc.id, ClientStatus::complete) ||
           test.server.reported(alloc.id, ClientStatus::failed);
  }));
  CHECK(test.server.health_reports == 1);
}

TEST_CASE("agent: a lone task that fails decides its allocation's health; the report of its end says so") {
  Fixture test;
  test.check_poll_ms = 3'600'000;  // no look at the checks may be needed for it
  test.start_agent();
  Allocation alloc = example_alloc(test.job_with("exit 1"));
  alloc.deployment_id = "d1";
  test.server.put(alloc);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::failed));
  CHECK(test.server.update(alloc.id)->healthy == false);
  CHECK(test.server.health_reports == 1);
}

TEST_CASE("agent: a node that was given up pulls, stops what was replaced, and only then registers again") {
  Fixture test;
  test.server.heartbeat_ttl_ns = 300'000'000;
  test.start_agent();
  Allocation alloc = test.place(test.lasting_job());
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::running));
  test.server.calls.clear();
  test.server.give_up_node(409);
  REQUIRE(run_until(test.loop, [&] { return position(test.server.calls, "register") < test.server.calls.size(); }));
  const auto& calls = test.server.calls;
  auto refused = std::find(calls.begin(), calls.end(), "refused");
  auto registered = std::find(refused, calls.end(), "register");
  REQUIRE(registered != calls.end());
  CHECK(std::find(refused, registered, "pull") != registered);
  test.server.calls.clear();
  test.server.give_up_node(404);
  REQUIRE(run_until(test.loop, [&] { return position(test.server.calls, "register") < test.server.calls.size(); }));
  CHECK(test.server.reported(alloc.id, ClientStatus::running));
}

TEST_CASE(
    "agent: an allocation that was stopped before it came here is reported as ended, one of an unknown group as "
    "failed") {
  Fixture test;
  test.start_agent();
  Allocation stopped = example_alloc(test.lasting_job());
  stopped.desired_status = DesiredStatus::stop;
  test.server.put(stopped);
  Allocation strange = example_alloc(test.lasting_job());
  strange.task_group = "other";
  test.server.put(strange);
  CHECK(test.wait_reported(stopped.id, ClientStatus::complete));
  CHECK(test.wait_reported(strange.id, ClientStatus::failed));
}

TEST_CASE("agent: logs, files and statistics over HTTP, for the server only") {
  Fixture test;
  test.start_agent();
  Job job = test.job_with(
      "echo one; echo two; echo bad >&2; echo hidden > secrets/key; trap 'exit 0' INT; "
      "while :; do sleep 0.01; done");
  Allocation alloc = test.place(job);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::running));
  REQUIRE(run_until(test.loop, [&] { return test.log(alloc.id, "srv.stderr.0") == "bad\n"; }));
  std::string logs = "/v1/client/fs/logs/" + alloc.id;

  CHECK(test.get(logs + "?task=srv&plain=true", false).status == 403);
  CHECK(test.get("/v1/client/fs/logs/unknown?task=srv").status == 404);
  CHECK(test.get(logs + "?task=nobody").status == 404);
  CHECK(test.get(logs).status == 400);
  CHECK(test.get(logs + "?task=srv&plain=true").body == "one\ntwo\n");
  CHECK(test.get(logs + "?task=srv&plain=true&origin=end&offset=4").body == "two\n");
  CHECK(test.get(logs + "?task=srv&plain=true&type=stderr").body == "bad\n");
  // "one\ntwo\n" in base64
  CHECK(test.get(logs + "?task=srv").body ==
        "{\"Data\":\"b25lCnR3bwo=\",\"File\":\"alloc/logs/srv.stdout.0\",\"Offset\":8}\n");

  CHECK(test.get("/v1/client/fs/cat/" + alloc.id + "?path=alloc/logs/srv.stdout.0").body == "one\ntwo\n");
  CHECK(test.get("/v1/client/fs/cat/" + alloc.id + "?path=../../../state/node").status == 403);
  CHECK(test.get("/v1/client/fs/cat/" + alloc.id + "?path=srv/secrets/key").status == 403);
  CHECK(test.get("/v1/client/fs/ls/" + alloc.id + "?path=srv").body.find("\"Name\":\"local\"") != std::string::npos);
  CHECK(test.get("/v1/client/fs/stat/" + alloc.id + "?path=alloc").body.find("\"IsDir\":true") != std::string::npos);

  auto stats = test.get("/v1/client/allocation/" + alloc.id + "/stats");
  CHECK(stats.status == 200);
  CHECK(stats.body.find("\"RSS\":0") == std::string::npos);
  CHECK(test.get("/v1/client/stats").body.find("\"Memory\"") != std::string::npos);
  CHECK(test.get("/v1/agent/health", false).status == 200);

  test.server.set_desired(alloc.id, DesiredStatus::stop);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::complete));
  CHECK(test.get(logs + "?task=srv&plain=true&follow=true").body == "one\ntwo\n");  // ended: it does not wait for more
}

TEST_CASE("agent: what a task puts in place of files neither holds the agent up nor leads out of its folder") {
  Fixture test;
  test.start_agent();
  REQUIRE(write_file_atomic(test.folder.path("outside"), "secret\n"));
  const std::string outside = test.folder.path("outside");
  Job job = test.job_with("cd local; mkfifo pipe; ln -s " + outside +
                          " out; ln -s / root; echo in > file; "
                          "cd \"$NOMAD_ALLOC_DIR/logs\"; mkfifo srv.stdout.1; ln -s " +
                          outside +
                          " srv.stdout.2; "
                          "echo done; trap 'exit 0' INT; while :; do sleep 0.01; done");
  Allocation alloc = test.place(job);
  REQUIRE(test.wait_reported(alloc.id, ClientStatus::running));
  REQUIRE(run_until(test.loop, [&] { return test.log(alloc.id, "srv.stdout.0") == "done\n"; }));
  auto cat = [&](const std::string& path) { return test.get("/v1/client/fs/cat/" + alloc.id + "?path=" + path); };
  CHECK(cat("srv/local/file").body == "in\n");
  CHECK(cat("srv/local/pipe").status == 400);
  CHECK(cat("srv/local/pipe").body.find("is no regular file") != std::string::npos);
  CHECK(cat("srv/local").status == 400);
  CHECK(cat("srv/local/out").status == 403);
  CHECK(cat("srv/local/root/etc/passwd").status == 403);
  CHECK(cat("srv/local/nothing").status == 404);
  auto stat = test.get("/v1/client/fs/stat/" + alloc.id + "?path=srv/local/pipe");
  CHECK(stat.body.find("\"FileMode\":\"p") != std::string::npos);
  CHECK(test.get("/v1/client/fs/stat/" + alloc.id + "?path=srv/local/out").status == 403);
  CHECK(test.get("/v1/client/fs/ls/" + alloc.id + "?path=srv/local/root").status == 403);
  CHECK(test.get("/v1/client/fs/logs/" + alloc.id + "?task=srv&plain=true").body == "done\n");
  CHECK(test.get("/v1/client/fs/logs/" + alloc.id + "?task=srv&plain=true&origin=end&offset=100").body == "done\n");
}

TEST_CASE("agent: the data folder belongs to one agent") {
  Fixture test;
  test.start_agent();
  auto second = Agent::start(test.loop, {.server = test.server.url(),
                                         .registry = test.registry.url(),
                                         .data_dir = test.folder.path("data"),
                                         .http = *SocketAddress::parse("127.0.0.2:0")});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::conflict);
}

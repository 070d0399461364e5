#include "weir/scheduler/task_supervisor.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "agent_fixture.h"
#include "catch.h"
#include "scheduler/agent/rotating_log.h"
#include "scheduler/agent/supervised_process.h"
#include "scheduler/agent/task_files.h"
#include "weir/base/file.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::scheduler;

namespace {

class SeenProcess final : public TaskProcess::Observer {
 public:
  void on_process_started(int64_t) override { started = true; }
  void on_process_not_started(const Error& error) override { not_started = error.text(); }
  void on_process_exited(const TaskExit& exit) override { exits.push_back(exit); }

  bool started = false;
  std::string not_started;
  std::vector<TaskExit> exits;
};

/// A task that runs a shell script under a real supervisor.
struct Fixture {
  TemporaryFolder folder;
  event::Loop loop;
  SeenProcess seen;
  std::unique_ptr<SupervisedProcess> process;

  TaskSpec spec(const std::string& script) {
    return {.argv = {"/bin/sh", "-c", script},
            .env = {"PATH=/usr/bin:/bin", "FOO=bar"},
            .cwd = folder.path(),
            .log_folder = folder.path(),
            .log_name = "task",
            .run = "run-1",
            .record_path = folder.path("task.record"),
            .lock_path = folder.path("task.lock")};
  }

  void launch(const TaskSpec& task) {
    REQUIRE(write_file_atomic(folder.path("task.spec"), encode_task_spec(task)));
    process = std::make_unique<SupervisedProcess>(loop, task.record_path, seen);
    REQUIRE(process->launch({WEIR_TASK_SUPERVISOR, folder.path("task.spec")}, task.run));
  }

  TaskRecord record() {
    auto text = read_file(folder.path("task.record"));
    REQUIRE(text);
    auto decoded = decode_task_record(*text);
    REQUIRE(decoded);
    return *decoded;
  }

  bool wait_started() {
    return run_until(loop, [&] { return seen.started || !seen.not_started.empty() || !seen.exits.empty(); });
  }
  bool wait_exit() {
    return run_until(loop, [&] { return !seen.exits.empty(); });
  }
  std::string output(const std::string& file) {
    auto text = read_file(folder.path(file));
    return text ? *text : "(no file)";
  }
  bool wait_output(const std::string& file, const std::string& text) {
    return run_until(loop, [&] { return output(file) == text; });
  }
};

}  // namespace

TEST_CASE("supervisor: exit code, environment, folder and both streams arrive") {
  Fixture test;
  test.launch(test.spec("echo \"$FOO in $(pwd)\"; echo oops >&2; exit 42"));
  REQUIRE(test.wait_exit());
  CHECK(test.seen.exits[0].code == 42);
  CHECK(test.seen.exits[0].signal == 0);
  CHECK(test.seen.exits[0].finished_at_ns >= test.seen.exits[0].started_at_ns);
  CHECK(test.output("task.stdout.0") == "bar in " + test.folder.path() + "\n");
  CHECK(test.output("task.stderr.0") == "oops\n");
}

TEST_CASE("supervisor: a task that dies by a signal is recorded with it") {
  Fixture test;
  test.launch(test.spec("kill -SEGV $$"));
  REQUIRE(test.wait_exit());
  CHECK(test.seen.exits[0].code == 0);
  CHECK(test.seen.exits[0].signal == SIGSEGV);
}

TEST_CASE("supervisor: a command or folder that does not exist is told with its name") {
  Fixture test;
  TaskSpec spec = test.spec("");
  SECTION("command") {
    spec.argv = {"/nowhere/program"};
    test.launch(spec);
    REQUIRE(run_until(test.loop, [&] { return !test.seen.not_started.empty(); }));
    CHECK(test.seen.not_started.find("run /nowhere/program") != std::string::npos);
  }
  SECTION("folder") {
    spec.cwd = "/nowhere";
    test.launch(spec);
    REQUIRE(run_until(test.loop, [&] { return !test.seen.not_started.empty(); }));
    CHECK(test.seen.not_started.find("enter /nowhere") != std::string::npos);
  }
  CHECK(test.seen.exits.empty());
}

TEST_CASE("supervisor: a command without a slash is looked up in the task's own PATH") {
  Fixture test;
  TaskSpec spec = test.spec("");
  spec.argv = {"sh", "-c", "exit 3"};
  test.launch(spec);
  REQUIRE(test.wait_exit());
  CHECK(test.seen.exits[0].code == 3);
}

TEST_CASE("supervisor: task and supervisor outlive the process that launched them") {
  Fixture test;
  TaskSpec spec = test.spec("echo up; while [ ! -e go ]; do sleep 0.01; done; echo down; exit 5");
  REQUIRE(write_file_atomic(test.folder.path("task.spec"), encode_task_spec(spec)));
  // given an agent that launches the task and is killed at once
  pid_t agent = ::fork();
  if (agent == 0) {
    ::setsid();
    pid_t launcher = ::fork();
    if (launcher == 0) {
      ::execl(WEIR_TASK_SUPERVISOR, WEIR_TASK_SUPERVISOR, test.folder.path("task.spec").c_str(), nullptr);
      ::_exit(127);
    }
    ::waitpid(launcher, nullptr, 0);
    ::kill(-::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(agent, &status, 0) == agent);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(test.wait_output("task.stdout.0", "up\n"));

  // when a new agent attaches, then it finds the task running, and later learns its exit code
  test.process = std::make_unique<SupervisedProcess>(test.loop, spec.record_path, test.seen);
  test.process->adopt(test.record());
  REQUIRE(test.wait_started());
  CHECK(test.seen.started);
  CHECK(test.seen.exits.empty());
  REQUIRE(write_file_atomic(test.folder.path("go"), ""));
  REQUIRE(test.wait_exit());
  CHECK(test.seen.exits[0].code == 5);
  CHECK(test.output("task.stdout.0") == "up\ndown\n");
}

TEST_CASE("supervisor: an end that nobody watched is found in the record") {
  Fixture test;
  test.launch(test.spec("exit 9"));
  REQUIRE(test.wait_exit());
  SeenProcess later;
  SupervisedProcess attached(test.loop, test.folder.path("task.record"), later);
  attached.adopt(test.record());
  REQUIRE(run_until(test.loop, [&] { return !later.exits.empty(); }));
  CHECK_FALSE(later.started);
  CHECK(later.exits[0].code == 9);
}

TEST_CASE("supervisor: a record whose process number belongs to another process now attaches to nothing") {
  Fixture test;
  TaskRecord record{.run = "run-1", .boot = boot_id(), .supervisor = *identify_process(::getpid())};
  record.supervisor.start_ticks += 1;                    // this very process, but started at another time
  record.task = {.pid = ::getppid(), .start_ticks = 1};  // would be killed if taken for the task
  REQUIRE(write_file_atomic(test.folder.path("task.record"), encode_task_record(record)));
  test.process = std::make_unique<SupervisedProcess>(test.loop, test.folder.path("task.record"), test.seen);
  test.process->adopt(record);
  REQUIRE(test.wait_exit());
  CHECK_FALSE(test.seen.started);
  CHECK(test.seen.exits[0].error == "its supervisor was killed, how it ended is unknown");
}

TEST_CASE("supervisor: a record of an earlier boot attaches to nothing") {
  Fixture test;
  TaskRecord record{.run = "run-1", .boot = "another", .supervisor = *identify_process(::getpid())};
  REQUIRE(write_file_atomic(test.folder.path("task.record"), encode_task_record(record)));
  test.process = std::make_unique<SupervisedProcess>(test.loop, test.folder.path("task.record"), test.seen);
  test.process->adopt(record);
  REQUIRE(test.wait_exit());
  CHECK(test.seen.exits[0].error == "the machine was restarted");
}

TEST_CASE("supervisor: when it is killed the task dies too and the end is reported as unknown") {
  Fixture test;
  test.launch(test.spec("echo up; while :; do sleep 0.01; done"));
  REQUIRE(test.wait_output("task.stdout.0", "up\n"));
  REQUIRE(test.wait_started());
  TaskRecord record = test.record();
  REQUIRE(::kill(record.supervisor.pid, SIGKILL) == 0);
  REQUIRE(test.wait_exit());
  CHECK_FALSE(test.seen.exits[0].success());
  CHECK(run_until(test.loop, [&] { return !is_running(record.task); }));
}

TEST_CASE("supervisor: when it is killed nothing of its task goes on, whether the agent sees it or comes later") {
  Fixture test;
  TaskSpec spec = test.spec(
      "trap '' TERM; sh -c 'echo $$ > near; while :; do sleep 0.01; done' & "
      "setsid sh -c 'echo $$ > far; while :; do sleep 0.01; done' & wait");
  spec.env.insert(spec.env.end(), {"NOMAD_ALLOC_ID=" + make_uuid(), "NOMAD_TASK_NAME=t"});
  auto identity_in = [&](const char* file) {
    REQUIRE(run_until(test.loop, [&] { return test.output(file).ends_with('\n'); }));
    auto identity = identify_process(std::stoi(test.output(file)));
    REQUIRE(identity);
    return *identity;
  };
  test.launch(spec);
  REQUIRE(test.wait_started());
  const ProcessIdentity near = identity_in("near");
  const ProcessIdentity far = identity_in("far");
  TaskRecord record = test.record();
  SECTION("it is there") { REQUIRE(::kill(record.supervisor.pid, SIGKILL) == 0); }
  SECTION("it comes later") {
    test.process.reset();
    REQUIRE(::kill(record.supervisor.pid, SIGKILL) == 0);
    REQUIRE(run_until(test.loop, [&] { return !is_running(record.supervisor) && !is_running(record.task); }));
    test.process = std::make_unique<SupervisedProcess>(test.loop, spec.record_path, test.seen);
    test.process->adopt(record);
  }
  REQUIRE(test.wait_exit());
  CHECK(test.seen.exits[0].error == "its supervisor was killed, how it ended is unknown");
  CHECK(run_until(test.loop, [&] { return !is_running(near) && !is_running(far) && !is_running(record.task); }));
}

TEST_CASE("supervisor: stop sends the signal first and kills only after the time given") {
  Fixture test;
  SECTION("a task that obeys ends by itself") {
    test.launch(test.spec("trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.01; done"));
    REQUIRE(test.wait_output("task.stdout.0", "up\n"));
    REQUIRE(test.wait_started());
    test.process->stop(SIGINT, 60'000);
    REQUIRE(test.wait_exit());
    CHECK(test.seen.exits[0].success());
    CHECK(test.output("task.stdout.0") == "up\nbye\n");
  }
  SECTION("a task that does not is killed") {
    test.launch(test.spec("trap '' INT; echo up; while :; do sleep 0.01; done"));
    REQUIRE(test.wait_output("task.stdout.0", "up\n"));
    REQUIRE(test.wait_started());
    uint64_t before_ms = test.loop.now_ms();
    test.process->stop(SIGINT, 100);
    REQUIRE(test.wait_exit());
    CHECK(test.seen.exits[0].signal == SIGKILL);
    test.loop.update_time();
    CHECK(test.loop.now_ms() - before_ms >= 100);
  }
}

TEST_CASE("supervisor: nothing that the task left behind survives it, not even in a session of its own") {
  Fixture test;
  test.launch(
      test.spec("setsid sh -c 'echo $$ > left; while :; do sleep 0.01; done' & "
                "while [ ! -s left ]; do sleep 0.01; done; exit 0"));
  REQUIRE(test.wait_exit());
  pid_t left = std::stoi(test.output("left"));
  CHECK_FALSE(is_running({left, identify_process(left).value_or(ProcessIdentity{}).start_ticks}));
}

TEST_CASE("supervisor: a second one for the same task refuses, and finds the first one's task") {
  Fixture test;
  test.launch(test.spec("echo up; while [ ! -e go ]; do sleep 0.01; done"));
  REQUIRE(test.wait_started());
  REQUIRE(test.wait_output("task.stdout.0", "up\n"));
  SeenProcess second;
  SupervisedProcess again(test.loop, test.folder.path("task.record"), second);
  REQUIRE(again.launch({WEIR_TASK_SUPERVISOR, test.folder.path("task.spec")}, "run-2"));
  REQUIRE(run_until(test.loop, [&] { return second.started; }));
  REQUIRE(write_file_atomic(test.folder.path("go"), ""));
  REQUIRE(test.wait_exit());
  REQUIRE(run_until(test.loop, [&] { return !second.exits.empty(); }));
  CHECK(test.output("task.stdout.0") == "up\n");
}

TEST_CASE("supervisor: a spec that cannot be read is an error of the launch") {
  Fixture test;
  REQUIRE(write_file_atomic(test.folder.path("task.spec"), "argv=x"));
  test.process = std::make_unique<SupervisedProcess>(test.loop, test.folder.path("task.record"), test.seen);
  REQUIRE(test.process->launch({WEIR_TASK_SUPERVISOR, test.folder.path("task.spec")}, "run-1"));
  REQUIRE(run_until(test.loop, [&] { return !test.seen.not_started.empty(); }));
  CHECK(test.seen.not_started == "the supervisor ended with code 2");
}

TEST_CASE("supervisor: logs are cut at their size, the newest files are kept, and a next run goes on with the newest") {
  Fixture test;
  TaskSpec spec = test.spec("i=0; while [ $i -lt 10 ]; do echo 123456789; i=$((i+1)); done");
  spec.log_file_bytes_max = 25;
  spec.log_files_max = 3;
  test.launch(spec);
  REQUIRE(test.wait_exit());
  // 100 bytes: four files of 25, of which three are kept
  CHECK(list_log_files(test.folder.path(), "task.stdout") == std::vector<uint64_t>{1, 2, 3});
  CHECK(test.output("task.stdout.3").size() == 25);
  test.seen.exits.clear();
  spec.argv[2] = "printf abc";
  spec.run = "run-2";
  test.launch(spec);
  REQUIRE(test.wait_exit());
  CHECK(test.output("task.stdout.4") == "abc");
  CHECK(list_log_files(test.folder.path(), "task.stdout") == std::vector<uint64_t>{2, 3, 4});
}

TEST_CASE(
    "supervisor: a task that puts other things in place of its next logs is run, logged and stopped all the same") {
  Fixture test;
  const std::string folder = test.folder.path();
  TaskSpec spec = test.spec("cd " + folder +
                            "; mkfifo task.stdout.1; ln -s /dev/full task.stdout.2; "
                            "echo 123456789; echo abcdefghi");
  spec.log_file_bytes_max = 10;
  spec.log_files_max = 9;
  test.launch(spec);
  REQUIRE(test.wait_exit());
  CHECK(test.output("task.stdout.0") == "123456789\n");
  CHECK(test.output("task.stdout.3") == "abcdefghi\n");
}

TEST_CASE("task files: a spec and a record come back as they were written, torn ones are refused") {
  TaskSpec spec{.argv = {"a", "", "b=c\nd"},
                .env = {"A=", "B=x=y"},
                .cwd = "/",
                .log_folder = "/l",
                .log_name = "t",
                .log_file_bytes_max = 7,
                .log_files_max = 2,
                .log_disabled = true,
                .run = "r",
                .record_path = "/r",
                .lock_path = "/k"};
  auto text = encode_task_spec(spec);
  auto back = decode_task_spec(text);
  REQUIRE(back);
  CHECK(*back == spec);
  CHECK_FALSE(decode_task_spec(text.substr(0, text.size() - 1)));

  TaskRecord record{.phase = TaskRecord::Phase::exited,
                    .run = "r",
                    .boot = "b",
                    .supervisor = {1, 2},
                    .task = {3, 4},
                    .started_at_ns = 5,
                    .finished_at_ns = 6,
                    .exit_code = 7,
                    .signal = 8,
                    .error = "why"};
  auto record_text = encode_task_record(record);
  auto record_back = decode_task_record(record_text);
  REQUIRE(record_back);
  CHECK(*record_back == record);
  CHECK_FALSE(decode_task_record(""));
  CHECK_FALSE(decode_task_record("phase=odd\n"));
  CHECK_FALSE(decode_task_record(record_text.substr(0, record_text.size() - 1)));
}

TEST_CASE("process stat: a program name with blanks and brackets does not shift the columns") {
  auto stat = parse_process_stat("42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 11 12 0 0 20 0 1 0 9999 1000 33 1 1");
  REQUIRE(stat);
  CHECK(stat->parent == 7);
  CHECK(stat->group == 42);
  CHECK(stat->session == 42);
  CHECK(stat->user_ticks == 11);
  CHECK(stat->system_ticks == 12);
  CHECK(stat->start_ticks == 9999);
  CHECK(stat->resident_pages == 33);
  CHECK_FALSE(parse_process_stat("42 (x) S 1"));
}

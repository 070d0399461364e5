#include "weir/event/process.h"

#include <sys/types.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "catch.h"
#include "weir/event/loop.h"

using namespace weir;
using namespace weir::event;

namespace {

ExitStatus run(const std::string& script) {
  Loop loop;
  std::optional<ExitStatus> ended;
  auto child = Child::start(loop, {.argv = {"/bin/sh", "-c", script}, .env = {"GREETING=hello"}},
                            [&](ExitStatus status) { ended = status; });
  REQUIRE(child);
  loop.run();  // returns when the watch has ended
  REQUIRE(ended);
  return *ended;
}

}  // namespace

TEST_CASE("process: a child's exit code and its deadly signal arrive") {
  CHECK(run("exit 7") == ExitStatus{.code = 7, .signal = 0});
  CHECK(run("kill -9 $$") == ExitStatus{.code = 0, .signal = SIGKILL});
}

TEST_CASE("process: a child has exactly the given environment and /dev/null as its streams") {
  CHECK(run("test \"$GREETING\" = hello && test -z \"$HOME\"").code == 0);
  CHECK(run("test \"$(readlink /proc/self/fd/0)\" = /dev/null").code == 0);
}

TEST_CASE("process: a program that does not exist is an error that names it") {
  Loop loop;
  auto child = Child::start(loop, {.argv = {"/nowhere/program"}}, [](ExitStatus) {});
  REQUIRE_FALSE(child);
  CHECK(child.error().message.find("/nowhere/program") != std::string::npos);
  loop.run();
}

TEST_CASE("process: a watch reaches its process with a signal and tells its end") {
  Loop loop;
  std::optional<ExitStatus> ended;
  auto child = Child::start(loop, {.argv = {"/bin/sh", "-c", "while :; do sleep 60; done"}},
                            [&](ExitStatus status) { ended = status; });
  REQUIRE(child);
  bool told = false;
  auto watch = ProcessWatch::watch(loop, child->pid(), [&] { told = true; });
  REQUIRE(watch);
  REQUIRE(watch->send(SIGKILL));
  loop.run();
  CHECK(told);
  CHECK(ended == ExitStatus{.code = 0, .signal = SIGKILL});
  Status late = watch->send(SIGTERM);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ErrorCode::not_found);
  auto again = ProcessWatch::watch(loop, child->pid(), [] {});
  REQUIRE_FALSE(again);
  CHECK(again.error().code == ErrorCode::not_found);
}

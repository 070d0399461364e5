// Nomad's JSON: what is accepted, what is refused, what is written.
#include "weir/scheduler/job_json.h"

#include <nlohmann/json.hpp>

#include "catch.h"
#include "job_fixture.h"
#include "scheduler/job_diff_json.h"
#include "scheduler/job_json_parts.h"

using namespace weir;
using namespace weir::scheduler;
using Json = nlohmann::json;

namespace {

Job decoded(std::string_view text) {
  auto job = decode_job(text);
  INFO((job ? "" : job.error().text()));
  REQUIRE(job);
  return *job;
}

std::string error_of(std::string_view text) {
  auto job = decode_job(text);
  return job ? "no error" : job.error().message;
}

bool has_null(const Json& json) {
  for (const Json& item : json) {
    if (item.is_null() || (item.is_structured() && has_null(item))) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("job json: the smallest useful body becomes a full and valid job") {
  Job job = decoded(R"({"Job":{"ID":"web","Name":"web","Type":"service","Datacenters":["dc1"],
    "TaskGroups":[{"Name":"g","Count":2,
    "Networks":[{"DynamicPorts":[{"Label":"http","Value":0,"To":0}]}],
    "Services":[{"Name":"web","PortLabel":"http","Tags":["urlprefix-/"],"Provider":"consul",
      "Checks":[{"Type":"http","Path":"/health","Interval":5000000000,"Timeout":2000000000}]}],
    "Update":{"MaxParallel":1,"MinHealthyTime":3000000000,"HealthyDeadline":60000000000,
              "ProgressDeadline":120000000000,"AutoRevert":true},
    "ShutdownDelay":5000000000,
    "Tasks":[{"Name":"srv","Driver":"raw_exec",
      "Config":{"command":"/usr/bin/python3","args":["-m","http.server","${NOMAD_PORT_http}"]},
      "Resources":{"CPU":100,"MemoryMB":64},"KillTimeout":10000000000,"ShutdownDelay":0,"KillSignal":"SIGTERM",
      "User":"","Leader":false}]}]}})");
  canonicalize(job);
  CHECK(validate(job).error_text() == "");
  CHECK(job.task_groups[0].update->auto_revert);
  CHECK(job.task_groups[0].tasks[0].resources.memory_mb == 64);
}

TEST_CASE("job json: names in any case, nulls, unknown members and durations as text are fine") {
  Job job = decoded(R"({"id":"a","PRIORITY":null,"Frob":1,"meta":null,
    "taskGroups":[{"name":"g","shutdowndelay":"1m30s","Tasks":[{"Name":"t","KillTimeout":"5s"}]}]})");
  CHECK(job.id == "a");
  CHECK_FALSE(job.priority.given());
  CHECK(job.task_groups[0].shutdown_delay_ns == 90 * kTestSecond);
  CHECK(job.task_groups[0].tasks[0].kill_timeout_ns == 5 * kTestSecond);
}

TEST_CASE("job json: a wrong type names its path") {
  CHECK(error_of(R"({"TaskGroups":[{"Count":"2"}]})") == "TaskGroups[0].Count: expected an integer");
  CHECK(error_of(R"({"TaskGroups":[{"Count":2.0}]})") == "TaskGroups[0].Count: expected an integer");
  CHECK(error_of(R"({"TaskGroups":[{},{"Tasks":[{"Env":{"A":1}}]}]})") ==
        "TaskGroups[1].Tasks[0].Env: expected a string");
  CHECK(error_of(R"({"TaskGroups":{}})") == "TaskGroups: expected a list");
  CHECK(error_of(R"({"TaskGroups":[5]})") == "TaskGroups[0]: expected an object");
  CHECK(error_of(R"({"Update":{"Stagger":"soon"}})") == "Update.Stagger: time: invalid duration \"soon\"");
  CHECK(error_of(R"({"Version":-1})") == "Version: expected an integer that is not negative");
  CHECK(error_of(R"({"Priority":99999999999999999999})") == "Priority: expected an integer");
  CHECK(error_of("[]") == "a job must be a JSON object");
  CHECK(error_of(R"({"TaskGroups":[{"Tasks":[{"Config":{"a":)" + std::string(100, '[') + std::string(100, ']') +
                 "}}]}]}") == "TaskGroups[0].Tasks[0].Config: nested too deeply");
}

TEST_CASE("job json: parts without a field are noticed when they say something") {
  Job job = decoded(R"({"ID":"a","Periodic":null,"Multiregion":{},"ConsulToken":"",
    "TaskGroups":[{"Name":"g","Tasks":[{"Name":"t","Vault":{"Policies":["x"]},"Kind":"",
    "Resources":{"Devices":[],"NUMA":{"Affinity":"none"}}}]}]})");
  CHECK(job.not_modelled ==
        std::vector<std::string>{"TaskGroups[0].Tasks[0].Resources.NUMA", "TaskGroups[0].Tasks[0].Vault"});
}

TEST_CASE("job json: a canonical job has no null where Nomad has a default") {
  Json json = job_to_json(canonical_job());
  const Json& group = json["TaskGroups"][0];
  for (const char* name : {"RestartPolicy", "ReschedulePolicy", "Update", "Migrate", "EphemeralDisk"}) {
    INFO(name);
    CHECK(group[name].is_object());
    CHECK_FALSE(has_null(group[name]));
  }
  for (const char* name : {"Region", "Namespace", "ID", "Name", "Type", "Priority", "AllAtOnce", "Datacenters",
                           "NodePool", "Stop", "Version", "JobModifyIndex"}) {
    INFO(name);
    CHECK_FALSE(json[name].is_null());
  }
  CHECK_FALSE(has_null(group["Tasks"][0]["LogConfig"]));
  CHECK_FALSE(group["Tasks"][0]["Resources"]["CPU"].is_null());
  CHECK(group["Tasks"][0]["Config"]["args"] == Json({"-v"}));
}

TEST_CASE("job json: a sparse job keeps its nulls") {
  Json json = job_to_json(sparse_job());
  CHECK(json["Priority"].is_null());
  CHECK(json["Update"].is_null());
  CHECK(json["TaskGroups"][0]["RestartPolicy"].is_null());
  CHECK(json["TaskGroups"][0]["Tasks"][0]["KillTimeout"].is_null());
}

TEST_CASE("job json: the plan's diff in Nomad's form") {
  Job job = canonical_job();
  JobDiff diff = diff_jobs(&job, job);
  annotate(diff, {{"g", DesiredUpdates{.ignore = 2}}});
  CHECK(job_diff_to_json(diff).dump() ==
        R"({"Fields":null,"ID":"web","Objects":null,"TaskGroups":[{"Fields":null,"Name":"g","Objects":null,)"
        R"("Tasks":null,"Type":"None","Updates":{"ignore":2}}],"Type":"None"})");
}

// Whole job files against the JSON they must become (tests/conformance/jobspec), and the demo jobs.
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>

#include "catch.h"
#include "scheduler/job_json_parts.h"
#include "scheduler/job_rules.h"
#include "weir/base/file.h"
#include "weir/scheduler/job_json.h"
#include "weir/scheduler/jobspec.h"

using namespace weir;
using namespace weir::scheduler;
using Json = nlohmann::json;

namespace {

const std::string kRoot = WEIR_SOURCE_ROOT;

/// Without null members: a golden file then shows what the job file says and nothing else.
Json stripped(const Json& json) {
  if (json.is_array()) {
    Json out = Json::array();
    for (const Json& item : json) out.push_back(stripped(item));
    return out;
  }
  if (!json.is_object()) return json;
  Json out = Json::object();
  for (const auto& [key, item] : json.items()) {
    if (!item.is_null()) out[key] = stripped(item);
  }
  return out;
}

Result<Job> parse_file(const std::string& path, const JobspecOptions& options = {}) {
  auto text = read_file(path);
  REQUIRE(text);
  return parse_jobspec(*text, path.substr(path.rfind('/') + 1), options);
}

Job parsed(const std::string& path, const JobspecOptions& options = {}) {
  auto job = parse_file(path, options);
  INFO((job ? "" : job.error().text()));
  REQUIRE(job);
  return *job;
}

}  // namespace

TEST_CASE("jobspec: real files become their golden JSON") {
  std::string folder = kRoot + "/tests/conformance/jobspec";
  auto names = list_files(folder, ".nomad");
  REQUIRE(names);
  REQUIRE(names->size() >= 12);
  for (const std::string& name : *names) {
    INFO(name);
    Json actual = stripped(job_to_json(parsed(folder + "/" + name)));
    std::string golden = folder + "/" + name.substr(0, name.size() - 6) + ".json";
    // WEIR_UPDATE_GOLDEN=1 writes the files anew, for a diff to be read.
    if (std::getenv("WEIR_UPDATE_GOLDEN") != nullptr) REQUIRE(write_file_atomic(golden, actual.dump(2) + "\n"));
    auto text = read_file(golden);
    REQUIRE(text);
    CHECK(actual == Json::parse(*text, nullptr, false));
  }
}

TEST_CASE("jobspec: what is read from a file survives JSON and back") {
  std::string folder = kRoot + "/tests/conformance/jobspec";
  auto names = list_files(folder, ".nomad");
  REQUIRE(names);
  for (const std::string& name : *names) {
    INFO(name);
    Job job = parsed(folder + "/" + name);
    auto again = decode_job(encode_job(job));
    REQUIRE(again);
    CHECK(*again == job);
    canonicalize(job);
    again = decode_job(encode_job(job));
    REQUIRE(again);
    CHECK(*again == job);
  }
}

TEST_CASE("jobspec: the demo jobs are valid, without warnings") {
  JobspecOptions options;
  options.environment = {{"demo_binary", "/opt/weir-demo"}, {"weir_binary", "/opt/weir"}};
  for (const char* name : {"backend", "frontend", "fib", "edge"}) {
    Job job = parsed(kRoot + "/conf/jobs/" + name + ".nomad", options);
    canonicalize(job);
    JobVerdict verdict = validate(job);
    CHECK(verdict.error_text() == "");
    CHECK(verdict.warning_text() == "");
    CHECK(job.id == name);
  }
}

TEST_CASE("jobspec: a demo job without its binary says which variable is missing, and where") {
  auto job = parse_file(kRoot + "/conf/jobs/backend.nomad");
  REQUIRE_FALSE(job);
  CHECK(job.error().text() ==
        "backend.nomad:5:1: The variable \"demo_binary\" has no value: give -var demo_binary=..., "
        "NOMAD_VAR_demo_binary, or a default here");
}

TEST_CASE("jobspec: the edge job takes its ports from variables") {
  JobspecOptions options;
  options.flags = {{"http_port", "80"}, {"admin_port", "9000"}, {"consul_addr", "http://10.0.0.1:8500"}};
  Job job = parsed(kRoot + "/conf/jobs/edge.nomad", options);
  const NetworkResource& network = job.task_groups[0].networks[0];
  REQUIRE(network.reserved_ports.size() == 2);
  CHECK(network.reserved_ports[0] == Port{"http", 80});
  CHECK(network.reserved_ports[1] == Port{"admin", 9000});
  const Value::List& args = job.task_groups[0].tasks[0].config.find("args")->as_list();
  CHECK(args[2] == Value("web=${NOMAD_IP_http}:${NOMAD_PORT_http}"));
  CHECK(args[6] == Value("http://10.0.0.1:8500"));
}

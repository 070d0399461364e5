// What the job file reader refuses, and its rules about variables.
#include "weir/scheduler/jobspec.h"

#include <unistd.h>

#include "catch.h"
#include "weir/base/file.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::scheduler;

namespace {

std::string error_of(const std::string& text, const JobspecOptions& options = {}) {
  auto job = parse_jobspec(text, "f", options);
  return job ? "no error" : job.error().text();
}

std::string in_job(const std::string& content) { return "job \"j\" {\n" + content + "\n}\n"; }
std::string in_task(const std::string& content) { return in_job("group \"g\" {\ntask \"t\" {\n" + content + "\n}\n}"); }

Job parsed(const std::string& text, const JobspecOptions& options = {}) {
  auto job = parse_jobspec(text, "f", options);
  INFO((job ? "" : job.error().text()));
  REQUIRE(job);
  return *job;
}

}  // namespace

TEST_CASE("jobspec: unknown names are refused with their place and the nearest known one") {
  CHECK(error_of(in_job("datacentres = [\"dc1\"]")) ==
        "f:2:1: A job has no \"datacentres\"; did you mean \"datacenters\"?");
  CHECK(error_of(in_job("group \"g\" {\n  count = 1\n  ntwork {\n  }\n}")) ==
        "f:4:3: A group has no block \"ntwork\"; did you mean \"network\"?");
  CHECK(error_of(in_task("resources = {\n cpu = 1\n}")) ==
        "f:4:1: \"resources\" is a block: write resources { } without =");
  CHECK(error_of(in_task("driver {\n}")) == "f:4:1: \"driver\" is an attribute: write driver = ...");
  CHECK(error_of(in_job("frobnicate = 1")) == "f:2:1: A job has no \"frobnicate\"");
  CHECK(error_of("jobs \"x\" {\n}\n") == "f:1:1: A job file has no block \"jobs\"; did you mean \"job\"?");
}

TEST_CASE("jobspec: values of the wrong kind are refused with their place") {
  CHECK(error_of(in_job("priority = \"high\"")) == "f:2:12: \"priority\" must be a whole number");
  CHECK(error_of(in_job("priority = 1.5")) == "f:2:12: \"priority\" must be a whole number");
  CHECK(error_of(in_job("all_at_once = 1")) == "f:2:15: \"all_at_once\" must be true or false");
  CHECK(error_of(in_job("datacenters = \"dc1\"")) == "f:2:15: \"datacenters\" must be a list of strings");
  CHECK(error_of(in_job("type = [\"service\"]")) == "f:2:8: \"type\" must be a string");
  CHECK(error_of(in_task("kill_timeout = \"5 s\"")) ==
        "f:4:16: \"kill_timeout\" must be a duration such as \"10s\": time: invalid duration \"5 s\"");
  CHECK(error_of(in_task("env = [1]")) == "f:4:7: \"env\" must be a block or an object");
  CHECK(error_of(in_task("env {\n A = [1]\n}")) == "f:4:1: \"A\" in \"env\" must be a string");
}

TEST_CASE("jobspec: what may come once comes once, and labels are where they belong") {
  CHECK(error_of(in_job("update {\n}\nupdate {\n}")) ==
        "f:4:1: There may be only one update block here; the first is at line 2, column 1");
  CHECK(error_of(in_task("env = {}\nenv {\n}")) == "f:5:1: \"env\" may be given only once");
  CHECK(error_of(in_job("group {\n}")) == "f:2:1: A group block has one label: group \"name\" { }");
  CHECK(error_of(in_job("update \"x\" {\n}")) == "f:2:1: A update block has no label: update { }");
  CHECK(error_of("job \"a\" {\n}\njob \"b\" {\n}\n") ==
        "f:3:1: A file holds one job; the first is at line 1, column 1");
  CHECK(error_of("") == "f:1:1: There is no job \"name\" { } block in this file");
  CHECK(error_of(in_job("group \"g\" {\nnetwork {\nport \"a\" {}\nport \"a\" {}\n}\n}")) ==
        "f:5:1: The port \"a\" is given twice");
}

TEST_CASE("jobspec: variables take their value from the last source that names them") {
  std::string text = "variable \"v\" {\n  default = \"d\"\n}\n" + in_job("name = var.v");
  JobspecOptions options;
  CHECK(parsed(text, options).name == "d");
  options.environment = {{"v", "e"}, {"other", "x"}};
  CHECK(parsed(text, options).name == "e");
  options.variable_files = {{"vars.hcl", "v = \"f\"\n"}};
  CHECK(parsed(text, options).name == "f");
  options.variable_files.push_back({"vars.json", "{\"v\": \"j\"}"});
  CHECK(parsed(text, options).name == "j");
  options.flags = {{"v", "g1"}, {"v", "g2"}};
  CHECK(parsed(text, options).name == "g2");
}

TEST_CASE("jobspec: a variable's text is read as its type says") {
  auto name_of = [](const std::string& type, const std::string& value, const std::string& use) {
    JobspecOptions options;
    options.flags = {{"v", value}};
    auto job = parse_jobspec("variable \"v\" {\n  type = " + type + "\n}\n" + in_job("name = " + use), "f", options);
    return job ? job->name : job.error().text();
  };
  CHECK(name_of("string", "[1, 2]", "var.v") == "[1, 2]");
  CHECK(name_of("number", "5", "\"n${var.v + 1}\"") == "n6");
  CHECK(name_of("bool", "true", "var.v ? \"yes\" : \"no\"") == "yes");
  CHECK(name_of("list(number)", "[1, 2]", "join(\"+\", var.v)") == "1+2");
  CHECK(name_of("object({a = string})", "{a = 1}", "var.v.a") == "1");
  CHECK(name_of("any", "plain-word", "var.v") == "plain-word");
  CHECK(name_of("number", "x", "\"${var.v}\"") ==
        "-var v: the value of \"v\" does not fit: expected a number, not a string");
  CHECK(name_of("list(number)", "[1, \"x\"]", "\"\"") ==
        "-var v: the value of \"v\" does not fit: item 1: expected a number, not a string");
}

TEST_CASE("jobspec: undeclared variables are errors in flags and files, not in the environment") {
  std::string text = in_job("");
  JobspecOptions options;
  options.environment = {{"nope", "1"}};
  CHECK(parsed(text, options).id == "j");
  options.flags = {{"nope", "1"}};
  CHECK(error_of(text, options) == "-var nope: the job file declares no variable \"nope\"");
  options.flags.clear();
  options.variable_files = {{"v.hcl", "\nnope = 1\n"}};
  CHECK(error_of(text, options) == "v.hcl:2:1: The job file declares no variable \"nope\"");
  options.strict = false;
  CHECK(parsed(text, options).id == "j");
}

TEST_CASE("jobspec: locals may stand in any order but not refer to themselves") {
  CHECK(parsed("locals {\n  a = \"${local.b}!\"\n  b = \"x\"\n}\n" + in_job("name = local.a")).name == "x!");
  CHECK(error_of("locals {\n  a = local.b\n  b = local.a\n}\n" + in_job("")) ==
        "f:2:7: The local \"a\" refers to itself");
  CHECK(error_of("locals {\n  unused = 1 / 0\n}\n" + in_job("")) == "f:2:16: Division by zero");
}

TEST_CASE("jobspec: a validation's message is the error") {
  std::string text =
      "variable \"v\" {\n  type = string\n  validation {\n    condition = length(var.v) > 2\n"
      "    error_message = \"Too short.\"\n  }\n}\n" +
      in_job("");
  JobspecOptions options;
  options.flags = {{"v", "ab"}};
  CHECK(error_of(text, options) == "f:3:3: Bad value for the variable \"v\": Too short.");
  options.flags = {{"v", "abc"}};
  CHECK(error_of(text, options) == "no error");
}

TEST_CASE("jobspec: a text that begins with { is Nomad's JSON") {
  CHECK(parsed("  {\"ID\": \"a\", \"TaskGroups\": [{\"Name\": \"g\"}]}").task_groups[0].name == "g");
  CHECK(parsed("{\"Job\": {\"ID\": \"a\"}}").id == "a");
  CHECK(error_of("{\"ID\": 5}") == "f: ID: expected a string");
  CHECK(error_of("{") == "f: this is not valid JSON");
}

TEST_CASE("jobspec: file() reads beside the job file, when it may") {
  std::string folder = "/tmp/weir-jobspec-" + make_uuid();
  REQUIRE(make_directories(folder));
  REQUIRE(write_file_atomic(folder + "/name.txt", "from-file\n"));
  JobspecOptions options;
  std::string text = in_job("name = trimspace(file(\"name.txt\"))");
  CHECK(error_of(text, options) == "f:2:18: file(): files are not read here: this file is parsed by a server");
  options.folder = folder;
  CHECK(parsed(text, options).name == "from-file");
  ::unlink((folder + "/name.txt").c_str());
  ::rmdir(folder.c_str());
}

TEST_CASE("jobspec: large and deep files are refused, not crashed on") {
  CHECK(error_of(std::string(kJobspecBytesMax + 1, ' ')) == "f is larger than 1048576 bytes");
  std::string locals = "locals {\n  a0 = \"xxxxxxxxxxxxxxxx\"\n";
  for (int i = 1; i < 60; ++i) {
    std::string before = "local.a" + std::to_string(i - 1);
    locals += "  a" + std::to_string(i) + " = \"${" + before + "}${" + before + "}\"\n";
  }
  CHECK(error_of(locals + "}\n" + in_job("")).ends_with("The values in this file get too large"));
  std::string chain = "locals {\n  a000 = []\n";
  for (int i = 1; i < 400; ++i) {
    chain += "  a" + std::to_string(1000 + i).substr(1) + " = [local.a" + std::to_string(999 + i).substr(1) + "]\n";
  }
  CHECK(error_of(chain + "}\n" + in_job("")).ends_with("This value is nested too deeply"));
}

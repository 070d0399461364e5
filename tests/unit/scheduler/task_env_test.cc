// What a task finds in its environment, and what ${...} becomes.
#include "scheduler/task_env.h"

#include "catch.h"
#include "job_fixture.h"

using namespace weir::scheduler;

namespace {

TaskIdentity identity() {
  TaskIdentity out;
  out.alloc_id = "6f1d2c3b-0000-4000-8000-000000000000";
  out.alloc_name = "web.g[3]";
  out.alloc_dir = "/data/alloc";
  out.task_dir = "/data/t/local";
  out.secrets_dir = "/data/t/secrets";
  return out;
}

const NodeVariables kNode = {
    {"node.datacenter", "dc1"}, {"node.unique.name", "n1"}, {"attr.kernel.name", "linux"}, {"meta.rack", "r7"}};

TextMap env_of(const Job& job, const TaskIdentity& who) {
  return build_task_env(job, job.task_groups[0], job.task_groups[0].tasks[0], who, kNode);
}

}  // namespace

TEST_CASE("task env: who the task is") {
  TextMap env = env_of(canonical_job(), identity());
  CHECK(env["NOMAD_ALLOC_ID"] == "6f1d2c3b-0000-4000-8000-000000000000");
  CHECK(env["NOMAD_SHORT_ALLOC_ID"] == "6f1d2c3b");
  CHECK(env["NOMAD_ALLOC_NAME"] == "web.g[3]");
  CHECK(env["NOMAD_ALLOC_INDEX"] == "3");
  CHECK(env["NOMAD_TASK_NAME"] == "t");
  CHECK(env["NOMAD_GROUP_NAME"] == "g");
  CHECK(env["NOMAD_JOB_ID"] == "web");
  CHECK(env["NOMAD_DC"] == "dc1");
  CHECK(env["NOMAD_REGION"] == "global");
  CHECK(env["NOMAD_CPU_LIMIT"] == "100");
  CHECK(env["NOMAD_MEMORY_LIMIT"] == "300");
  CHECK(env["NOMAD_ALLOC_DIR"] == "/data/alloc");
  CHECK_FALSE(env.contains("NOMAD_MEMORY_MAX_LIMIT"));
}

TEST_CASE("task env: ports of the group, with names cleaned") {
  TaskIdentity who = identity();
  who.ports = {{"my-http", "", "10.0.0.1", 23456, 0}, {"admin", "", "fd00::1", 9000, 80}};
  TextMap env = env_of(canonical_job(), who);
  CHECK(env["NOMAD_IP_my_http"] == "10.0.0.1");
  CHECK(env["NOMAD_PORT_my_http"] == "23456");
  CHECK(env["NOMAD_ADDR_my_http"] == "10.0.0.1:23456");
  CHECK(env["NOMAD_HOST_IP_my-http"] == "10.0.0.1");
  CHECK(env["NOMAD_PORT_admin"] == "80");
  CHECK(env["NOMAD_HOST_PORT_admin"] == "9000");
  CHECK(env["NOMAD_ADDR_admin"] == "[fd00::1]:9000");
}

TEST_CASE("task env: ports of legacy task networks, own and of siblings") {
  Job job = canonical_job();
  job.task_groups[0].tasks[0].config.as_object()["port_map"] =
      Value(Value::List{Value(Value::Object{{"http", Value(8080)}})});
  TaskIdentity who = identity();
  who.ports = {{"http", "t", "10.0.0.1", 23456, 0}, {"db", "other", "10.0.0.1", 23457, 0}};
  TextMap env = env_of(job, who);
  CHECK(env["NOMAD_PORT_http"] == "8080");
  CHECK(env["NOMAD_HOST_PORT_http"] == "23456");
  CHECK(env["NOMAD_ADDR_http"] == "10.0.0.1:23456");
  CHECK(env["NOMAD_ADDR_other_db"] == "10.0.0.1:23457");
  CHECK_FALSE(env.contains("NOMAD_PORT_db"));
}

TEST_CASE("task env: meta of job, group and task, the nearest wins") {
  Job job = canonical_job();
  job.meta = {{"a", "job"}, {"b", "job"}};
  job.task_groups[0].meta = {{"b", "group"}, {"c-d", "${node.unique.name}"}};
  job.task_groups[0].tasks[0].meta = {{"e", "task"}};
  TextMap env = env_of(job, identity());
  CHECK(env["NOMAD_META_a"] == "job");
  CHECK(env["NOMAD_META_B"] == "group");
  CHECK(env["NOMAD_META_c_d"] == "n1");
  CHECK(env["NOMAD_META_E"] == "task");
}

TEST_CASE("task env: a group's own services know the allocation and none of its tasks") {
  Job job = canonical_job();
  job.meta = {{"a", "job"}};
  job.task_groups[0].meta = {{"a", "group"}};
  job.task_groups[0].tasks[0].meta = {{"a", "task"}};
  TaskIdentity who = identity();
  who.ports = {{"http", "", "10.0.0.1", 23456, 0}, {"db", "t", "10.0.0.1", 23457, 0}};
  who.host_env = {{"HOME", "/root"}};
  TextMap env = build_group_env(job, job.task_groups[0], who, kNode);
  CHECK(env["NOMAD_META_a"] == "group");
  CHECK(env["NOMAD_ALLOC_INDEX"] == "3");
  CHECK(env["NOMAD_DC"] == "dc1");
  CHECK(env["NOMAD_ADDR_http"] == "10.0.0.1:23456");
  CHECK(env["NOMAD_ADDR_t_db"] == "10.0.0.1:23457");
  for (const char* of_task : {"A", "HOME", "NOMAD_TASK_NAME", "NOMAD_TASK_DIR", "NOMAD_CPU_LIMIT", "NOMAD_PORT_db"}) {
    CHECK_FALSE(env.contains(of_task));
  }
}

TEST_CASE("task env: the task's own env wins over the host's, and nothing secret comes from the host") {
  Job job = canonical_job();
  job.task_groups[0].tasks[0].env = {{"PATH", "/opt/bin"}, {"RACK", "${meta.rack}-${NOMAD_ALLOC_INDEX}-${nope}"}};
  TaskIdentity who = identity();
  who.host_env = {
      {"PATH", "/usr/bin"}, {"LANG", "C"}, {"NOMAD_TOKEN", "x"}, {"CONSUL_HTTP_TOKEN", "x"}, {"NOMAD_JOB_ID", "evil"}};
  TextMap env = env_of(job, who);
  CHECK(env["PATH"] == "/opt/bin");
  CHECK(env["LANG"] == "C");
  CHECK(env["RACK"] == "r7-3-${nope}");
  CHECK(env["NOMAD_JOB_ID"] == "web");
  CHECK_FALSE(env.contains("NOMAD_TOKEN"));
  CHECK_FALSE(env.contains("CONSUL_HTTP_TOKEN"));
}

TEST_CASE("task env: interpolation replaces what is known, once") {
  TextMap env = {{"A", "${B}"}, {"B", "b"}, {"x.y-z", "odd"}};
  CHECK(interpolate("${A} ${B} ${attr.kernel.name} ${x.y-z}", env, kNode) == "${B} b linux odd");
  CHECK(interpolate("${nope} $ ${ ${} ${B", env, kNode) == "${nope} $ ${ ${} ${B");
  CHECK(interpolate("$${B}", env, kNode) == "$b");
  CHECK(unknown_variable("${B} ${nope} ${other}", env, kNode) == "nope");
  CHECK_FALSE(unknown_variable("${B} ${ } {nope}", env, kNode));
}

TEST_CASE("task env: names of services") {
  Job job = canonical_job();
  const TaskGroup& group = job.task_groups[0];
  CHECK(service_name("${JOB}-${TASKGROUP}-${TASK}", job, group, "t") == "web-g-t");
  CHECK(service_name("${BASE}", job, group, "t") == "web-g-t");
  CHECK(service_name("x-${NOMAD_DC}", job, group, "t") == "x-${NOMAD_DC}");
}

TEST_CASE("task env: the index in an allocation's name") {
  CHECK(allocation_index("web.g[12]") == 12);
  CHECK(allocation_index("we[b.g[0]") == 0);
  CHECK(allocation_index("web") == 0);
  CHECK(allocation_index("web[x]") == 0);
}

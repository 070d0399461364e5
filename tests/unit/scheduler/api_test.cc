// The server's HTTP API as Nomad's clients use it: codes, texts, headers, blocking queries. Without a socket: requests
// go in as values, answers are kept.

#include "scheduler/api/api.h"

#include <nlohmann/json.hpp>

#include "server_fixture.h"
#include "weir/scheduler/agent_protocol.h"

using namespace weir;
using namespace weir::scheduler;
using nlohmann::json;

namespace {

class KeptAnswer : public http::Responder {
 public:
  void respond(http::Response response) override {
    answered = true;
    kept = std::move(response);
  }
  void start(int status, http::HeaderFields headers) override {
    kept.status = status;
    kept.headers = std::move(headers);
  }
  void write(std::string_view chunk) override { kept.body += chunk; }
  void end() override { answered = true; }
  [[nodiscard]] size_t queued_bytes() const override { return 0; }
  void on_drained(std::function<void()>) override {}
  void on_disconnect(std::function<void()> callback) override { leave_ = std::move(callback); }
  [[nodiscard]] bool connected() const override { return true; }

  void client_leaves() { leave_(); }
  [[nodiscard]] std::string header(std::string_view name) const {
    return std::string(http::find_header(kept.headers, name));
  }
  [[nodiscard]] uint64_t index() const { return std::stoull(header("X-Nomad-Index")); }
  [[nodiscard]] json document() const { return json::parse(kept.body, nullptr, false); }

  bool answered = false;
  http::Response kept;

 private:
  std::function<void()> leave_;
};
using Kept = std::shared_ptr<KeptAnswer>;

/// Its client reads when told to.
class SlowAnswer final : public KeptAnswer {
 public:
  [[nodiscard]] size_t queued_bytes() const override { return kept.body.size() - taken_; }
  void on_drained(std::function<void()> callback) override { drained_ = std::move(callback); }
  void take() {
    taken_ = kept.body.size();
    drained_();
  }

 private:
  size_t taken_ = 0;
  std::function<void()> drained_;
};

struct ApiWorld : ServerWorld {
  event::Loop loop;
  Api api{loop, *core, {.datacenter = "dc1", .version = "0", .address = "127.0.0.1:4646"}, [this] { settle(); }};

  Kept call(const std::string& method, const std::string& target, const std::string& body = "",
            http::HeaderFields headers = {}) {
    http::Request request;
    request.method = method;
    const size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    if (mark != std::string::npos) request.query_text = target.substr(mark + 1);
    request.query_malformed = !http::parse_query(request.query_text, request.query);
    request.headers = std::move(headers);
    request.body = body;
    auto kept = std::make_shared<KeptAnswer>();
    api.serve(std::move(request), kept);
    return kept;
  }
  Kept get(const std::string& target) { return call("GET", target); }
  bool until_answered(const Kept& kept) {
    return run_until(loop, [&] { return kept->answered; });
  }
  /// Turns of the loop in which whoever was woken looks again.
  void run_turns() {
    int turns = 0;
    event::Timer turn(loop, [&] {
      if (++turns == 3) loop.stop();
    });
    turn.start_every(1);
    loop.run();
  }
};

/// nomad-api 2.12, the smallest job that clients send.
json small_job(const std::string& id = "web", int count = 2) {
  json task{{"Name", "srv"}, {"Driver", "raw_exec"}, {"Config", {{"command", "/bin/true"}}}};
  task["Resources"] = {{"CPU", 100}, {"MemoryMB", 64}};
  return {{"ID", id},
          {"Name", id},
          {"Type", "service"},
          {"Datacenters", {"dc1"}},
          {"TaskGroups", json::array({{{"Name", "g"}, {"Count", count}, {"Tasks", json::array({task})}}})}};
}
std::string wrapped(const json& job) { return json{{"Job", job}}.dump(); }

struct Refusal {
  std::string method;
  std::string target;
  std::string body;
  int status;
  std::string text;  // a part of it
};

}  // namespace

TEST_CASE("scheduler api: each refusal has Nomad's code and a plain text that says why") {
  ApiWorld world;
  const std::string eval = "/v1/evaluation/" + test_uuid(1);
  const Refusal refusals[] = {
      {"GET", "/v1/job/none", "", 404, "job not found"},
      {"GET", "/v1/job/none/summary", "", 404, "job not found"},
      {"GET", "/v1/job/none/versions", "", 404, "job not found"},
      {"DELETE", "/v1/job/none", "", 404, "job not found"},
      {"PUT", "/v1/job/none/evaluate", "{}", 404, "job not found"},
      {"PUT", "/v1/job/none/scale", R"({"Count": 1})", 404, "job not found"},
      {"PUT", "/v1/job/none/revert", R"({"JobVersion": 1})", 404, "job not found"},
      {"GET", "/v1/allocation/" + test_uuid(1), "", 404, "alloc not found"},
      {"PUT", "/v1/allocation/" + test_uuid(1) + "/stop", "", 404, "alloc not found"},
      {"GET", eval, "", 404, "eval not found"},
      {"GET", "/v1/node/" + test_uuid(1), "", 404, "node not found"},
      {"PUT", "/v1/node/" + test_uuid(1) + "/eligibility", R"({"Eligibility": "eligible"})", 404, "node not found"},
      {"PUT", "/v1/node/" + test_uuid(1) + "/eligibility", R"({"Eligibility": "x"})", 400, "eligibility \"x\""},
      {"GET", "/v1/deployment/" + test_uuid(1), "", 404, "deployment not found"},
      {"PUT", "/v1/deployment/promote/" + test_uuid(1), "{}", 404, "deployment not found"},
      {"GET", "/v1/client/fs/logs/" + test_uuid(1), "", 404, "Unknown allocation \"" + test_uuid(1) + "\""},
      {"GET", "/v1/client/stats?node_id=x", "", 404, "Unknown node \"x\""},
      {"PUT", "/v1/jobs", "no json", 400, "no JSON object"},
      {"PUT", "/v1/jobs", "[]", 400, "no JSON object"},
      {"PUT", "/v1/jobs", "{}", 400, "Job must be specified"},
      {"PUT", "/v1/jobs", R"({"Job": null})", 400, "Job must be specified"},
      {"PUT", "/v1/jobs", R"({"Job": {"ID": 5}})", 400, "ID"},
      {"PUT", "/v1/job/other", wrapped(small_job()), 400, "Job ID does not match"},
      {"PUT", "/v1/jobs/parse", R"({"JobHCL": "job \"x\" {\n  group = \n}"})", 400, "input.hcl:2"},
      {"PUT", "/v1/search", "x", 400, "no JSON object"},
      {"GET", "/", "", 404, "Invalid URL path"},
      {"GET", "/v2/jobs", "", 404, "Invalid URL path"},
      {"GET", "/v1/nothing", "", 404, "Invalid URL path"},
      {"DELETE", "/v1/jobs", "", 405, "Invalid URL path or method"},
      {"GET", "/v1/jobs?region=moon", "", 500, "No path to region"},
      {"GET", "/v1/jobs?prefix=%zz", "", 400, "malformed query"},
      {"GET", "/v1/jobs?index=99&wait=soon", "", 400, "Invalid wait time"},
      {"GET", "/v1/jobs?wait=soon", "", 400, "Invalid wait time"},
      {"GET", "/v1/jobs?index=soon", "", 400, "Invalid index"},
      {"GET", "/v1/jobs?index=-1", "", 400, "Invalid index"},
      {"GET", "/v1/jobs?filter=Status==dead", "", 400, "filter is not supported here"},
      {"GET", "/v1/service/web?filter=Port==1", "", 400, "only Tags contains"},
      {"GET", "/v1/service/web?filter=Tags%20contains%20x", "", 400, "only Tags contains"},
      {"DELETE", "/v1/job/none?purge=yes", "", 400, "Failed to parse value of \"purge\" (yes) as a bool"},
      {"GET", "/v1", "", 404, "Invalid URL path"},
  };
  for (const Refusal& one : refusals) {
    CAPTURE(one.method, one.target, one.body);
    const Kept kept = world.call(one.method, one.target, one.body);
    REQUIRE(kept->answered);
    CHECK(kept->kept.status == one.status);
    CHECK(kept->kept.body.find(one.text) != std::string::npos);
    CHECK(kept->document().is_discarded());  // a text, not JSON
  }
  CHECK(world.store().jobs().empty());
}

TEST_CASE("scheduler api: reads carry index, contact and leader; writes only the index") {
  ApiWorld world;
  world.add_node(1);
  const Kept write = world.call("PUT", "/v1/jobs", wrapped(small_job()));
  REQUIRE(write->kept.status == 200);
  CHECK(write->header("Content-Type") == "application/json");
  CHECK(write->index() > 1);
  CHECK(write->header("X-Nomad-KnownLeader").empty());
  const Kept read = world.get("/v1/job/web");
  CHECK(read->header("Content-Type") == "application/json");
  CHECK(read->header("X-Nomad-LastContact") == "0");
  CHECK(read->header("X-Nomad-KnownLeader") == "true");
  CHECK(read->index() == read->document()["ModifyIndex"]);
}

TEST_CASE("scheduler api: an empty server answers lists as [], what is not there as null, and no index of 0") {
  ApiWorld world;
  for (const char* path : {"jobs", "nodes", "allocations", "evaluations", "deployments"}) {
    const Kept kept = world.get(std::string("/v1/") + path);
    CHECK(kept->kept.status == 200);
    CHECK(kept->kept.body == "[]");
    CHECK(kept->index() >= 1);
  }
  world.call("PUT", "/v1/jobs", wrapped(small_job("sys")));
  CHECK(world.get("/v1/job/none/deployment")->kept.body == "null");
  CHECK(world.get("/v1/job/none/allocations")->kept.body == "[]");
  CHECK(world.get("/v1/status/leader")->document() == "127.0.0.1:4646");
}

TEST_CASE("scheduler api: a job is registered, listed, read back, stopped and purged") {
  ApiWorld world;
  world.add_node(1);
  const json reply = world.call("POST", "/v1/jobs", wrapped(small_job()))->document();
  CHECK(reply["JobModifyIndex"] == world.store().job("web")->job_modify_index);
  CHECK(reply["Warnings"].is_string());
  const json eval = world.get("/v1/evaluation/" + reply["EvalID"].get<std::string>())->document();
  CHECK(eval["Status"] == "complete");
  const json placed = world.get("/v1/evaluation/" + reply["EvalID"].get<std::string>() + "/allocations")->document();
  REQUIRE(placed.size() == 2);
  CHECK(placed[0]["CreateIndex"] >= eval["CreateIndex"]);  // the clients' monitor calls them "modified" otherwise
  const json stub = world.get("/v1/jobs?prefix=we")->document().at(0);
  CHECK(stub["ID"] == "web");
  CHECK(stub["JobSummary"]["Namespace"] == "default");
  CHECK(world.get("/v1/jobs?prefix=x")->kept.body == "[]");
  CHECK(world.get("/v1/job/web/summary")->document()["Summary"]["g"]["Starting"] == 2);
  CHECK(world.call("DELETE", "/v1/job/web?purge=false")->kept.status == 200);
  CHECK(world.get("/v1/job/web")->document()["Stop"] == true);
  CHECK(world.call("DELETE", "/v1/job/web?purge=true")->kept.status == 200);
  CHECK(world.get("/v1/job/web")->kept.status == 404);
}

TEST_CASE("scheduler api: booleans of a query are Go's words, and nothing is purged by an empty one") {
  for (const char* yes : {"true", "True", "TRUE", "t", "T", "1"}) {
    CAPTURE(yes);
    ApiWorld world;
    world.call("PUT", "/v1/jobs", wrapped(small_job()));
    REQUIRE(world.call("DELETE", std::string("/v1/job/web?purge=") + yes)->kept.status == 200);
    CHECK(world.get("/v1/job/web")->kept.status == 404);
  }
  for (const char* query : {"?purge=False", "?purge=0", "?purge=", ""}) {
    CAPTURE(query);
    ApiWorld world;
    world.call("PUT", "/v1/jobs", wrapped(small_job()));
    REQUIRE(world.call("DELETE", std::string("/v1/job/web") + query)->kept.status == 200);
    CHECK(world.get("/v1/job/web")->document()["Stop"] == true);
  }
}

TEST_CASE("scheduler api: another namespace is empty, and what is done there does not touch its namesake here") {
  ApiWorld world;
  world.add_node(1);
  world.call("PUT", "/v1/jobs", wrapped(small_job()));
  const uint64_t index = world.store().index();
  for (const char* path : {"jobs", "allocations", "evaluations", "deployments", "services", "service/web",
                           "job/web/allocations", "job/web/evaluations"}) {
    CAPTURE(path);
    const Kept kept = world.get(std::string("/v1/") + path + "?namespace=prod");
    CHECK(kept->kept.status == 200);
    CHECK(kept->kept.body == "[]");
  }
  CHECK(world.get("/v1/job/web?namespace=prod")->kept.status == 404);
  CHECK(world.get("/v1/job/web/summary?namespace=prod")->kept.status == 404);
  CHECK(world.call("DELETE", "/v1/job/web?purge=true&namespace=prod")->kept.status == 404);
  CHECK(world.call("PUT", "/v1/job/web/scale?namespace=prod", R"({"Count": 0})")->kept.status == 404);
  for (const char* path : {"/v1/jobs", "/v1/job/web", "/v1/job/web/plan"}) {
    const Kept kept = world.call("PUT", std::string(path) + "?namespace=prod", wrapped(small_job()));
    CHECK(kept->kept.status == 400);
    CHECK(kept->kept.body == "there is only the namespace \"default\", no \"prod\"");
  }
  CHECK(world.store().index() == index);
  for (const char* here : {"default", "*", ""}) {
    CHECK(world.get(std::string("/v1/jobs?namespace=") + here)->document().size() == 1);
  }
  const Kept waiting = world.get("/v1/jobs?namespace=prod&index=1&wait=1m");
  CHECK_FALSE(waiting->answered);
  waiting->client_leaves();
}

namespace {

/// small_job() with a service of the group and one of its task, which come with Nomad's own discovery.
json native_job() {
  json job = small_job("web", 1);
  json& group = job["TaskGroups"][0];
  group["Meta"] = {{"who", "group"}};
  group["Networks"] = json::array({{{"DynamicPorts", json::array({{{"Label", "http"}}})}}});
  group["Services"] = json::array({{{"Name", "web"},
                                    {"PortLabel", "http"},
                                    {"Provider", "nomad"},
                                    {"Tags", {"traefik.enable=true", "${node.unique.name}", "${NOMAD_META_who}"}}}});
  group["Tasks"][0]["Meta"] = {{"who", "task"}};
  group["Tasks"][0]["Services"] =
      json::array({{{"Name", "${TASK}-admin"}, {"PortLabel", "http"}, {"Provider", "nomad"}, {"Tags", {"b", "a"}}}});
  return job;
}

AllocUpdate now_in(const Allocation& alloc, TaskRunState state) {
  AllocUpdate update{.id = alloc.id, .client_status = ClientStatus::running};
  update.task_states = std::map<std::string, TaskState>{{"srv", TaskState{.state = state}}};
  return update;
}

}  // namespace

TEST_CASE("scheduler api: services of the provider nomad are listed while their tasks run and shall run") {
  ApiWorld world;
  world.add_node(1);
  REQUIRE(world.call("PUT", "/v1/jobs", wrapped(native_job()))->kept.status == 200);
  CHECK(world.get("/v1/services")->kept.body == "[]");  // placed, not yet running
  const AllocPtr alloc = world.live("web").at(0);
  const Kept waiting = world.get("/v1/service/web?wait=1m&index=" + std::to_string(world.get("/v1/services")->index()));
  REQUIRE_FALSE(waiting->answered);
  world.report(1, {now_in(*alloc, TaskRunState::running)});
  REQUIRE(world.until_answered(waiting));

  const json row = waiting->document().at(0);
  CHECK(row["ID"] == "_nomad-task-" + alloc->id + "-group-g-web-http");
  CHECK(row["ServiceName"] == "web");
  CHECK(row["Namespace"] == "default");
  CHECK(row["NodeID"] == ServerWorld::node_id(1));
  CHECK(row["Datacenter"] == "dc1");
  CHECK(row["JobID"] == "web");
  CHECK(row["AllocID"] == alloc->id);
  CHECK(row["Address"] == "127.0.0.1");
  CHECK(row["Port"] == alloc->resources.ports.at(0).value);
  CHECK(row["Tags"] == json({"traefik.enable=true", "node-1", "group"}));  // a group's service knows of no task
  CHECK(world.get("/v1/services")->document() == json::parse(R"([{"Namespace":"default","Services":[
          {"ServiceName":"srv-admin","Tags":["a","b"]},
          {"ServiceName":"web","Tags":["group","node-1","traefik.enable=true"]}]}])"));
  const std::string filter = "/v1/service/web?filter=Tags+contains+";
  CHECK(world.get(filter + "%22traefik.enable%3Dtrue%22")->document().size() == 1);
  CHECK(world.get(filter + "%22other%22")->kept.body == "[]");
  CHECK(world.get("/v1/service/none")->kept.body == "[]");

  SECTION("a task that is down takes its services along") {
    world.report(1, {now_in(*alloc, TaskRunState::pending)});
    CHECK(world.get("/v1/services")->kept.body == "[]");
  }
  SECTION("what shall stop is gone before its agent hears of it") {
    world.call("DELETE", "/v1/job/web");
    CHECK(world.get("/v1/service/web")->kept.body == "[]");
  }
}

TEST_CASE("scheduler api: an id with slashes comes escaped") {
  ApiWorld world;
  REQUIRE(world.call("PUT", "/v1/jobs", wrapped(small_job("team/web")))->kept.status == 200);
  CHECK(world.get("/v1/job/team%2Fweb")->document()["ID"] == "team/web");
  CHECK(world.get("/v1/job/team/web")->kept.status == 404);
  CHECK(world.call("PUT", "/v1/job/team%2Fweb/evaluate", "{}")->kept.status == 200);
}

TEST_CASE(
    "scheduler api: a job with faults is refused with the path of each, and an index that does not fit with 500") {
  ApiWorld world;
  json job = small_job();
  job["TaskGroups"][0]["Tasks"][0]["Vault"] = {{"Policies", {"x"}}};
  job["TaskGroups"][0]["Count"] = -3;
  const Kept kept = world.call("PUT", "/v1/jobs", wrapped(job));
  CHECK(kept->kept.status == 400);
  CHECK(kept->kept.body.find("TaskGroups[g].Count") != std::string::npos);
  CHECK(kept->kept.body.find("Vault") != std::string::npos);
  const json enforced{{"Job", small_job()}, {"EnforceIndex", true}, {"JobModifyIndex", 4}};
  const Kept conflict = world.call("PUT", "/v1/jobs", enforced.dump());
  CHECK(conflict->kept.status == 500);
  CHECK(conflict->kept.body == "Enforcing job modify index 4: job does not exist");
}

TEST_CASE("scheduler api: fields that have no effect here are warned of, when registered, planned and validated") {
  ApiWorld world;
  json job = small_job();
  job["UI"] = {{"Description", "x"}};
  job["TaskGroups"][0]["Disconnect"] = {{"LostAfter", 1}};
  json from_hcl = small_job("hcl");  // our own client says by name what it had to leave out
  from_hcl["NotModelled"] = {"UI", "TaskGroups[0].Disconnect"};
  for (const json& one : {job, from_hcl}) {
    const std::string id = one["ID"];
    const json body{{"Job", one}, {"Diff", true}};
    for (const Kept& kept :
         {world.call("PUT", "/v1/job/" + id + "/plan", body.dump()), world.call("PUT", "/v1/validate/job", body.dump()),
          world.call("PUT", "/v1/jobs", body.dump())}) {
      REQUIRE(kept->kept.status == 200);
      const std::string warnings = kept->document()["Warnings"];
      CHECK(warnings.find("UI: is not supported and has no effect") != std::string::npos);
      CHECK(warnings.find("Disconnect: is not supported and has no effect") != std::string::npos);
    }
  }
  CHECK(world.call("PUT", "/v1/jobs", wrapped(small_job()))->document()["Warnings"] == "");
}

TEST_CASE("scheduler api: a plan tells what would happen and changes nothing") {
  ApiWorld world;
  world.add_node(1);
  const uint64_t index = world.store().index();
  const json body{{"Job", small_job()}, {"Diff", true}};
  const json plan = world.call("PUT", "/v1/job/web/plan", body.dump())->document();
  CHECK(plan["Annotations"]["DesiredTGUpdates"]["g"]["Place"] == 2);
  CHECK(plan["Diff"]["Type"] == "Added");
  CHECK(plan["JobModifyIndex"] == 0);
  CHECK(plan["FailedTGAllocs"].is_null());
  CHECK(world.store().index() == index);
}

TEST_CASE("scheduler api: HCL is parsed to the job that could be registered") {
  ApiWorld world;
  const std::string text =
      "variable \"n\" { default = 1 }\njob \"x\" {\n  group \"g\" {\n    count = var.n\n    task \"t\" {\n"
      "      driver = \"raw_exec\"\n      config {\n        command = \"/bin/true\"\n      }\n    }\n  }\n}\n";
  const json body{{"JobHCL", text}, {"Variables", "n = 3"}, {"Canonicalize", true}};
  const Kept parsed = world.call("PUT", "/v1/jobs/parse", body.dump());
  REQUIRE(parsed->kept.status == 200);
  CHECK(parsed->document()["TaskGroups"][0]["Count"] == 3);
  CHECK(world.call("PUT", "/v1/jobs", wrapped(parsed->document()))->kept.status == 200);
}

// Blocking queries

TEST_CASE("scheduler api: a read waits for its index, and is answered by the change") {
  ApiWorld world;
  world.add_node(1);
  world.call("PUT", "/v1/jobs", wrapped(small_job()));
  const uint64_t index = world.get("/v1/job/web")->index();
  const Kept waiting = world.get("/v1/job/web?index=" + std::to_string(index));
  CHECK_FALSE(waiting->answered);
  CHECK(world.get("/v1/job/web?index=" + std::to_string(index - 1))->answered);
  CHECK(world.get("/v1/job/web?index=0")->answered);
  world.call("PUT", "/v1/jobs", wrapped(small_job("web", 1)));
  REQUIRE(world.until_answered(waiting));
  CHECK(waiting->index() > index);
  CHECK(waiting->document()["TaskGroups"][0]["Count"] == 1);
}

TEST_CASE("scheduler api: what another job does wakes no reader of this one") {
  ApiWorld world;
  world.call("PUT", "/v1/jobs", wrapped(small_job()));
  const Kept waiting = world.get("/v1/job/web?index=" + std::to_string(world.get("/v1/job/web")->index()));
  const Kept list = world.get("/v1/jobs?index=" + std::to_string(world.get("/v1/jobs")->index()));
  world.call("PUT", "/v1/jobs", wrapped(small_job("other")));
  REQUIRE(world.until_answered(list));
  CHECK(list->document().size() == 2);
  world.run_turns();
  CHECK_FALSE(waiting->answered);
}

TEST_CASE("scheduler api: a read whose wait is over is answered with what there is, under the same index") {
  ApiWorld world;
  world.call("PUT", "/v1/jobs", wrapped(small_job()));
  const uint64_t index = world.get("/v1/job/web")->index();
  const Kept waiting = world.get("/v1/job/web?wait=20ms&index=" + std::to_string(index));
  CHECK_FALSE(waiting->answered);
  REQUIRE(world.until_answered(waiting));
  CHECK(waiting->kept.status == 200);
  CHECK(waiting->index() == index);
}

TEST_CASE("scheduler api: a reader that waits for a job which is purged gets 404") {
  ApiWorld world;
  world.call("PUT", "/v1/jobs", wrapped(small_job()));
  const Kept waiting = world.get("/v1/job/web?index=" + std::to_string(world.get("/v1/job/web")->index()));
  world.call("DELETE", "/v1/job/web?purge=true");
  REQUIRE(world.until_answered(waiting));
  CHECK(waiting->kept.status == 404);
  CHECK(waiting->kept.body == "job not found");
}

TEST_CASE("scheduler api: whoever goes away waits no more") {
  ApiWorld world;
  const Kept waiting = world.get("/v1/jobs?index=1000");
  CHECK(world.store().watchers().waiting() == 1);
  waiting->client_leaves();
  CHECK(world.store().watchers().waiting() == 0);
  world.call("PUT", "/v1/jobs", wrapped(small_job()));
  world.run_turns();
  CHECK_FALSE(waiting->answered);
}

// Agents

TEST_CASE("scheduler api: an agent registers, pulls what it shall run, reports, and is told when it is down") {
  ApiWorld world;
  const http::HeaderFields secret{{std::string(kNodeSecretHeader), world.secret(1)}};
  const std::string node = "/v1/internal/node/" + world.node_id(1);
  const Kept registered = world.call("PUT", "/v1/internal/node/register", encode_registration({test_node(1)}));
  REQUIRE(registered->kept.status == 200);
  CHECK(decode_register_reply(registered->kept.body)->heartbeat_ttl_ns == 10'000'000'000);
  CHECK(world.call("PUT", node + "/heartbeat", "{}", secret)->kept.status == 200);

  const Kept stranger = world.call("PUT", node + "/heartbeat", "{}", {{std::string(kNodeSecretHeader), "x"}});
  CHECK(stranger->kept.status == 403);
  CHECK(stranger->kept.body.find("Permission denied") != std::string::npos);
  CHECK(world.call("GET", node + "/allocations")->kept.status == 403);
  CHECK(world.get("/v1/node/" + world.node_id(1))->kept.body.find(world.secret(1)) == std::string::npos);

  const uint64_t index = world.pull(1).index;
  const Kept pull = world.call("GET", node + "/allocations?index=" + std::to_string(index), "", secret);
  CHECK_FALSE(pull->answered);
  world.call("PUT", "/v1/jobs", wrapped(small_job("web", 1)));
  REQUIRE(world.until_answered(pull));
  const auto pulled = decode_alloc_pull(pull->kept.body);
  REQUIRE(pulled);
  REQUIRE(pulled->allocs.size() == 1);
  const AllocUpdate update{.id = pulled->allocs[0].id, .client_status = ClientStatus::running};
  CHECK(world.call("PUT", node + "/allocations", encode_alloc_updates({update}), secret)->kept.status == 200);
  CHECK(world.get("/v1/allocation/" + update.id)->document()["ClientStatus"] == "running");
  CHECK(world.call("PUT", node + "/allocations", "[", secret)->kept.status == 400);

  world.clock.advance_ms(60'000);
  world.settle();
  CHECK(world.call("PUT", node + "/heartbeat", "{}", secret)->kept.status == 409);
  CHECK(world.call("PUT", node + "/allocations", encode_alloc_updates({update}), secret)->kept.status == 409);
  CHECK(world.get("/v1/node/" + world.node_id(1))->document()["Status"] == "down");
}

TEST_CASE("scheduler api: what only an agent can answer is a 500 with the reason when the agent is not there") {
  ApiWorld world;
  Node node = test_node(1);
  node.agent_address = "127.0.0.1:1";  // nobody listens there
  REQUIRE(world.core->nodes().put({node}));
  const Kept kept = world.get("/v1/client/stats?node_id=" + world.node_id(1));
  REQUIRE(world.until_answered(kept));
  CHECK(kept->kept.status == 500);
  CHECK(kept->kept.body.find("the node does not answer") != std::string::npos);
}

TEST_CASE("scheduler api: an agent's answer is forwarded as far as its reader takes it") {
  ApiWorld world;
  const size_t total = 8 * 1024 * 1024;
  auto agent = http::Server::listen(world.loop, *SocketAddress::parse("127.0.0.1:0"),
                                    [&](const http::Request&, const std::shared_ptr<http::Responder>& responder) {
                                      responder->respond({200, {}, std::string(total, 'x')});
                                    });
  REQUIRE(agent);
  Node node = test_node(1);
  node.agent_address = (*agent)->address().text();
  REQUIRE(world.core->nodes().put({node}));
  auto slow = std::make_shared<SlowAnswer>();
  http::Request request{.method = "GET", .path = "/v1/client/stats"};
  request.query.push_back({"node_id", world.node_id(1)});
  world.api.serve(std::move(request), slow);

  while (slow->kept.body.size() < total) {
    const size_t before = slow->kept.body.size();
    REQUIRE(run_until(world.loop, [&] { return slow->queued_bytes() > 256 * 1024 || slow->answered; }));
    world.run_turns();
    CHECK(slow->kept.body.size() - before < 1024 * 1024);  // the bound, and what had been read already
    slow->take();
  }
  REQUIRE(world.until_answered(slow));
  CHECK(slow->kept.body.size() == total);
}

TEST_CASE("scheduler api: agents' answers under way are counted") {
  ApiWorld world;
  std::vector<std::shared_ptr<http::Responder>> held;
  auto agent = http::Server::listen(
      world.loop, *SocketAddress::parse("127.0.0.1:0"),
      [&](const http::Request&, const std::shared_ptr<http::Responder>& responder) { held.push_back(responder); });
  REQUIRE(agent);
  Node node = test_node(1);
  node.agent_address = (*agent)->address().text();
  REQUIRE(world.core->nodes().put({node}));
  std::vector<Kept> readers;
  for (int i = 0; i < 512; ++i) readers.push_back(world.get("/v1/client/stats?node_id=" + world.node_id(1)));
  REQUIRE(run_until(world.loop, [&] { return held.size() == 512; }));
  CHECK(world.get("/v1/client/stats?node_id=" + world.node_id(1))->kept.status == 429);
  readers[0]->client_leaves();
  world.run_turns();
  CHECK_FALSE(world.get("/v1/client/stats?node_id=" + world.node_id(1))->answered);
}

TEST_CASE("scheduler api: a search gives ids by their beginning, of one kind or of all") {
  ApiWorld world;
  world.add_node(1);
  world.call("PUT", "/v1/jobs", wrapped(small_job("web")));
  world.call("PUT", "/v1/jobs", wrapped(small_job("web-two")));
  const json all = world.call("PUT", "/v1/search", R"({"Prefix": "web", "Context": "all"})")->document();
  CHECK(all["Matches"]["jobs"] == json({"web", "web-two"}));
  CHECK(all["Matches"]["nodes"].empty());
  CHECK(all["Truncations"]["jobs"] == false);
  const json jobs = world.call("PUT", "/v1/search", R"({"Prefix": "", "Context": "nodes"})")->document();
  CHECK(jobs["Matches"]["nodes"].size() == 1);
  CHECK_FALSE(jobs["Matches"].contains("jobs"));
}

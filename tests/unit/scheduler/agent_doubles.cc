#include "agent_doubles.h"

#include <nlohmann/json.hpp>

#include "catch.h"
#include "scheduler/agent/registration.h"
#include "scheduler/job_rules.h"
#include "weir/base/clock.h"
#include "weir/base/random.h"
#include "weir/base/text.h"

namespace weir::scheduler {

using nlohmann::json;

ScriptedRegistry::ScriptedRegistry(event::Loop& loop, Trace& trace) : loop_(loop), trace_(trace) {
  auto server = http::Server::listen(
      loop, *SocketAddress::parse("127.0.0.1:0"),
      [this](http::Request request, std::shared_ptr<http::Responder> responder) { on_request(request, responder); });
  REQUIRE(server);
  server_ = std::move(*server);
}

Url ScriptedRegistry::url() const { return *Url::parse("http://" + server_->address().text()); }

void ScriptedRegistry::add_foreign(const std::string& id, const std::string& node_id) {
  services_[id] = json{{"ID", id}, {"Name", "other"}, {"Meta", {{std::string(kNodeMetaKey), node_id}}}}.dump();
}

bool ScriptedRegistry::has(const std::string& id_part) const {
  for (const auto& [id, body] : services_) {
    if (id.find(id_part) != std::string::npos) return true;
  }
  return false;
}

void ScriptedRegistry::on_request(const http::Request& request, const std::shared_ptr<http::Responder>& responder) {
  if (manner_ == Manner::hangs) {
    hanging_.push_back(responder);
    return;
  }
  if (manner_ == Manner::refuses) {
    if (request.method == "PUT") trace_.push_back("registry refuses");
    return responder->respond({.status = 500, .body = "rpc error: No cluster leader"});
  }
  if (delay_ms_ == 0) return answer(request, *responder);
  if (request.method == "PUT") trace_.push_back("registry asked");
  delays_.push_back(std::make_unique<event::Timer>(loop_, [this, request, responder] { answer(request, *responder); }));
  delays_.back()->start_once(delay_ms_);
}

void ScriptedRegistry::answer(const http::Request& request, http::Responder& responder) {
  std::string path = request.path;
  constexpr std::string_view kDeregister = "/v1/agent/service/deregister/";
  if (path == "/v1/agent/service/register") {
    json body = json::parse(request.body, nullptr, false);
    std::string name = body.value("Name", "?");
    trace_.push_back("register " + name);
    ++registrations_;
    services_[body.value("ID", "?")] = request.body;
    return responder.respond({});
  }
  if (path.starts_with(kDeregister)) {
    auto id = percent_decode(path.substr(kDeregister.size())).value_or("");
    bool known = services_.erase(id) > 0;
    trace_.push_back("deregister");
    deregistered_ms_ = loop_.now_ms();
    return responder.respond({.status = known ? 200 : 404, .body = known ? "" : "Unknown service ID"});
  }
  if (path == "/v1/agent/services") return responder.respond({.body = services_json()});
  if (path == "/v1/agent/checks") return responder.respond({.body = checks_json()});
  responder.respond({.status = 404});
}

std::string ScriptedRegistry::services_json() const {
  json out = json::object();
  for (const auto& [id, text] : services_) {
    json body = json::parse(text);
    out[id] = {{"ID", id},
               {"Service", body["Name"]},
               {"Tags", body.value("Tags", json::array())},
               {"Meta", body.value("Meta", json::object())},
               {"Port", body.value("Port", 0)},
               {"Address", body.value("Address", "")},
               {"Weights", {{"Passing", 1}, {"Warning", 1}}},
               {"EnableTagOverride", false}};
  }
  return out.dump();
}

std::string ScriptedRegistry::checks_json() const {
  json out = json::object();
  for (const auto& [id, text] : services_) {
    json checks = json::parse(text).value("Checks", json::array());
    for (const json& check : checks) {
      std::string check_id = check["CheckID"];
      out[check_id] = {{"CheckID", check_id}, {"Status", check_status_}, {"ServiceID", id}};
    }
  }
  return out.dump();
}

// ---- driver

FakeProcess::FakeProcess(FakeDriver& driver, std::string name, Observer& observer)
    : driver_(driver), name_(std::move(name)), observer_(observer), later_(driver.loop_, [this] {
        driver_.trace_.push_back("started " + name_);
        observer_.on_process_started(SystemClock().wall_ns());
      }) {
  driver_.processes_[name_] = this;
  later_.start_once(0);
}

FakeProcess::~FakeProcess() {
  if (driver_.processes_[name_] == this) driver_.processes_.erase(name_);
}

void FakeProcess::stop(int signal, uint32_t kill_after_ms) {
  driver_.trace_.push_back("signal " + std::to_string(signal) + " to " + name_ + ", kill after " +
                           std::to_string(kill_after_ms));
  if (!driver_.obedient_) return;
  driver_.loop_.post([&driver = driver_, name = name_] {
    if (FakeProcess* process = driver.process(name)) process->exit(0);
  });
}

Status FakeProcess::send_signal(int signal) {
  driver_.trace_.push_back("signal " + std::to_string(signal) + " to " + name_);
  return {};
}

void FakeProcess::exit(int code, int signal) {
  driver_.trace_.push_back("exit " + name_);
  observer_.on_process_exited({.code = code, .signal = signal, .finished_at_ns = SystemClock().wall_ns()});
}

Result<std::unique_ptr<TaskProcess>> FakeDriver::start(const TaskLaunch& launch, TaskProcess::Observer& observer) {
  if (start_error_) return fail(*start_error_);
  launches_[launch.log_name] = launch;
  return std::make_unique<FakeProcess>(*this, launch.log_name, observer);
}

FakeProcess* FakeDriver::process(const std::string& task) const {
  auto at = processes_.find(task);
  return at == processes_.end() ? nullptr : at->second;
}

// ---- jobs

Job example_job() {
  ServiceCheck check{.type = "http", .path = "/health", .interval_ns = 1'000'000'000, .timeout_ns = 1'000'000'000};
  Service service{
      .name = "web", .tags = {"urlprefix-/", "v=${NOMAD_ALLOC_INDEX}"}, .port_label = "http", .checks = {check}};
  Task task{.name = "srv", .driver = "raw_exec"};
  task.config = Value(Value::Object{{"command", Value("/bin/sh")}});
  TaskGroup group{.name = "g", .count = 1, .tasks = {task}};
  group.services = {service};
  group.networks = {{.dynamic_ports = {{.label = "http"}}}};
  group.restart_policy = {.attempts = 2, .interval_ns = 60'000'000'000, .delay_ns = 0, .mode = "fail"};
  group.update = UpdateStrategy{.min_healthy_time_ns = 0, .healthy_deadline_ns = 5'000'000'000};
  Job job{.id = "web", .name = "web", .type = "service", .task_groups = {group}};
  canonicalize(job);
  return job;
}

Allocation example_alloc(const Job& job) {
  Allocation alloc{.id = make_uuid(), .name = "web.g[3]", .node_id = "node-1", .job_id = job.id};
  alloc.job = std::make_shared<const Job>(job);
  alloc.task_group = "g";
  alloc.resources.ports = {{.label = "http", .value = 20001}};
  return alloc;
}

size_t position(const Trace& trace, std::string_view text) {
  for (size_t i = 0; i < trace.size(); ++i) {
    if (trace[i].find(text) != std::string::npos) return i;
  }
  return trace.size();
}

}  // namespace weir::scheduler

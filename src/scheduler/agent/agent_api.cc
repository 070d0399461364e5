#include "scheduler/agent/agent_api.h"

#include "scheduler/agent/agent_api_bodies.h"
#include "scheduler/agent/alloc_files.h"
#include "weir/base/clock.h"
#include "weir/base/go_bool.h"
#include "weir/base/text.h"
#include "weir/scheduler/agent_protocol.h"

namespace weir::scheduler {
namespace {

void respond_text(http::Responder& responder, int status, const std::string& text) {
  responder.respond({.status = status, .headers = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = text});
}

void respond_json(http::Responder& responder, std::string body) {
  responder.respond({.status = 200, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)});
}

void respond_error(http::Responder& responder, const Error& error) {
  int status = 500;
  if (error.code == ErrorCode::not_found) status = 404;
  if (error.code == ErrorCode::invalid || error.code == ErrorCode::conflict) status = 400;
  if (error.code == ErrorCode::refused) status = 403;
  respond_text(responder, status, error.text());
}

std::string parameter(const http::Request& request, std::string_view name, const char* fallback = "") {
  const std::string* value = request.parameter(name);
  return value == nullptr ? fallback : *value;
}

bool is_true(const http::Request& request, std::string_view name) {
  return parse_go_bool(parameter(request, name)).value_or(false);
}

}  // namespace

void AgentApi::handle(http::Request request, std::shared_ptr<http::Responder> responder) {
  if (request.path == "/v1/agent/health") return health(*responder);
  if (request.header(kNodeSecretHeader) != backend_.node().secret_id) {
    return respond_text(*responder, 403, "Permission denied: only the scheduler server may ask this agent");
  }
  route(request, responder);
}

/// /v1/client/stats, /v1/client/fs/<verb>/<alloc>, /v1/client/allocation/<alloc>/<verb>
void AgentApi::route(const http::Request& request, const std::shared_ptr<http::Responder>& responder) {
  if (request.path == "/v1/client/stats") return host_stats(*responder);
  auto parts = split(request.path, '/');  // "", v1, client, fs | allocation, ...
  bool known =
      parts.size() == 6 && parts[1] == "v1" && parts[2] == "client" && (parts[3] == "fs" || parts[3] == "allocation");
  if (!known) return respond_text(*responder, 404, "no such path: " + request.path);
  bool files = parts[3] == "fs";
  auto id = percent_decode(files ? parts[5] : parts[4]);
  Call call{.request = request, .responder = responder, .alloc = id ? backend_.find(*id) : nullptr};
  if (call.alloc == nullptr) return respond_text(*responder, 404, "Unknown allocation \"" + id.value_or("") + "\"");
  route_allocation(call, std::string(files ? "fs/" : "") + std::string(files ? parts[4] : parts[5]));
}

void AgentApi::route_allocation(Call& call, std::string_view verb) {
  bool reads = call.request.method == "GET";
  bool writes = call.request.method == "PUT" || call.request.method == "POST";
  if (verb == "fs/logs" && reads) return logs(call);
  if (verb == "fs/ls" && reads) return list(call);
  if (verb == "fs/stat" && reads) return stat(call);
  if (verb == "fs/cat" && reads) return cat(call);
  if (verb == "stats" && reads) return allocation_stats(call);
  // Checks of Consul services are the registry's to show; this endpoint is for those that Nomad runs by itself: none.
  if (verb == "checks" && reads) return respond_json(*call.responder, "{}");
  if (verb == "restart" && writes) return command(call, true);
  if (verb == "signal" && writes) return command(call, false);
  respond_text(*call.responder, reads || writes ? 404 : 405,
               "no such call: " + call.request.method + " " + call.request.path);
}

// ---- logs and files

void AgentApi::logs(const Call& call) {
  std::string task = parameter(call.request, "task");
  std::string type = parameter(call.request, "type", "stdout");
  std::string origin = parameter(call.request, "origin", "start");
  auto offset = parse_u64(parameter(call.request, "offset", "0"));
  if (task.empty()) return respond_text(*call.responder, 400, "must provide task name");
  if (type != "stdout" && type != "stderr")
    return respond_text(*call.responder, 400, "log type must be stdout or stderr");
  if (origin != "start" && origin != "end") return respond_text(*call.responder, 400, "origin must be start or end");
  if (!offset) return respond_text(*call.responder, 400, "offset must be a number");
  if (call.alloc->alloc().task_states.find(task) == call.alloc->alloc().task_states.end()) {
    return respond_text(*call.responder, 404, "unknown task name \"" + task + "\"");
  }
  if (streams_.size() >= kLogStreamsMax) return respond_text(*call.responder, 429, "too many log streams are open");
  auto cursor = LogCursor::at(call.alloc->folder().logs(), task + "." + type, origin == "end", *offset);
  if (!cursor) return respond_text(*call.responder, 404, "task \"" + task + "\" not started yet. No logs available");

  auto place = streams_.insert(streams_.end(), nullptr);
  LogStream::Options options{.follow = is_true(call.request, "follow"),
                             .plain = is_true(call.request, "plain"),
                             .ended =
                                 [this, id = call.alloc->alloc().id] {
                                   AllocRunner* alloc = backend_.find(id);
                                   return alloc == nullptr || alloc->terminal();
                                 },
                             .on_over =
                                 [this, place] {
                                   loop_.destroy_later(std::move(*place));  // it calls from its own timer
                                   streams_.erase(place);
                                 }};
  *place = std::make_unique<LogStream>(loop_, std::move(*cursor), call.responder, std::move(options));
}

void AgentApi::list(const Call& call) {
  auto files = list_alloc_files(call.alloc->folder().root(), parameter(call.request, "path", "/"));
  if (!files) return respond_error(*call.responder, files.error());
  respond_json(*call.responder, encode_files(*files));
}

void AgentApi::stat(const Call& call) {
  auto file = stat_alloc_file(call.alloc->folder().root(), parameter(call.request, "path", "/"));
  if (!file) return respond_error(*call.responder, file.error());
  respond_json(*call.responder, encode_file(*file));
}

void AgentApi::cat(const Call& call) {
  auto text = read_alloc_file(call.alloc->folder().root(), parameter(call.request, "path"));
  if (!text) return respond_error(*call.responder, text.error());
  call.responder->respond({.status = 200, .headers = {{"Content-Type", "text/plain"}}, .body = std::move(*text)});
}

// ---- statistics

void AgentApi::allocation_stats(const Call& call) {
  std::map<std::string, Usage> tasks;
  SystemClock clock;
  std::string only = parameter(call.request, "task");
  for (const auto& task : call.alloc->tasks()) {
    if (!only.empty() && only != task->task().name) continue;
    if (!task->running()) {
      usage_.forget(task->key());
      continue;
    }
    tasks[task->task().name] =
        usage_.measure(task->key(), task->root_pid(), task->started_at_ms(), clock.monotonic_ms());
  }
  const NodeResources& resources = backend_.node().resources;
  respond_json(*call.responder, encode_allocation_usage(
                                    tasks, resources.cpu_mhz / std::max<int64_t>(resources.cores, 1), clock.wall_ns()));
}

void AgentApi::host_stats(http::Responder& responder) {
  respond_json(responder, encode_host_usage(measure_host(backend_.data_dir()), backend_.data_dir(),
                                            backend_.node().resources.cpu_mhz, SystemClock().wall_ns()));
}

void AgentApi::health(http::Responder& responder) {
  bool ok = backend_.connected();
  responder.respond({.status = ok ? 200 : 500,
                     .headers = {{"Content-Type", "application/json"}},
                     .body = encode_agent_health(ok, ok ? "ok" : "no answer from the scheduler server")});
}

// ---- commands

void AgentApi::command(const Call& call, bool restart) {
  auto command = decode_task_command(call.request.body);
  if (!command) return respond_error(*call.responder, command.error());
  Status done = restart ? call.alloc->restart(command->task) : call.alloc->signal(command->task, command->signal);
  if (!done) return respond_error(*call.responder, done.error());
  respond_json(*call.responder, "{}");
}

}  // namespace weir::scheduler

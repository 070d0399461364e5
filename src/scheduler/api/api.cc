#include "scheduler/api/api.h"

#include <algorithm>
#include <utility>

#include "weir/base/duration.h"
#include "weir/base/go_bool.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

constexpr std::string_view kNoSuchCall = "Invalid URL path or method: not a recognized HTTP API endpoint";
constexpr int64_t kWaitDefaultMs = 300'000;  // also the longest
constexpr size_t kWaitingMax = 4096;
constexpr size_t kForwardedMax = 512;                   // answers of agents under way
constexpr size_t kForwardedQueueBytesMax = 256 * 1024;  // of each: what its reader has not taken

int status_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid: return 400;
    case ErrorCode::not_found: return 404;
    case ErrorCode::refused: return 403;
    case ErrorCode::too_large: return 413;
    case ErrorCode::unavailable: return 503;
    case ErrorCode::conflict:
    case ErrorCode::io:
    case ErrorCode::timeout:
    case ErrorCode::closed:
    case ErrorCode::cancelled: return 500;
  }
  return 500;
}

http::HeaderFields read_headers(uint64_t index) {
  return {{"Content-Type", "application/json"},
          {"X-Nomad-Index", std::to_string(index)},
          {"X-Nomad-LastContact", "0"},
          {"X-Nomad-KnownLeader", "true"},
          {"Vary", "Accept-Encoding"}};
}

std::vector<std::string> cut_path(std::string_view raw) {
  std::vector<std::string> out;
  for (std::string_view piece : split(raw, '/')) {
    if (!piece.empty()) out.push_back(percent_decode(piece).value_or(std::string(piece)));
  }
  return out;
}

/// What the query may say of any call; an error is the caller's to mend, and guessing could stop the wrong job.
Status check_query(const ApiCall& call) {
  for (std::string_view name : {"all", "follow", "plain", "purge", "resources", "task_states"}) {
    std::string text = call.parameter(name);
    if (text.empty() || parse_go_bool(text)) continue;
    return fail(ErrorCode::invalid, "Failed to parse value of \"" + std::string(name) + "\" (" + text + ") as a bool");
  }
  if (std::string text = call.parameter("index"); !text.empty() && !parse_u64(text)) {
    return fail(ErrorCode::invalid, "Invalid index");
  }
  if (std::string text = call.parameter("wait"); !text.empty() && !parse_duration_ms(text)) {
    return fail(ErrorCode::invalid, "Invalid wait time");
  }
  if (!call.parameter("filter").empty() && call.path[0] != "service") {
    return fail(ErrorCode::invalid, "filter is not supported here: only /v1/service/NAME takes one");
  }
  return {};
}

}  // namespace

/// A read that waits for its index. Held by the Api until it has answered or its client is gone.
struct Api::Waiting {
  Waiting(event::Loop& loop, std::function<void()> on_timeout) : timer(loop, std::move(on_timeout)) {}
  std::shared_ptr<http::Responder> responder;
  std::vector<std::string> keys;
  Read read;
  uint64_t index = 0;
  std::unique_ptr<Watch> watch;
  event::Timer timer;
  bool over = false;  // its time is up: answers with whatever there is
  bool done = false;
};

std::string ApiCall::parameter(std::string_view name) const {
  const std::string* value = request.parameter(name);
  return value != nullptr ? *value : std::string();
}

bool ApiCall::flag(std::string_view name, bool otherwise) const {
  return parse_go_bool(parameter(name)).value_or(otherwise);
}

Api::Api(event::Loop& loop, Core& core, Identity identity, std::function<void()> after_write)
    : loop_(loop), core_(core), identity_(std::move(identity)), after_write_(std::move(after_write)), client_(loop) {}

Api::~Api() = default;

void Api::serve(http::Request request, std::shared_ptr<http::Responder> responder) {
  ApiCall call{std::move(request), {}, std::move(responder)};
  if (call.request.query_malformed) return call.responder->respond({400, {}, "malformed query"});
  std::vector<std::string> path = cut_path(call.request.path);
  if (path.empty() || path[0] != "v1") return call.responder->respond({404, {}, std::string(kNoSuchCall)});
  call.path.assign(path.begin() + 1, path.end());
  if (std::string region = call.parameter("region"); !region.empty() && region != "global") {
    return call.responder->respond({500, {}, "No path to region"});
  }
  if (call.path.empty()) return call.responder->respond({404, {}, std::string(kNoSuchCall)});
  if (Status readable = check_query(call); !readable) return refuse(*call.responder, readable.error());
  if (answer_other_namespace(call)) return;
  bool served =
      (serve_jobs(call) || serve_job(call) || serve_allocs(call) || serve_evals(call) || serve_deployments(call) ||
       serve_nodes(call) || serve_services(call) || serve_agents(call) || serve_client(call) || serve_system(call));
  if (served) return;
  call.responder->respond({call.reads() ? 404 : 405, {}, std::string(kNoSuchCall)});
}

/// What asks for another namespace than the only one: it holds nothing, and a job there is not its namesake here.
bool Api::answer_other_namespace(ApiCall& call) {
  const std::string name = call.parameter("namespace");
  if (name.empty() || name == "default" || name == "*") return false;
  const std::string& kind = call.path[0];
  const std::string what = call.path.size() == 3 ? call.path[2] : "";
  const bool of_job = kind == "job";
  bool is_list =
      kind == "jobs" || kind == "allocations" || kind == "evaluations" || kind == "deployments" || kind == "services";
  is_list = is_list && call.path.size() == 1;
  is_list = is_list || (kind == "service" && call.path.size() == 2);
  is_list = is_list || (of_job && (what == "allocations" || what == "evaluations" || what == "deployments"));
  if (call.reads() && is_list) {
    answer(call, {}, []() -> Result<Answer> { return Answer{1, "[]"}; });
    return true;
  }
  if (call.writes() && (is_list || (of_job && (what.empty() || what == "plan")))) {
    refuse(*call.responder, {ErrorCode::invalid, "there is only the namespace \"default\", no \"" + name + "\""});
    return true;
  }
  if (of_job) refuse(*call.responder, {ErrorCode::not_found, "job not found"});
  return of_job;
}

// ---- Reads, blocking ones too ----

void Api::answer(ApiCall& call, std::vector<std::string> keys, Read read) {
  uint64_t index = parse_u64(call.parameter("index")).value_or(0);
  auto now = read();
  if (!now) return refuse(*call.responder, now.error());
  if (index == 0 || now->index > index)
    return call.responder->respond({200, read_headers(now->index), std::move(now->body)});
  if (waiting_.size() >= kWaitingMax) return call.responder->respond({429, {}, "too many blocking queries"});

  int64_t wait_ms = kWaitDefaultMs;
  if (auto wished = parse_duration_ms(call.parameter("wait")); wished && *wished > 0) {
    wait_ms = std::min(*wished, kWaitDefaultMs);
  }
  auto slot = std::make_shared<std::weak_ptr<Waiting>>();
  auto waiting = std::make_shared<Waiting>(loop_, [this, slot] {
    if (auto self = slot->lock()) {
      self->over = true;
      look_again(self);
    }
  });
  *slot = waiting;
  waiting->responder = call.responder;
  waiting->keys = std::move(keys);
  waiting->read = std::move(read);
  waiting->index = index;
  waiting_.push_back(waiting);
  waiting->timer.start_once(static_cast<uint64_t>(wait_ms));
  waiting->responder->on_disconnect([this, slot] {
    if (auto self = slot->lock()) drop(*self);
  });
  look_again(waiting);
}

// The watch is set before the state is read, so that a change in between is not missed.
void Api::look_again(const std::shared_ptr<Waiting>& waiting) {
  if (waiting->done) return;
  std::weak_ptr<Waiting> weak = waiting;
  waiting->watch = core_.store().watchers().watch(waiting->keys, [this, weak] {
    loop_.defer([this, weak] {
      if (auto self = weak.lock()) look_again(self);
    });
  });
  auto now = waiting->read();
  if (now && now->index <= waiting->index && !waiting->over) return;
  auto self = waiting;
  drop(*waiting);
  if (!now) return refuse(*self->responder, now.error());
  self->responder->respond({200, read_headers(now->index), std::move(now->body)});
}

void Api::drop(const Waiting& waiting) {
  for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
    if (at->get() != &waiting) continue;
    (*at)->done = true;
    (*at)->watch.reset();
    (*at)->timer.stop();
    waiting_.erase(at);
    return;
  }
}

// ---- Writes ----

void Api::answer_write(ApiCall& call, const Result<Answer>& outcome) {
  if (!outcome) return refuse(*call.responder, outcome.error());
  after_write_();
  call.responder->respond(
      {200, {{"Content-Type", "application/json"}, {"X-Nomad-Index", std::to_string(outcome->index)}}, outcome->body});
}

void Api::refuse(http::Responder& responder, const Error& error) {
  responder.respond({status_of(error), {{"Content-Type", "text/plain; charset=utf-8"}}, error.text()});
}

// ---- What an agent answers, forwarded ----

struct Api::Forwarding {
  std::shared_ptr<http::Responder> responder;
  std::unique_ptr<http::Call> call;
  bool started = false;
};

void Api::forward(ApiCall& call, const Node& node) {
  auto url = Url::parse("http://" + node.agent_address);
  if (node.agent_address.empty() || !url)
    return refuse(*call.responder, {ErrorCode::conflict, "the node has no address"});
  if (forwarding_.size() >= kForwardedMax) {
    return call.responder->respond({429, {}, "too many answers of agents are under way"});
  }
  auto forwarding = std::make_shared<Forwarding>();
  forwarding->responder = call.responder;
  http::ClientRequest request;
  request.method = call.request.method;
  request.url = *url;
  request.url.target = call.request.path + (call.request.query_text.empty() ? "" : "?" + call.request.query_text);
  request.body = call.request.body;
  request.headers = {{std::string(kNodeSecretHeader), node.secret_id}};
  request.timeout_ms = 0;  // a followed log has no end
  std::weak_ptr<Forwarding> weak = forwarding;
  auto forget = [this, weak] {
    loop_.defer([this, weak] { std::erase(forwarding_, weak.lock()); });  // the call may be on the stack
  };
  call.responder->on_disconnect(forget);
  call.responder->on_drained([weak] {
    if (auto self = weak.lock()) self->call->resume_body();
  });
  forwarding_.push_back(forwarding);
  forwarding->call = client_.send(
      std::move(request),
      [this, weak, forget](Result<http::ClientResponse> response) {
        auto self = weak.lock();
        if (!self) return;
        forget();
        if (self->started) return response ? self->responder->end() : void();
        if (!response)
          return refuse(*self->responder,
                        {ErrorCode::conflict, "the node does not answer: " + response.error().message});
        http::HeaderFields headers;
        if (auto type = response->header("Content-Type"); !type.empty()) headers.emplace_back("Content-Type", type);
        self->responder->respond({response->status, std::move(headers), std::move(response->body)});
      },
      [weak](std::string_view piece) {
        auto self = weak.lock();
        if (!self) return;
        if (!std::exchange(self->started, true)) self->responder->start(200, {});
        self->responder->write(piece);
        // The agent waits as its reader does: a log is longer than what may lie here.
        if (self->responder->queued_bytes() > kForwardedQueueBytesMax) self->call->pause_body();
      });
}

}  // namespace weir::scheduler

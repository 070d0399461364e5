#include "scheduler/agent/server_link.h"

#include <algorithm>

#include "scheduler/agent/call_outcome.h"
#include "weir/base/log.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

constexpr uint64_t kCallTimeoutMs = 10'000;
constexpr uint64_t kPullWaitMs = 60'000;
constexpr uint64_t kPullSlackMs = 15'000;  // the server's jitter and the way there and back
constexpr uint64_t kBackOffFirstMs = 100;
constexpr uint64_t kBackOffMaxMs = 5'000;
constexpr uint64_t kHeartbeatRetryMs = 1'000;

}  // namespace

ServerLink::ServerLink(event::Loop& loop, http::Client& client, Options options, Node node, Observer& observer)
    : client_(client),
      options_(std::move(options)),
      node_(std::move(node)),
      observer_(observer),
      registration_timer_(loop, [this] { send_registration(); }),
      heartbeat_timer_(loop, [this] { send_heartbeat(); }),
      pull_timer_(loop, [this] { pull(kPullWaitMs); }) {}

void ServerLink::start() { send_registration(); }

void ServerLink::send_registration() {
  auto call = request("PUT", "/v1/internal/node/register");
  call.body = encode_registration({.node = node_});
  registration_ =
      client_.send(std::move(call), [this](Result<http::ClientResponse> response) { on_registered(response); });
}

void ServerLink::on_registered(const Result<http::ClientResponse>& response) {
  auto done = std::move(registration_);
  auto reply = succeeded(response) ? decode_register_reply(response->body)
                                   : Result<RegisterReply>(fail(ErrorCode::unavailable, failure_text(response)));
  if (!reply) {
    note_failure("register", reply.error().text());
    return registration_timer_.start_once(back_off_ms());
  }
  if (!registered_) log::info("node registered", {{"node", node_.id}, {"server", options_.server.authority()}});
  registered_ = true;
  note_success();
  schedule_heartbeat(static_cast<uint64_t>(std::max<int64_t>(reply->heartbeat_ttl_ns / 1'000'000, 0)));
  // Anew: the registration may have changed what the node shall have.
  pull(0);
}

// ---- heartbeat

void ServerLink::schedule_heartbeat(uint64_t ttl_ms) {
  if (ttl_ms > 0) heartbeat_ms_ = std::max<uint64_t>(ttl_ms / 3, 100);
  heartbeat_timer_.start_once(heartbeat_ms_);
}

void ServerLink::send_heartbeat() {
  auto call = request("PUT", "/v1/internal/node/" + node_.id + "/heartbeat");
  call.body = "{}";
  // An answer that takes longer than the next heartbeat is of no use.
  call.timeout_ms = std::max<uint64_t>(heartbeat_ms_, kHeartbeatRetryMs);
  heartbeat_ = client_.send(std::move(call), [this](Result<http::ClientResponse> response) { on_heartbeat(response); });
}

void ServerLink::on_heartbeat(const Result<http::ClientResponse>& response) {
  auto done = std::move(heartbeat_);
  if (lost_standing(response)) return;
  if (!succeeded(response)) {
    note_failure("heartbeat", failure_text(response));
    return heartbeat_timer_.start_once(std::min(heartbeat_ms_, kHeartbeatRetryMs));
  }
  note_success();
  auto reply = decode_register_reply(response->body);
  schedule_heartbeat(reply ? static_cast<uint64_t>(std::max<int64_t>(reply->heartbeat_ttl_ns / 1'000'000, 0)) : 0);
}

bool ServerLink::lost_standing(const Result<http::ClientResponse>& response) {
  if (!response || (response->status != 404 && response->status != 409)) return false;
  if (!registered_) return true;
  log::warn("server gave this node up, registering anew", {{"node", node_.id}, {"answer", failure_text(response)}});
  registered_ = false;
  heartbeat_timer_.stop();
  pull_timer_.stop();
  index_ = 0;
  // A node that was given up must stop what was replaced before it counts as ready again.
  if (response->status == 409) {
    pull(0);
  } else {
    registration_timer_.start_once(back_off_ms());
  }
  return true;
}

// ---- pull

void ServerLink::pull(uint64_t wait_ms) {
  uint64_t index = wait_ms == 0 ? 0 : index_;
  auto call = request("GET", "/v1/internal/node/" + node_.id + "/allocations?index=" + std::to_string(index) +
                                 "&wait=" + std::to_string(wait_ms) + "ms");
  call.timeout_ms = wait_ms + wait_ms / 16 + kPullSlackMs;
  pull_ = client_.send(std::move(call), [this](Result<http::ClientResponse> response) { on_pull(response); });
}

void ServerLink::on_pull(const Result<http::ClientResponse>& response) {
  auto done = std::move(pull_);
  if (registered_ && lost_standing(response)) return;
  auto reply = succeeded(response) ? decode_alloc_pull(response->body)
                                   : Result<AllocPull>(fail(ErrorCode::unavailable, failure_text(response)));
  if (!reply) {
    note_failure("pull", reply.error().text());
    if (registered_) return pull_timer_.start_once(back_off_ms());
    return registration_timer_.start_once(back_off_ms());
  }
  note_success();
  index_ = reply->index;
  observer_.on_pulled(std::move(*reply));
  if (!registered_) return send_registration();
  pull(kPullWaitMs);
}

// ---- report

void ServerLink::report(const std::vector<AllocUpdate>& updates, OnReported on_reported) {
  auto call = request("PUT", "/v1/internal/node/" + node_.id + "/allocations");
  call.body = encode_alloc_updates(updates);
  auto answered = [this, on_reported = std::move(on_reported)](Result<http::ClientResponse> response) {
    auto done = std::move(report_);
    if (succeeded(response)) return on_reported({});
    if (!lost_standing(response)) note_failure("report", failure_text(response));
    on_reported(fail(ErrorCode::unavailable, failure_text(response)));
  };
  report_ = client_.send(std::move(call), std::move(answered));
}

// ---- common

void ServerLink::note_failure(const char* call, const std::string& error) {
  if (failures_++ == 0) log::warn("scheduler server does not answer as it should", {{"call", call}, {"error", error}});
}

void ServerLink::note_success() {
  if (failures_ > 0 && registered_) log::info("scheduler server answers again");
  failures_ = 0;
}

http::ClientRequest ServerLink::request(std::string method, std::string target) const {
  http::ClientRequest out{.method = std::move(method), .url = options_.server, .timeout_ms = kCallTimeoutMs};
  out.url.target = std::move(target);
  out.headers.emplace_back(std::string(kNodeSecretHeader), node_.secret_id);
  if (!options_.token.empty()) out.headers.emplace_back("X-Nomad-Token", options_.token);
  return out;
}

uint64_t ServerLink::back_off_ms() {
  uint64_t delay_ms = std::min(kBackOffMaxMs, kBackOffFirstMs << std::min<uint32_t>(failures_, 10));
  return delay_ms + random_.below(delay_ms / 4 + 1);
}

}  // namespace weir::scheduler

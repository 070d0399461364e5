#pragma once
// A scheduler server of four calls, which gives out what the test puts into it.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "catch.h"
#include "weir/base/text.h"
#include "weir/base/url.h"
#include "weir/http/server.h"
#include "weir/scheduler/agent_protocol.h"

namespace weir::scheduler {

class ScriptedServer {
 public:
  explicit ScriptedServer(event::Loop& loop, uint16_t port = 0) : loop_(loop) { listen(port); }

  [[nodiscard]] Url url() const { return *Url::parse("http://127.0.0.1:" + std::to_string(port_)); }
  void put(const Allocation& alloc) {
    allocs_[alloc.id] = alloc;
    move_index();
  }
  void set_desired(const std::string& id, DesiredStatus desired) {
    allocs_.at(id).desired_status = desired;
    move_index();
  }
  void forget(const std::string& id) {
    allocs_.erase(id);
    move_index();
  }
  void hold(std::vector<std::string> ids) {
    await_previous_ = std::move(ids);
    move_index();
  }
  /// Every call but registration and pull answers so until the node registers again.
  void give_up_node(int status) { standing_ = status; }
  void stop() {
    waiting_.clear();
    server_.reset();
  }
  void listen(uint16_t port) {
    auto made = http::Server::listen(
        loop_, SocketAddress{*IpAddress::parse("127.0.0.1"), port},
        [this](http::Request request, std::shared_ptr<http::Responder> responder) { handle(request, responder); });
    REQUIRE(made);
    server_ = std::move(*made);
    port_ = server_->address().port;
  }
  [[nodiscard]] uint16_t port() const { return port_; }

  [[nodiscard]] const AllocUpdate* update(const std::string& id) const {
    auto at = updates_.find(id);
    return at == updates_.end() ? nullptr : &at->second;
  }
  [[nodiscard]] bool reported(const std::string& id, ClientStatus status) const {
    return update(id) != nullptr && update(id)->client_status == status;
  }
  void forget_updates() { updates_.clear(); }

  std::vector<std::string> calls;  // "register", "heartbeat", "pull", "report", "refused"
  Node node;
  int64_t heartbeat_ttl_ns = 3'000'000'000;
  int health_reports = 0;

 private:
  void handle(const http::Request& request, const std::shared_ptr<http::Responder>& responder) {
    if (request.path == "/v1/internal/node/register") return on_register(request, *responder);
    bool pull = request.method == "GET";
    bool report = !pull && request.path.ends_with("/allocations");
    bool refused = !pull && standing_ != 200;
    calls.push_back(refused ? "refused" : pull ? "pull" : report ? "report" : "heartbeat");
    if (request.header(kNodeSecretHeader) != node.secret_id) return responder->respond({.status = 403});
    if (pull) return on_pull(request, responder);
    if (refused) return responder->respond({.status = standing_, .body = "node is down"});
    if (!report) {
      return responder->respond(
          {.body = encode_register_reply({.heartbeat_ttl_ns = heartbeat_ttl_ns, .index = index_})});
    }
    auto updates = decode_alloc_updates(request.body);
    REQUIRE(updates);
    for (AllocUpdate& update : *updates) {
      health_reports += update.healthy ? 1 : 0;
      auto& known = updates_[update.id];
      if (!update.healthy) update.healthy = known.healthy;
      known = update;
      auto at = allocs_.find(update.id);
      if (at == allocs_.end()) continue;
      at->second.client_status = update.client_status;
      if (update.task_states) at->second.task_states = *update.task_states;
      if (update.healthy) at->second.deployment_status = AllocDeploymentStatus{.healthy = update.healthy};
    }
    responder->respond({.body = "{\"Index\":1}"});
  }

  void on_register(const http::Request& request, http::Responder& responder) {
    calls.push_back("register");
    auto registration = decode_registration(request.body);
    REQUIRE(registration);
    node = registration->node;
    standing_ = 200;
    responder.respond(
        {.body = encode_register_reply({.node_id = node.id, .heartbeat_ttl_ns = heartbeat_ttl_ns, .index = index_})});
  }

  void on_pull(const http::Request& request, const std::shared_ptr<http::Responder>& responder) {
    const std::string* index = request.parameter("index");
    if (index != nullptr && parse_u64(*index).value_or(0) >= index_) {
      waiting_.push_back(responder);
      return;
    }
    answer(*responder);
  }

  void answer(http::Responder& responder) {
    AllocPull pull{.index = index_, .await_previous = await_previous_};
    for (const auto& [id, alloc] : allocs_) pull.allocs.push_back(alloc);
    responder.respond({.body = encode_alloc_pull(pull)});
  }

  void move_index() {
    ++index_;
    for (const auto& responder : std::exchange(waiting_, {})) answer(*responder);
  }

  event::Loop& loop_;
  std::unique_ptr<http::Server> server_;
  uint16_t port_ = 0;
  uint64_t index_ = 1;
  int standing_ = 200;
  std::map<std::string, Allocation> allocs_;
  std::vector<std::string> await_previous_;
  std::map<std::string, AllocUpdate> updates_;
  std::vector<std::shared_ptr<http::Responder>> waiting_;
};

}  // namespace weir::scheduler

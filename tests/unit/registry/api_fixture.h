#pragma once
// The HTTP API without sockets: requests go straight in, answers are kept.

#include <memory>
#include <optional>
#include <string>

#include "registry/agent_writes.h"
#include "registry/api.h"
#include "registry/event_log.h"
#include "registry/health_checker.h"
#include "registry/session_timers.h"
#include "store_fixture.h"
#include "weir/event/loop.h"
#include "weir/http/server.h"

namespace weir::registry {

/// Keeps the answer; the client can leave.
class KeptAnswer final : public http::Responder {
 public:
  void respond(http::Response answer) override { response = std::move(answer); }
  void start(int, http::HeaderFields) override {}
  void write(std::string_view) override {}
  void end() override {}
  [[nodiscard]] size_t queued_bytes() const override { return 0; }
  void on_drained(std::function<void()>) override {}
  void on_disconnect(std::function<void()> callback) override { disconnected = std::move(callback); }
  [[nodiscard]] bool connected() const override { return true; }

  void leave() {
    if (auto callback = std::exchange(disconnected, nullptr)) callback();
  }
  [[nodiscard]] bool answered() const { return response.has_value(); }
  [[nodiscard]] int status() const { return response ? response->status : 0; }
  [[nodiscard]] std::string body() const { return response ? response->body : "(no answer)"; }
  [[nodiscard]] std::string header(std::string_view name) const {
    return response ? std::string(http::find_header(response->headers, name)) : "";
  }
  [[nodiscard]] uint64_t index() const { return parse_u64(header("X-Consul-Index")).value_or(0); }

  std::optional<http::Response> response;
  std::function<void()> disconnected;
};

struct ApiFixture {
  event::Loop loop;
  StoreFixture f;
  Identity self{.node_name = "n1",
                .node_id = "a296dd28-c4c5-29b7-ecdd-1bb2826ed45e",
                .address = "127.0.0.1",
                .http_address = {},
                .dns_address = {},
                .started_at = {}};
  HealthChecker checker{loop, f.store, self};
  SessionTimers sessions{loop, f.store};
  EventLog events{f.store.watchers()};
  bool legacy_get_writes = false;
  std::unique_ptr<Api> api;

  explicit ApiFixture(bool legacy = false) : legacy_get_writes(legacy) {
    api = std::make_unique<Api>(Api::Parts{loop, f.store, checker, sessions, events, self, legacy_get_writes});
    (void)f.write([this](Transaction& tx) { return put_own_node(tx, self); });
    checker.start();
    sessions.start();
    api->start_serving();
  }

  std::shared_ptr<KeptAnswer> send(const std::string& method, const std::string& target, const std::string& body = "") {
    http::Request request;
    request.method = method;
    size_t question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos) {
      request.query_text = target.substr(question + 1);
      request.query_malformed = !http::parse_query(request.query_text, request.query);
    }
    request.body = body;
    auto answer = std::make_shared<KeptAnswer>();
    api->serve(std::move(request), answer);
    return answer;
  }
  std::shared_ptr<KeptAnswer> get(const std::string& target) { return send("GET", target); }
  std::shared_ptr<KeptAnswer> put(const std::string& target, const std::string& body = "") {
    return send("PUT", target, body);
  }
  /// "400 text": most errors in one comparison.
  std::string refused(const std::string& method, const std::string& target, const std::string& body = "") {
    auto answer = send(method, target, body);
    return std::to_string(answer->status()) + " " + answer->body();
  }
  uint64_t index_of(const std::string& target) { return get(target)->index(); }
};

}  // namespace weir::registry

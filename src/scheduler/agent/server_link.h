#pragma once
// The agent's conversation with the scheduler server (agent_protocol.h): register, heartbeat, pull, report.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/random.h"
#include "weir/base/url.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"
#include "weir/scheduler/agent_protocol.h"

namespace weir::scheduler {

/// Keeps the node registered and the pull under way for ever, with back-off while the server is away. Owned by the
/// agent. Loop's thread.
class ServerLink {
 public:
  class Observer {
   public:
    /// The whole list of what this node shall have.
    virtual void on_pulled(AllocPull pull) = 0;

   protected:
    ~Observer() = default;
  };
  struct Options {
    Url server;
    std::string token = {};  // X-Nomad-Token; "" = none
  };
  using OnReported = std::function<void(const Status&)>;

  ServerLink(event::Loop& loop, http::Client& client, Options options, Node node, Observer& observer);

  void start();
  /// One report at a time: wait for the callback before the next. It never comes from within this call.
  void report(const std::vector<AllocUpdate>& updates, OnReported on_reported);
  /// The server knows this node and answered last time.
  [[nodiscard]] bool connected() const { return registered_ && failures_ == 0; }
  [[nodiscard]] const Node& node() const { return node_; }

 private:
  void send_registration();
  void on_registered(const Result<http::ClientResponse>& response);
  void send_heartbeat();
  void on_heartbeat(const Result<http::ClientResponse>& response);
  void schedule_heartbeat(uint64_t delay_ms);
  void pull(uint64_t wait_ms);
  void on_pull(const Result<http::ClientResponse>& response);
  /// True when the answer says that the server does not count on this node: then it is registered anew.
  bool lost_standing(const Result<http::ClientResponse>& response);
  void note_failure(const char* call, const std::string& error);
  void note_success();

  [[nodiscard]] http::ClientRequest request(std::string method, std::string target) const;
  uint64_t back_off_ms();

  http::Client& client_;
  const Options options_;
  const Node node_;
  Observer& observer_;
  bool registered_ = false;
  uint64_t index_ = 0;
  uint64_t heartbeat_ms_ = 3'000;
  uint32_t failures_ = 0;
  Random random_;
  std::unique_ptr<http::Call> registration_;
  std::unique_ptr<http::Call> heartbeat_;
  std::unique_ptr<http::Call> pull_;
  std::unique_ptr<http::Call> report_;
  event::Timer registration_timer_;
  event::Timer heartbeat_timer_;
  event::Timer pull_timer_;
};

}  // namespace weir::scheduler

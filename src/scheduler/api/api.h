#pragma once
// The server's HTTP API: Nomad's for the client subcommands, and the agents' protocol (agent_protocol.h).

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/server/core.h"
#include "weir/base/result.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/http/client.h"
#include "weir/http/server.h"

namespace weir::scheduler {

/// A body with the index of what it shows.
struct Answer {
  uint64_t index = 1;
  std::string body;
};

/// One call, its path cut at the slashes and decoded: "/v1/job/a%2Fb/plan" -> {"job", "a/b", "plan"}.
struct ApiCall {
  http::Request request;
  std::vector<std::string> path;
  std::shared_ptr<http::Responder> responder;

  [[nodiscard]] bool reads() const { return request.method == "GET"; }
  [[nodiscard]] bool writes() const { return request.method == "PUT" || request.method == "POST"; }
  [[nodiscard]] bool removes() const { return request.method == "DELETE"; }
  [[nodiscard]] std::string parameter(std::string_view name) const;
  /// serve() has seen to it that a flag is a boolean where it is given.
  [[nodiscard]] bool flag(std::string_view name, bool otherwise = false) const;
};

/// Owned by Server; loop's thread.
class Api {
 public:
  struct Identity {
    std::string datacenter;
    std::string version;
    std::string address;  // "127.0.0.1:4646"
  };
  /// `after_write` runs what is due now: evaluations, plans.
  Api(event::Loop& loop, Core& core, Identity identity, std::function<void()> after_write);
  ~Api();

  void serve(http::Request request, std::shared_ptr<http::Responder> responder);

 private:
  using Read = std::function<Result<Answer>()>;

  bool answer_other_namespace(ApiCall& call);
  // Each answers when the path is its own, and says whether it is.
  bool serve_jobs(ApiCall& call);
  bool serve_job(ApiCall& call);
  bool serve_job_write(ApiCall& call, const std::string& id);
  bool serve_allocs(ApiCall& call);
  bool serve_evals(ApiCall& call);
  bool serve_deployments(ApiCall& call);
  bool serve_nodes(ApiCall& call);
  bool serve_services(ApiCall& call);
  bool serve_agents(ApiCall& call);
  bool serve_system(ApiCall& call);
  bool serve_client(ApiCall& call);

  /// Answers a read: at once, or when one of the keys has changed and the index is above the caller's, or when its wait
  /// is over.
  void answer(ApiCall& call, std::vector<std::string> keys, Read read);
  void answer_write(ApiCall& call, const Result<Answer>& outcome);
  void refuse(http::Responder& responder, const Error& error);
  void forward(ApiCall& call, const Node& node);

  struct Waiting;
  void look_again(const std::shared_ptr<Waiting>& waiting);
  void drop(const Waiting& waiting);

  // constant after construction
  event::Loop& loop_;
  Core& core_;
  const Identity identity_;
  const std::function<void()> after_write_;

  // loop thread only
  http::Client client_;                          // towards agents
  std::list<std::shared_ptr<Waiting>> waiting_;  // blocking reads
  struct Forwarding;
  std::list<std::shared_ptr<Forwarding>> forwarding_;
};

}  // namespace weir::scheduler

#pragma once
// The agent's HTTP API: logs, files and statistics of allocations, in Nomad's shapes. The server forwards to it.

#include <list>
#include <memory>
#include <string>

#include "scheduler/agent/alloc_runner.h"
#include "scheduler/agent/log_stream.h"
#include "scheduler/agent/task_usage.h"
#include "weir/http/server.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

/// Owned by the agent; loop's thread. Everything but /v1/agent/health wants the node's secret: only the server knows
/// it.
class AgentApi {
 public:
  class Backend {
   public:
    /// nullptr: not on this node.
    [[nodiscard]] virtual AllocRunner* find(const std::string& alloc_id) const = 0;
    [[nodiscard]] virtual const Node& node() const = 0;
    /// The server answers.
    [[nodiscard]] virtual bool connected() const = 0;
    [[nodiscard]] virtual const std::string& data_dir() const = 0;

   protected:
    ~Backend() = default;
  };

  AgentApi(event::Loop& loop, const Backend& backend) : loop_(loop), backend_(backend) {}
  void handle(http::Request request, std::shared_ptr<http::Responder> responder);

 private:
  struct Call {
    const http::Request& request;
    std::shared_ptr<http::Responder> responder;
    AllocRunner* alloc = nullptr;
  };

  void route(const http::Request& request, const std::shared_ptr<http::Responder>& responder);
  void route_allocation(Call& call, std::string_view verb);
  void logs(const Call& call);
  void allocation_stats(const Call& call);
  void list(const Call& call);
  void stat(const Call& call);
  void cat(const Call& call);
  void command(const Call& call, bool restart);
  void health(http::Responder& responder);
  void host_stats(http::Responder& responder);

  event::Loop& loop_;
  const Backend& backend_;
  TaskUsage usage_;
  std::list<std::unique_ptr<LogStream>> streams_;
};

inline constexpr size_t kLogStreamsMax = 256;

}  // namespace weir::scheduler

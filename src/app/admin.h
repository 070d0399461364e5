#pragma once
// The edge's admin API: health, what is routed and why not, metrics.

#include <functional>
#include <memory>
#include <string>

#include "weir/base/result.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/http/server.h"
#include "weir/provider/endpoint_checker.h"
#include "weir/provider/table_assembler.h"
#include "weir/proxy/stats.h"
#include "weir/proxy/tls_status.h"

namespace weir::app {

/// What the admin API shows. Implemented by Edge.
class AdminSource {
 public:
  virtual ~AdminSource() = default;
  [[nodiscard]] virtual const provider::TableAssembler& assembler() const = 0;
  virtual void collect(std::function<void(proxy::Stats)> on_stats) = 0;
  virtual void when_installed(std::function<void()> done) = 0;
  [[nodiscard]] virtual const provider::EndpointChecker& checker() const = 0;
  [[nodiscard]] virtual const config::Config& config() const = 0;
  [[nodiscard]] virtual bool draining() const = 0;
  [[nodiscard]] virtual const proxy::TlsStatus& tls_status() const = 0;
};

/// Read-only JSON and text:
///   /ping            200 OK; 503 from SIGTERM on: for the load balancer in front
///   /ready           200 once every worker has routes, with their source and age; else 503 with the reason
///   /api/version /api/routers /api/services /api/endpoints /api/rejected /api/providers /api/tls
///   /api/explain     ?url=…&method=…&header=Name:value&entrypoint=…: which router wins, and why the others lose
///   /metrics         Prometheus text
/// Owned by Edge. Control loop's thread.
class Admin {
 public:
  static Result<std::unique_ptr<Admin>> start(event::Loop& loop, const SocketAddress& address, http::ServerTls tls,
                                              AdminSource& source);
  [[nodiscard]] SocketAddress address() const { return server_->address(); }

 private:
  explicit Admin(AdminSource& source) : source_(source) {}
  void serve(const http::Request& request, const std::shared_ptr<http::Responder>& responder);
  void serve_health(const http::Request& request, const std::shared_ptr<http::Responder>& responder);

  AdminSource& source_;
  std::unique_ptr<http::Server> server_;
};

/// Prometheus text format 0.0.4. The names are of Traefik's shape with our prefix.
std::string metrics_text(const proxy::Stats& stats, const provider::TableAssembler& assembler,
                         const provider::CheckCounts& checks, const proxy::TlsStatus& tls);

}  // namespace weir::app

#pragma once
// The edge: providers, table, proxy and admin API put together.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/admin.h"
#include "weir/base/clock.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/provider/endpoint_checker.h"
#include "weir/provider/provider.h"
#include "weir/provider/registrar.h"
#include "weir/provider/secrets.h"
#include "weir/provider/table_assembler.h"
#include "weir/proxy/proxy.h"

namespace weir::app {

/// One edge. Owned by the edge command or by `weir dev`; lives on the control loop's thread, its workers on their own.
class Edge final : private AdminSource {
 public:
  static Result<std::unique_ptr<Edge>> start(event::Loop& loop, const config::Config& config);
  ~Edge() override;

  [[nodiscard]] const std::map<std::string, SocketAddress>& addresses() const { return proxy_->addresses(); }
  /// Null where the configuration has no admin address.
  [[nodiscard]] const Admin* admin() const { return admin_.get(); }
  /// /ping answers 503 for timeouts.drain_delay_ms while names in Consul are taken back, then connections are told to
  /// go; calls back when all are gone or timeouts.drain_ms is over.
  void drain(std::function<void()> on_drained);
  void reopen_access_log() { proxy_->reopen_access_log(); }
  void reload_tls() { proxy_->reload_tls(); }

 private:
  Edge(event::Loop& loop, const config::Config& config);
  void publish(std::shared_ptr<const routing::RoutingTable> table, const provider::TableChange& change);
  Status start_all();
  Status add_providers();
  Status start_secrets();
  Status start_registrar();
  void note_drained();
  void note_aliases(const provider::TableAssembler::Names& names);

  [[nodiscard]] const provider::TableAssembler& assembler() const override { return assembler_; }
  void collect(std::function<void(proxy::Stats)> on_stats) override { proxy_->collect(std::move(on_stats)); }
  void when_installed(std::function<void()> done) override { proxy_->when_installed(std::move(done)); }
  [[nodiscard]] const provider::EndpointChecker& checker() const override { return checker_; }
  [[nodiscard]] const config::Config& config() const override { return config_; }
  [[nodiscard]] bool draining() const override { return draining_; }
  [[nodiscard]] const proxy::TlsStatus& tls_status() const override { return proxy_->tls_status(); }

  // constant after construction
  event::Loop& loop_;
  const config::Config config_;

  // control loop's thread
  SystemClock clock_;
  std::unique_ptr<proxy::Proxy> proxy_;
  provider::TableAssembler assembler_;
  provider::EndpointChecker checker_;
  std::vector<std::unique_ptr<provider::Provider>> providers_;
  std::vector<std::unique_ptr<provider::SecretSource>> secrets_;
  std::unique_ptr<provider::Registrar> registrar_;  // null: no name is registered
  std::unique_ptr<Admin> admin_;
  event::Timer drain_delay_;
  event::Timer second_;  // ends tombstones
  std::function<void()> on_drained_;
  bool draining_ = false;
  int drains_ = 0;  // what on_drained_ waits for: the proxy, and the names
};

}  // namespace weir::app

#pragma once
// The data plane: workers that accept, route and forward. Everything else talks to it through this header.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/ip.h"
#include "weir/base/result.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/proxy/stats.h"
#include "weir/proxy/tls_status.h"
#include "weir/routing/table.h"
#include "weir/tls/client.h"
#include "weir/tls/mesh.h"

namespace weir::tls {
class Engine;
}

namespace weir::proxy {

/// All workers of one edge. Created, called and destroyed on the control loop's thread; the workers run on threads of
/// their own. Destroying it closes every connection at once: drain() first.
class Proxy {
 public:
  /// Binds the entry points and starts the workers. Until publish() every request is answered 503.
  static Result<std::unique_ptr<Proxy>> start(event::Loop& control, const config::Config& config);
  /// What start() would fail with, its sockets aside: files and folders that the configuration names. Makes none.
  static std::vector<Error> check(const config::Config& config);
  ~Proxy();
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;

  /// Hands a new table to every worker. Requests under way keep the one they began with.
  void publish(std::shared_ptr<const routing::RoutingTable> table);
  /// Calls back on the control loop once every worker serves by the last table that was published before, or a later
  /// one.
  void when_installed(std::function<void()> done);
  /// Entry point name -> address as bound.
  [[nodiscard]] const std::map<std::string, SocketAddress>& addresses() const;
  /// Asks every worker for its numbers and calls back on the control loop with the sum.
  void collect(std::function<void(Stats)> on_stats);
  /// Stops accepting, lets requests under way finish within timeouts.drain_ms, then calls back on the control loop.
  void drain(std::function<void()> on_drained);
  [[nodiscard]] size_t workers() const;
  /// Reads certificates, TLS options and ticket keys again (SIGHUP; changes of the files are noticed anyway).
  void reload_tls();
  /// From the next connection on. An error where it is of no use; then the last one stays.
  Status use_mesh(tls::MeshIdentity identity);
  /// Lines as in tls.ticket_key_file, in place of the keys in use. An error where they are none; then those stay.
  Status use_ticket_keys(std::string_view text);
  [[nodiscard]] const TlsStatus& tls_status() const;
  /// What the workers speak TLS with for endpoints of that transport, "default" or another; null: there is none. Valid
  /// until the loop goes on.
  [[nodiscard]] const tls::ClientMaterial* transport(const std::string& name) const;
  /// What a server on the control loop speaks TLS with, where admin.tls asks for it; else null. Lives as long as this.
  [[nodiscard]] tls::Engine* control_tls();
  /// Opens the access log again by its name (SIGUSR1, after a rotation).
  void reopen_access_log();

 private:
  class Impl;
  explicit Proxy(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::proxy

#pragma once
// A listening socket of one worker and the connections it has brought.

#include <list>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/client_connection.h"
#include "weir/base/result.h"
#include "weir/config/config.h"
#include "weir/event/listener.h"
#include "weir/proxy/stats.h"

namespace weir::proxy {

class Worker;

/// Accepts and limits. Owned by its Worker; bound before the worker's thread starts, worker thread only from then on.
class EntryPoint {
 public:
  EntryPoint(Worker& worker, const config::EntryPointConfig& config) : worker_(worker), config_(config) {}

  /// Each worker has a socket of its own on the same port; `address` is the one the first got.
  Status bind(const SocketAddress& address);
  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] const config::EntryPointConfig& config() const { return config_; }
  [[nodiscard]] std::string_view name() const { return config_.name; }
  RequestStats stats;

  void remove(ClientConnection& connection);
  /// Stops accepting; connections close after their answer, idle ones in a moment.
  void drain();
  /// Ends every connection's exchange.
  void cut();

 private:
  void accept(event::TcpStream stream);

  Worker& worker_;
  const config::EntryPointConfig& config_;
  SocketAddress address_;
  std::optional<event::Listener> listener_;
  std::list<std::unique_ptr<ClientConnection>> connections_;
};

}  // namespace weir::proxy

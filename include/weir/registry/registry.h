#pragma once
// The registry: a service catalog that speaks Consul's HTTP API and DNS, on one machine.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "weir/base/ip.h"
#include "weir/base/result.h"

namespace weir::event {
class Loop;
}

namespace weir::registry {

/// One server with its store, its checks and its two faces. Owned by whoever owns the loop; loop's thread. Destroying
/// it closes everything; a write that was answered is on the disk by then.
class Registry {
 public:
  struct Options {
    SocketAddress http_address = {IpAddress{{127, 0, 0, 1}, false}, 8500};  // port 0: the kernel chooses
    std::optional<SocketAddress> dns_address = {};                          // UDP and TCP; none: no DNS
    std::string data_dir = {};  // made if absent; "": nothing outlives the process
    std::string datacenter = "dc1";
    std::string node_name = {};          // "": the machine's host name
    std::string advertise_address = {};  // "": the HTTP address, or 127.0.0.1 where that is unspecified
    bool legacy_get_writes = false;      // GET for a few writes, as clients from before Consul 1.0 send
    size_t connections_max = 8192;
    /// Called once: the store is loaded and served, or could not be read. Never from within start().
    std::function<void(Status)> on_ready = {};
  };

  /// Listens at once and answers 500 "No cluster leader" until the store is loaded. Fails when a socket, the folder or
  /// the database cannot be had (another registry may be using it).
  static Result<std::unique_ptr<Registry>> start(event::Loop& loop, Options options);
  ~Registry();

  [[nodiscard]] SocketAddress http_address() const;
  /// As bound.
  [[nodiscard]] std::optional<SocketAddress> dns_address() const;
  /// Loaded and serving; fails when the store cannot be read, which no later call will change.
  [[nodiscard]] Result<bool> ready() const;
  /// Answers what is waiting and accepts nothing new; `done` comes when that is written.
  void drain(std::function<void()> done);

 private:
  class Impl;
  explicit Registry(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::registry

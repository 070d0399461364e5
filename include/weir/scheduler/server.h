#pragma once
// The scheduler's server: jobs in, allocations out, by Nomad's HTTP API.

#include <memory>
#include <string>

#include "weir/base/ip.h"
#include "weir/base/result.h"

namespace weir::event {
class Loop;
}

namespace weir::scheduler {

/// State, planner and API. Owned by whoever owns the loop; loop's thread. Destroying it closes everything; a write that
/// was answered is on the disk by then.
class Server {
 public:
  struct Options {
    SocketAddress http;    // of the API; port 0: the kernel chooses
    std::string data_dir;  // made if absent
    std::string datacenter = "dc1";
    std::string version = {};  // Weir's, shown to agents
  };

  /// Loads the state and listens. Fails when the socket, the folder or the database cannot be had.
  static Result<std::unique_ptr<Server>> start(event::Loop& loop, Options options);
  ~Server();
  [[nodiscard]] SocketAddress http_address() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::scheduler

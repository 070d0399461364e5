#pragma once
// The node agent: runs the allocations that a scheduler server gives to this node.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "weir/base/ip.h"
#include "weir/base/result.h"
#include "weir/base/url.h"

namespace weir::event {
class Loop;
}

namespace weir::scheduler {

/// Speaks HTTP to the server (agent_protocol.h) and to a Consul-compatible registry, runs tasks under supervisors of
/// their own and serves logs and statistics. Neither server nor registry need be there: it goes on with what it has and
/// waits. Owned by whoever runs the loop; loop's thread; gone before the loop. Destroying it leaves all tasks running
/// and all services registered: the next agent with the same data folder takes them over.
class Agent {
 public:
  struct Options {
    Url server;                       // the scheduler's HTTP API
    std::string server_token = {};    // X-Nomad-Token; "" = none
    Url registry;                     // a Consul-compatible agent
    std::string registry_token = {};  // X-Consul-Token; "" = none
    std::string data_dir;             // one agent each; made when it does not exist
    std::string name = {};            // "" = the host's name; unique in the cluster
    std::string datacenter = "dc1";
    std::string node_class = {};
    SocketAddress http;  // the agent's own API; its ip is also where the tasks listen. Port 0: the kernel's choice
    std::map<std::string, std::string> meta = {};
    std::vector<uint16_t> reserved_ports = {};  // never given to allocations
    uint16_t dynamic_port_min = 20000;
    uint16_t dynamic_port_max = 32000;
    int64_t cpu_mhz = 0;    // 0: what the machine has
    int64_t memory_mb = 0;  // 0: what the machine has
    int64_t reserved_cpu_mhz = 0;
    int64_t reserved_memory_mb = 0;
    std::string version = {};  // Weir's, for the node's attributes
    /// Runs run_task_supervisor() (task_supervisor.h); the spec file is appended.
    std::vector<std::string> supervisor_argv = {"/proc/self/exe", "task-supervisor"};
    uint64_t check_poll_ms = 500;  // how often checks are read while a deployment's health is open
  };

  /// Takes over what an earlier agent left in the data folder, then listens and registers. Errors: the folder cannot be
  /// used or belongs to a running agent, the address cannot be bound.
  static Result<std::unique_ptr<Agent>> start(event::Loop& loop, Options options);
  ~Agent();

  [[nodiscard]] SocketAddress http_address() const;
  /// Ends all tasks, as a server that stops their allocations would, and starts no others. `done` comes when none runs.
  void stop_tasks(std::function<void()> done);
  /// The same by SIGKILL, without waiting for anything else. May follow stop_tasks(), whose `done` then does not come.
  void kill_tasks(std::function<void()> done);

 private:
  class Impl;
  explicit Agent(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::scheduler

#pragma once
// Who this registry says it is.

#include <cstdint>
#include <string>

#include "weir/base/ip.h"

namespace weir::registry {

/// Constant after start.
struct Identity {
  std::string datacenter = "dc1";
  std::string node_name;
  std::string node_id;  // UUID, the same after every start
  std::string address;  // the node's, as other machines reach it
  SocketAddress http_address;
  SocketAddress dns_address;  // port 0: no DNS
  std::string started_at;     // RFC 3339

  /// The port Consul's servers speak among each other on: nobody listens there, but clients show and parse it.
  static constexpr uint16_t kServerPort = 8300;
  static constexpr uint16_t kSerfPort = 8301;
  /// Clients switch features on by it: semver of a Consul that has what this registry has.
  static constexpr const char* kVersion = "1.15.0";

  [[nodiscard]] std::string leader() const { return address + ":" + std::to_string(kServerPort); }
};

}  // namespace weir::registry

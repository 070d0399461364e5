#pragma once
// What an agent of Consul is told about a name that leads to this edge.

#include <cstdint>
#include <string>

#include "weir/config/config.h"

namespace weir::provider {

struct Registration {
  std::string id;  // "web-10.0.0.5-80"
  std::string name;
  std::string address;  // "": the agent's own
  uint16_t port = 0;
};

/// The check that is renewed.
[[nodiscard]] std::string ttl_check_id(const Registration& registration);
/// The body of PUT /v1/agent/service/register.
[[nodiscard]] std::string encode_registration(const Registration& registration, const config::ConsulConfig& consul);

}  // namespace weir::provider

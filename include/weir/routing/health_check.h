#pragma once
// Active health checks: how the endpoints of a service are asked, and what they were found to be. Values.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/shared_list.h"
#include "weir/base/shared_value.h"

namespace weir::routing {

/// Traefik's healthcheck of a load balancer.
struct HealthCheck {
  enum class Mode : uint8_t { http, grpc };
  static constexpr uint64_t kIntervalMsMin = 100;

  Mode mode = Mode::http;
  std::string scheme;      // "http", "https", "h2c"; "": the endpoint's
  std::string path = "/";  // and query
  std::string method = "GET";
  uint16_t status = 0;  // the only one that passes; 0: 200 to 399
  uint16_t port = 0;    // 0: the endpoint's
  uint64_t interval_ms = 30'000;
  uint64_t unhealthy_interval_ms = 0;  // while it fails; 0: interval_ms
  uint64_t timeout_ms = 5'000;         // of all that one check does
  std::string hostname;                // of Host; "": the endpoint's
  bool follow_redirects = true;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string transport = {};                  // of https where the endpoint has none; "": "default"

  bool operator==(const HealthCheck&) const = default;
};

using HealthCheckRef = SharedValue<HealthCheck>;

/// What the newest check of one endpoint has found.
struct EndpointVerdict {
  std::string endpoint;     // its id
  std::string instance_id;  // another one at the same place has not been asked
  bool up = false;

  bool operator==(const EndpointVerdict&) const = default;
};

/// Of one service's endpoints, those that have been asked.
struct ServiceVerdicts {
  std::string service;                     // "web@consul"
  std::vector<EndpointVerdict> endpoints;  // sorted by endpoint

  bool operator==(const ServiceVerdicts&) const = default;
};
[[nodiscard]] inline std::string_view key_of(const ServiceVerdicts& verdicts) { return verdicts.service; }

/// What all checks have found, beside what providers say: an input of build_table.
struct HealthVerdicts {
  SharedList<ServiceVerdicts> services;
  bool new_are_up = false;  // as in Traefik, an endpoint that has not been asked is up
};

}  // namespace weir::routing

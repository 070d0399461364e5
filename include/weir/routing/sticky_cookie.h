#pragma once
// Sticky sessions: a client's requests go where its first one went.

#include <cstdint>
#include <string>

#include "weir/base/shared_value.h"

namespace weir::routing {

/// Traefik's sticky.cookie of a load balancer: how the cookie is set that says which endpoint a client has. A value.
struct StickyCookie {
  std::string name;        // a token (RFC 6265 section 4.1.1); "": one made of the service's name
  std::string path = "/";  // of URLs
  std::string domain;      // "": the host that was asked
  std::string same_site;   // "None", "Lax", "Strict"; "": nothing is said
  bool secure = false;
  bool http_only = false;
  int64_t max_age_s = 0;  // 0: until the browser ends; below: it is forgotten at once

  bool operator==(const StickyCookie&) const = default;
};

using StickyCookieRef = SharedValue<StickyCookie>;

}  // namespace weir::routing

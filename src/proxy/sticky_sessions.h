#pragma once
// Which endpoint a client's cookie means.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/http/message.h"
#include "weir/routing/table.h"

namespace weir::proxy {

/// Of one service that has a sticky cookie. Its values are Traefik's, so that clients keep their endpoints when Traefik
/// hands over to Weir, from one edge to another, and over restarts: they say the endpoint's URL, as a digest. Worker
/// thread only.
class StickySessions {
 public:
  static constexpr size_t npos = static_cast<size_t>(-1);

  /// `service` has a sticky cookie.
  explicit StickySessions(const routing::Service& service);
  /// The place of the endpoint that a request's Cookie fields name; npos: none that the service has.
  [[nodiscard]] size_t find(std::span<const http::Header> request) const;
  /// The value of the Set-Cookie field that names an endpoint. Lives as long as this.
  [[nodiscard]] std::string_view set_cookie(size_t endpoint) const { return set_cookies_[endpoint]; }

 private:
  std::string name_;
  // in parallel to the service's endpoints
  std::vector<std::string> values_;
  std::vector<std::string> set_cookies_;
};

}  // namespace weir::proxy

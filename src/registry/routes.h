#pragma once
// Which path goes to which endpoint.

#include <string>
#include <string_view>

#include "registry/endpoints.h"

namespace weir::registry {

struct Route {
  std::string_view path;     // one that ends in '/' takes everything below as its argument
  std::string_view methods;  // "GET,PUT"
  endpoints::Endpoint endpoint;
  bool legacy_get = false;  // clients from before Consul 1.0 send GET

  [[nodiscard]] bool allows(std::string_view method) const;
};

/// The route for a decoded path, or nullptr. The longest wins.
const Route* find_route(std::string_view path);

}  // namespace weir::registry

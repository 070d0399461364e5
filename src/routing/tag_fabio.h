#pragma once
// fabio's tag language: urlprefix-<host>/<path>[ <option>=<value>]…, one route a tag.

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/routing/definitions.h"

namespace weir::routing {

/// One tag as a route. The router, its service and its middlewares are called after what it matches: two services with
/// the same source share one route, as in fabio.
struct FabioRoute {
  RouterDefinition router;
  std::vector<MiddlewareDefinition> middlewares;
  std::string scheme = "http";
  bool pass_host_header = true;
  double share = 0;  // fixed part of the route's requests, 0 to 1; 0: an equal part of what is left
};

/// `source` is the tag without its prefix; `datacenter` replaces $DC and ${DC}. What cannot be done here is an error:
/// a route without its allow list or its redirect would be worse than no route.
Result<FabioRoute> decode_fabio_tag(std::string_view source, std::string_view prefix, std::string_view datacenter,
                                    std::string_view service_name);

}  // namespace weir::routing

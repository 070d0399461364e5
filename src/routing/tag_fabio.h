#pragma once
// fabio's route language: urlprefix-<host>/<path>[ <option>=<value>]…, one route a tag; the KV commands' too.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/base/url.h"
#include "weir/routing/definitions.h"

namespace weir::routing {

/// One route. The router, its service and its middlewares are called after what it matches: two services with the same
/// source share one route, as in fabio.
struct FabioRoute {
  RouterDefinition router;
  std::optional<RouterDefinition> last_resort;  // of a redirect, for requests that are where it leads: its own service
  std::vector<MiddlewareDefinition> middlewares;
  std::string scheme = "http";
  bool pass_host_header = true;
  std::string servers_transport;     // "insecureSkipVerify" by tlsskipverify=true
  std::string server_name;           // that https endpoints are asked for, by host=name; "": their own
  double share = 0;                  // fixed part of the route's requests; 0: an equal part of what is left
  std::string alias;                 // the name that register= asks the edge to have in Consul; "": none
  std::vector<std::string> ignored;  // options that were left out, and why; the route serves without them
};

struct FabioContext {
  std::string_view prefix;              // of names: "urlprefix-"
  std::string_view datacenter;          // replaces $DC and ${DC}
  std::string_view service_name;        // for messages
  std::string_view matcher = "prefix";  // of paths: "prefix", "iprefix" or "glob"
  std::string_view scheme = {};         // of a command's target, which proto= does not change; "" of a tag
};

/// `source` is the tag without its prefix. What cannot be done here and would serve other requests than was meant, or
/// to other clients, is an error: a route without its allow list would be worse than no route. Options nobody knows are
/// ignored, as fabio ignores them.
Result<FabioRoute> decode_fabio_tag(std::string_view source, const FabioContext& context);

/// What the route of a source is called, "www.example.com/x"; a text that is no source stays as it is.
[[nodiscard]] std::string fabio_route_name(std::string_view source);

/// A weight as Go reads it; none where it is empty.
Result<double> parse_share(std::string_view text);

/// A target's URL as commands write it, also grpc:// and grpcs://, which are h2c and https, ws:// and wss://.
Result<Url> parse_fabio_target(std::string_view text);

}  // namespace weir::routing

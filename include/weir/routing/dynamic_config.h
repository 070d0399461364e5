#pragma once
// Traefik's dynamic configuration as keys and values: what its KV stores and its JSON documents hold.

#include <string>
#include <vector>

#include "weir/routing/definitions.h"

namespace weir::routing {

/// One value. Elements of lists have their number as a segment of the path.
struct ConfigValue {
  std::vector<std::string> path;  // {"http", "routers", "web", "entryPoints", "0"}, without the root
  std::string value;
  std::string place;  // for messages: "key traefik/http/routers/web/entryPoints/0"
};

constexpr size_t kConfigValuesMax = 1'000'000;
constexpr size_t kConfigListItemsMax = 4'096;  // of one list

/// What is routed. Pure. Unlike tags, nothing is made up: a router needs a rule and a service, a service its servers.
/// A value that cannot be read drops its object, and the rejection names the object's place and the field; a server
/// that cannot be read drops itself. References to what Traefik calls @consulcatalog mean @consul.
Definitions decode_dynamic_config(const std::vector<ConfigValue>& values, const std::string& provider);

}  // namespace weir::routing

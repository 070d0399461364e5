#pragma once
// What has an index of its own and what one can wait for.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace weir::registry {

/// Whole tables have no name; the others do (node and service names folded to lower case).
struct Resource {
  enum class Kind : uint8_t {
    nodes,
    services,
    checks,
    kv,
    sessions,
    events,
    service_extinction,  // some service lost its last instance
    node_extinction,     // some node went away
    service,             // instances of one name, their checks and their nodes
    node,                // one node and its services
    kv_key,              // waited for only; the index is the entry's own
    kv_prefix,           // waited for only; the index comes from entries and tombstones
  };
  Kind kind = Kind::nodes;
  std::string name = {};

  bool operator==(const Resource&) const = default;
};

struct ResourceHash {
  size_t operator()(const Resource& resource) const {
    return std::hash<std::string>{}(resource.name) * 31 + static_cast<size_t>(resource.kind);
  }
};

}  // namespace weir::registry

#pragma once
// The catalog's words: what a service registry knows, in the form the edge needs. Values; any thread once const.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/catalog/service_map.h"

namespace weir::catalog {

/// In order of severity, so that the worst of two is the larger.
enum class Health : uint8_t { passing, warning, critical, maintenance };
std::string_view to_string(Health health);
/// "passing", "warning", "critical", "maintenance"; anything else is an error.
Result<Health> parse_health(std::string_view text);

/// One registration of a service: a process on a node.
struct Instance {
  std::string id;          // unique on its node
  std::string node;        // node name
  std::string node_id;     // may be ""
  std::string datacenter;  // may be ""
  std::string address;     // the service's address, or the node's where it gave none; an IP or a host name
  uint16_t port = 0;
  std::vector<std::string> tags;  // verbatim, in the order registered
  std::map<std::string, std::string> meta;
  Health health = Health::passing;   // the worst of its own checks and its node's
  bool has_checks = false;           // at least one check of its own (a node's check does not count)
  std::vector<Health> check_states;  // its own checks, in the order listed (fabio's "one"/"all" needs each)
  bool node_lost = false;            // Consul's agents have lost its node: the check serfHealth is critical
  uint32_t weight_passing = 1;
  uint32_t weight_warning = 1;
  bool mesh = false;  // reached through Consul Connect only: by TLS between services that prove their names
  uint64_t modify_index = 0;

  bool operator==(const Instance&) const = default;
};

/// Whether a service's source has confirmed lately what is known of it.
enum class Freshness : uint8_t {
  fresh,
  late,   // not for so long that another source of the same service is preferred
  stale,  // not for so long that nobody is sent there any more
};

/// All instances of one name. Immutable once shared.
struct Service {
  std::string name;
  std::vector<Instance> instances;  // sorted by node, then id
  Freshness freshness = Freshness::fresh;

  bool operator==(const Service&) const = default;
};

/// Everything one provider knows at one moment. Services are shared between snapshots: a service that did not change
/// is the same pointer, so comparing two snapshots costs what has changed.
struct CatalogSnapshot {
  std::string provider;  // "consul", "nomad": the name behind @
  ServiceMap services;
  uint64_t index = 0;  // the catalog's own index this was read at
};

/// Names of services that differ between two snapshots, each sorted.
struct CatalogDiff {
  std::vector<std::string> added;
  std::vector<std::string> removed;
  std::vector<std::string> changed;
  [[nodiscard]] bool empty() const { return added.empty() && removed.empty() && changed.empty(); }
};
CatalogDiff diff(const CatalogSnapshot& before, const CatalogSnapshot& after);

/// Endpoints in a snapshot whose health is passing or warning; those of stale services are none.
size_t count_live_instances(const CatalogSnapshot& snapshot);

}  // namespace weir::catalog

#pragma once
// What providers say should be routed, before it is checked and compiled: the decoded form of tags and of routes
// files. Values; the input of build_table.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "weir/base/shared_list.h"
#include "weir/catalog/catalog.h"
#include "weir/routing/health_check.h"
#include "weir/routing/sticky_cookie.h"

namespace weir::routing {

/// Where a definition stands, for messages: "routes.d/a.toml:3:1" or "service web, instance web-1, tag traefik.http…".
struct Origin {
  std::string text;
  /// Equal whatever the text: a definition that only moved to another line is no change.
  bool operator==(const Origin&) const { return true; }
};

/// Who of the routers of one priority is asked first.
enum class PathOrder : uint8_t {
  none,     // see ranks_before
  bytes,    // behind all those: the greater path, which is in the name from its first slash on; fabio's routes
  command,  // the same, behind those of tags with that path
};

/// Of a router's priority: Traefik keeps what is beyond for itself.
inline constexpr int64_t kPriorityMax = INT64_MAX - 1'000;

struct RouterDefinition {
  std::string name;                       // without @provider
  std::string rule;                       // rule language text; see rule.h
  int64_t priority = 0;                   // 0: the length of the rule's text in bytes, as Traefik computes it
  std::vector<std::string> entry_points;  // empty: all
  std::vector<std::string> middlewares;   // in the order they run
  std::string service;                    // a name of the same provider, or name@provider
  bool tls = false;                       // answers only on TLS connections (from tags `…tls=true`)
  bool plain = false;                     // answers only on connections without TLS (fabio's host:80/)
  PathOrder path_order = PathOrder::none;
  bool tombstone = false;    // its service is gone; it answers 503 for a while and gives way to others
  bool last_resort = false;  // meant for what no other router takes, so none that takes all of it is worth a word
  Origin origin;
  std::string tls_options = {};  // of the TLS file, for connections that ask for its hosts; "": the entry point's

  bool operator==(const RouterDefinition&) const = default;
};

/// One place that serves. The stable id of an endpoint is its text() without weight.
struct EndpointDefinition {
  std::string scheme = "http";  // "http", "https", "h2c"
  std::string host;             // an IP or a host name
  uint16_t port = 0;
  uint32_t weight = 1;
  catalog::Health health = catalog::Health::passing;
  std::string node;         // "" when static
  std::string instance_id;  // "" when static
  bool stale = false;       // its provider has not confirmed it for too long; its health is critical then

  bool operator==(const EndpointDefinition&) const = default;
};

/// Nobody is to be sent there: its provider could not confirm it for longer than what it says may be served from.
inline void make_stale(EndpointDefinition& endpoint) {
  endpoint.stale = true;
  endpoint.health = catalog::Health::critical;
}

struct ServiceDefinition {
  std::string name;
  std::vector<EndpointDefinition> endpoints;  // sorted by host, port
  bool pass_host_header = true;
  std::string strategy = "wrr";  // "wrr" or "p2c"; the issue on load balancing adds the rest
  Origin origin;
  uint8_t proxy_protocol = 0;          // the version of the PROXY header that endpoints are sent; 0: none
  std::string servers_transport = {};  // of the TLS file, for https endpoints; "": "default"
  std::string server_name = {};        // whom that asks for and expects; "": the endpoint's host
  HealthCheckRef health_check = {};
  StickyCookieRef sticky = {};
  uint8_t panic_threshold_percent = 0;  // of its endpoints: when fewer are well by their checks all of them serve

  bool operator==(const ServiceDefinition&) const = default;
};

/// A middleware as text: type ("stripPrefix") and options ("prefixes" -> "/a,/b"). Compiled by build_table.
struct MiddlewareDefinition {
  std::string name;
  std::string type;
  std::map<std::string, std::string> options;  // keys in lower case, dotted
  Origin origin;

  bool operator==(const MiddlewareDefinition&) const = default;
};

/// Something that could not be taken: shown in the log, /api/rejected and a metric. The rest still routes.
struct Rejection {
  std::string kind;  // "router", "service", "middleware", "tag", "file"
  std::string name;  // what was refused, "web@consul"
  std::string reason;
  std::string origin;

  bool operator==(const Rejection&) const = default;
};

/// A command about routes that fabio's tags define, whichever catalog they are of.
struct RouteEdit {
  enum class Kind : uint8_t {
    del,     // the targets are left out
    weight,  // they have `share` of the route's requests, divided among them
    add,     // `endpoint` serves the source too, with `share` of its requests
  };
  Kind kind = Kind::del;
  std::string service;            // of the catalog; "": any
  std::string source;             // "www.example.com/x", as routes are called; "": any
  std::string target;             // "http://10.0.0.1:80/"; "": any
  std::vector<std::string> tags;  // the target's other tags must hold all of them
  double share = 0;
  EndpointDefinition endpoint = {};
  uint32_t weighed_before = 0;  // of an addition: how far before it the weight stands whose share it has a part of

  bool operator==(const RouteEdit&) const = default;
};

/// Everything one provider defines, as it is put together: what files, a KV tree or a test say.
struct Definitions {
  std::string provider;  // "consul", "file": the name behind @
  std::vector<RouterDefinition> routers;
  std::vector<ServiceDefinition> services;
  std::vector<MiddlewareDefinition> middlewares;
  std::vector<Rejection> rejected;        // found while decoding
  std::vector<RouteEdit> edits;           // of other providers' routes, in their order
  std::vector<std::string> aliases = {};  // names that its routes ask the edge to have in Consul, fabio's register=
};

/// All definitions of one name: the one to prefer, and those that say otherwise. See DefinitionSet::is_decided.
template <typename Definition>
struct Versions {
  Definition first;
  std::vector<Definition> others;

  bool operator==(const Versions&) const = default;
};
template <typename Definition>
[[nodiscard]] std::string_view key_of(const Versions<Definition>& versions) {
  return versions.first.name;
}

/// Equal in what they say and in where they say it, since messages name the place.
template <typename Definition>
[[nodiscard]] bool says_the_same(const Versions<Definition>& a, const Versions<Definition>& b) {
  if (a != b || a.first.origin.text != b.first.origin.text) return false;
  for (size_t i = 0; i < a.others.size(); ++i) {
    if (a.others[i].origin.text != b.others[i].origin.text) return false;
  }
  return true;
}

/// Everything one provider defines, in the form build_table takes: shared with the set before it, object by object, so
/// that a change costs what has changed. Immutable once shared; any thread.
struct DefinitionSet {
  std::string provider;
  SharedList<Versions<RouterDefinition>> routers;
  SharedList<Versions<ServiceDefinition>> services;
  SharedList<Versions<MiddlewareDefinition>> middlewares;
  std::shared_ptr<const std::vector<Rejection>> rejected;                  // null: none
  std::shared_ptr<const std::set<std::string, std::less<>>> aliases = {};  // null: none. No part of a table
  uint64_t index = 0;       // of the catalog they were read from; 0 where the source has none
  bool is_decided = false;  // of several versions the first is the one to take; false: whichever is in force stays
};

/// Definitions of one provider as a set; several count as one, in the order given. What `previous` (or null) says in
/// the same words at the same place is taken from there. O(n).
std::shared_ptr<const DefinitionSet> share(std::string provider,
                                           const std::vector<std::shared_ptr<const Definitions>>& sources,
                                           const DefinitionSet* previous);
/// The other way round: everything by value, versions in order. For tests and small sets.
Definitions list(const DefinitionSet& set);

}  // namespace weir::routing

#pragma once
// What providers say should be routed, before it is checked and compiled: the decoded form of tags and of routes
// files. Values; the input of build_table.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weir/catalog/catalog.h"

namespace weir::routing {

/// Where a definition stands, for messages: "routes.d/a.toml:3:1" or "service web, instance web-1, tag traefik.http…".
struct Origin {
  std::string text;
  /// Equal whatever the text: a definition that only moved to another line is no change.
  bool operator==(const Origin&) const { return true; }
};

struct RouterDefinition {
  std::string name;                       // without @provider
  std::string rule;                       // rule language text; see rule.h
  int64_t priority = 0;                   // 0: the length of the rule's text in bytes, as Traefik computes it
  std::vector<std::string> entry_points;  // empty: all
  std::vector<std::string> middlewares;   // in the order they run
  std::string service;                    // a name of the same provider, or name@provider
  bool tls = false;                       // answers only on TLS connections (from tags `…tls=true`)
  Origin origin;

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

  bool operator==(const EndpointDefinition&) const = default;
};

struct ServiceDefinition {
  std::string name;
  std::vector<EndpointDefinition> endpoints;  // sorted by host, port
  bool pass_host_header = true;
  std::string strategy = "wrr";  // "wrr" or "p2c"; the issue on load balancing adds the rest
  Origin origin;
  uint8_t proxy_protocol = 0;  // the version of the PROXY header that endpoints are sent; 0: none

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

/// Everything one provider defines.
struct Definitions {
  std::string provider;  // "consul", "file": the name behind @
  std::vector<RouterDefinition> routers;
  std::vector<ServiceDefinition> services;
  std::vector<MiddlewareDefinition> middlewares;
  std::vector<Rejection> rejected;  // found while decoding
};

}  // namespace weir::routing

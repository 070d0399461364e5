#pragma once
// Traefik's tag language: <prefix>.http.routers.<name>.<field>=<value> and its kin, for one set of tags.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/health_check.h"
#include "routing/sticky_cookie.h"
#include "weir/routing/definitions.h"

namespace weir::routing {

/// A service named by tags: its options, and what each instance that carries the tags adds to it as a server.
struct TaggedService {
  ServiceDefinition options;  // without endpoints
  std::string scheme = "http";
  uint16_t port = 0;  // 0: the instance's own
  std::string url;    // instead of address and port
  std::optional<uint32_t> weight;
  HealthCheckReader health_check = {};
  StickyCookieReader sticky = {};
};

/// What the tags of one instance say.
struct TraefikTags {
  std::optional<bool> enable;
  bool canary = false;
  bool other_protocols = false;           // tcp or udp objects are there
  bool misread = false;                   // something that Traefik would drop the whole instance for
  bool hidden_unread = false;             // `enable` is false because what it says could not be read
  std::vector<RouterDefinition> routers;  // "" in rule or service: not given
  std::vector<TaggedService> services;
  std::vector<MiddlewareDefinition> middlewares;
  std::vector<std::string> broken_routers;  // names of objects that were refused
  std::vector<std::string> broken_services;
  std::vector<Rejection> rejected;  // kind router, service, middleware: the object is dropped; tag: it is not

  [[nodiscard]] size_t router_count() const { return routers.size() + broken_routers.size(); }
  [[nodiscard]] size_t service_count() const { return services.size() + broken_services.size(); }
};

struct TagContext {
  std::string provider;      // "consul"
  std::string service_name;  // for messages; "" where the fields are no service's tags
  bool trims = false;        // blanks around a tag, its key and its value do not count; else only of our own prefix
  bool connect = false;      // Consul Connect is spoken
  std::string_view catalog = "consulcatalog";  // whose own fields are meant, as Traefik calls it
};

/// "traefik.http.routers.web.rule=…" in parts. All but the object's name are lower case: Traefik's fields are.
struct TraefikField {
  std::vector<std::string> path;  // {"http", "routers", "web", "rule"}
  std::string value;
  bool has_value = false;  // there is a =
  bool ours = false;       // of a prefix that is not Traefik's: may be of the short form
  std::string key;         // as written
  std::string object;      // the beginning of the key that names the object, or the key
  std::string problem;     // why its object cannot be taken, found before; ""
};

/// A server's weight as Go reads it; one below 0 is 0, as Traefik has it.
std::optional<uint32_t> parse_weight(std::string_view text);

/// Tags that begin with none of "<prefix>." are not looked at. Where two prefixes set one field the first prefix wins.
/// An unknown field or a bad value drops the object it belongs to; a field that is known but not supported yet and that
/// the object can do without is reported and left out.
TraefikTags decode_traefik_tags(const std::vector<std::string>& tags, const std::vector<std::string>& prefixes,
                                const TagContext& context);
/// The same of fields that have been taken apart already, each once.
TraefikTags decode_traefik_fields(const std::vector<TraefikField>& fields, const TagContext& context);

}  // namespace weir::routing

#pragma once
// From what a catalog knows to what should be routed: tags of services become routers, services and middlewares.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/base/result.h"
#include "weir/catalog/catalog.h"
#include "weir/routing/definitions.h"

namespace weir::config {
struct ConsulConfig;
struct NomadConfig;
}  // namespace weir::config

namespace weir::routing {

/// Which of an instance's own checks must be good before fabio's tags route to it. none: strict_checks decides.
enum class FabioChecks : uint8_t { one, all, none };

/// Which services are reached through Consul Connect.
struct ConnectTags {
  bool on = false;          // we have a name of our own in the mesh
  bool by_default = false;  // where no tag says otherwise
  /// By the tags of all its instances, `<prefix>.consulcatalog.connect`. Never a sidecar itself: its service is asked.
  [[nodiscard]] bool ask_for(std::string_view service, const std::vector<std::string>& tags,
                             const std::vector<std::string>& prefixes) const;
};
[[nodiscard]] ConnectTags connect_tags(const config::ConsulConfig& config);

/// Endpoints of the mesh have this transport: whom they must prove to be, and this behind it.
inline constexpr std::string_view kMeshTransport = "@connect";

/// How tags are read. Defaults as in conf/weir.toml.
struct CatalogOptions {
  std::string provider = "consul";  // the name behind @
  std::vector<std::string> tag_prefixes = {"weir", "traefik"};
  std::string fabio_tag_prefix = "urlprefix-";  // "": fabio's tags are not read
  bool exposed_by_default = false;
  bool enable_required = false;  // Traefik's exposedByDefault = false to the letter: a routing tag is not enough
  std::string default_rule = "Host(`{{ normalize .Name }}`)";
  bool connect = false;                        // Consul Connect is spoken
  std::string constraints = {};                // of an instance's tags, as Traefik has them; "": all are read
  std::string catalog_kind = "consulcatalog";  // what Traefik calls it: whose own fields tags mean
  bool trims_tags = false;                     // blanks around a tag, its key and its value do not count; Nomad's
  std::vector<catalog::Health> strict_checks = {catalog::Health::passing, catalog::Health::warning};
  // How fabio's tags are read.
  std::string fabio_matcher = "prefix";  // of paths: "prefix", "iprefix", "glob"
  FabioChecks fabio_checks_required = FabioChecks::one;
  std::vector<catalog::Health> fabio_status = {catalog::Health::passing};
  // Where we differ from Traefik and fabio on purpose; false: as they do. docs/routing.md says why.
  bool keep_incumbent = true;            // of conflicting definitions one stays; false: none
  bool drop_object_only = true;          // for an unknown field; false: the whole instance
  bool empty_routes = true;              // a route without live endpoints answers 503; false: it is not there
  uint32_t panic_threshold_percent = 0;  // of a pool's endpoints: when fewer are live all of them are
  uint64_t tombstone_ms = 600'000;       // a route whose service is gone answers 503 this long; 0: it is gone at once
  std::shared_ptr<const class EditIndex> edits = {};  // of routes of fabio's tags; null: none

  bool operator==(const CatalogOptions&) const = default;
};

/// An error where default_rule is no template we know or gives no rule, or strict_checks names no health.
Result<CatalogOptions> catalog_options(const config::ConsulConfig& config, std::string provider = "consul");

/// The same of Nomad, which knows nothing of health: fabio's tags route without a check.
Result<CatalogOptions> catalog_options(const config::NomadConfig& config, std::string provider = "nomad");

/// All that is wrong with them; empty where catalog_options gives some.
std::vector<Error> catalog_problems(const config::ConsulConfig& config);
std::vector<Error> catalog_problems(const config::NomadConfig& config);

/// What the tags of one catalog service define. Of a service that is gone (`since` kTombstone) what they defined last,
/// without endpoints. A value; made and read only in this layer.
struct ServiceDefinitions {
  struct Share {
    double fixed = 0;    // of the route's requests, 0 to 1; 0: an equal part of what is left
    uint32_t split = 0;  // those of one number, from 1, have it together
    bool operator==(const Share&) const = default;
  };
  struct Pool {
    ServiceDefinition definition;
    std::vector<Share> shares;  // fabio's: parallel to endpoints. Else empty
    bool declared = false;      // named by a tag; false: the catalog service itself
    bool is_fabio = false;      // of a route of fabio's tags: named after their prefix and its source
    bool living = true;         // some of its endpoints may serve
    bool operator==(const Pool&) const = default;
  };
  static constexpr uint64_t kTombstone = UINT64_MAX;  // after everybody who is there
  uint64_t since = 0;                                 // lowest modify index: who was there first
  std::vector<RouterDefinition> routers;
  std::vector<Pool> pools;
  std::vector<MiddlewareDefinition> middlewares;
  // Those that no instance which may serve declares: what others declare goes before them.
  std::set<std::string, std::less<>> dead_routers;
  std::set<std::string, std::less<>> dead_middlewares;
  std::vector<Rejection> rejected;
  std::vector<std::string> aliases = {};  // names that its routes ask the edge to have, fabio's register=; may repeat

  bool operator==(const ServiceDefinitions&) const = default;
};

/// Pure. Every service gives a pool of its own name, `web@consul`, whether tagged or not. Where instances disagree
/// about an object, the version of most instances that may serve is taken (of equally many: of most at all, then the
/// one registered first) and the others are rejected. A bad tag drops its object only. Instances in maintenance are no
/// endpoints, and those tagged enable=false are left out; the health of the others is passing or warning exactly where
/// strict_checks lets them serve.
ServiceDefinitions decode_service(const catalog::Service& service, const CatalogOptions& options);

/// Pure; every service decoded anew. For tests and small catalogs.
Definitions definitions_from_catalog(const catalog::CatalogSnapshot& snapshot, const CatalogOptions& options);

class DefinitionMerger;  // src/routing/definition_merger.h

/// The same, remembering each service by its pointer: one that did not change is not looked at, and what the others
/// define is shared with the set before. Owned by who turns snapshots into tables; one thread.
class CatalogDecoder {
 public:
  explicit CatalogDecoder(CatalogOptions options);
  ~CatalogDecoder();

  /// The very pointer of the last call when nothing that matters changed: then there is nothing to build.
  /// `now_ms` is any clock that does not go back; tombstones end by it.
  std::shared_ptr<const DefinitionSet> decode(const catalog::CatalogSnapshot& snapshot, uint64_t now_ms = 0);
  /// Other commands about routes of fabio's tags: services with such tags are decoded anew. The set, as decode()
  /// gives it.
  std::shared_ptr<const DefinitionSet> edit(std::shared_ptr<const std::vector<RouteEdit>> edits, uint64_t now_ms);
  /// The set without the tombstones whose time is over; the very pointer of the last call where there are none.
  std::shared_ptr<const DefinitionSet> expire(uint64_t now_ms);
  /// Services decoded by the last call.
  [[nodiscard]] size_t decoded_count() const { return decoded_count_; }

 private:
  static constexpr size_t kTombstonesMax = 10'000;
  struct Tombstone {
    uint64_t until_ms = 0;
    std::shared_ptr<const ServiceDefinitions> last;
  };
  using Tombstones = std::map<std::string, Tombstone, std::less<>>;  // by service
  using RuleCounts = std::unordered_map<uint64_t, int>;              // hash of a rule -> how often

  void take(const std::string& name, std::shared_ptr<const ServiceDefinitions> decoded, bool gone, uint64_t now_ms);
  void bury(const std::string& name, const ServiceDefinitions& last, uint64_t now_ms);
  Tombstones::iterator dig_up(Tombstones::iterator tombstone);
  void empty(ServiceDefinitions::Pool& pool) const;
  void drop_claimed();
  void reveal(const std::string& name);
  void count_rules(RuleCounts& counts, const RuleCounts& opposite, const ServiceDefinitions& of, int change);

  CatalogOptions options_;
  std::unique_ptr<DefinitionMerger> merger_;
  std::map<std::string, std::shared_ptr<const ServiceDefinitions>, std::less<>> routed_;  // those with a router
  Tombstones tombstones_;
  RuleCounts rules_;
  RuleCounts buried_rules_;  // of the tombstones
  bool claimed_ = false;     // a rule is in both
  SharedList<catalog::Service> seen_;
  std::shared_ptr<const DefinitionSet> last_;
  size_t decoded_count_ = 0;
};

}  // namespace weir::routing

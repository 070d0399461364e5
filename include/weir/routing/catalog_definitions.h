#pragma once
// From what a catalog knows to what should be routed: tags of services become routers, services and middlewares.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/catalog/catalog.h"
#include "weir/routing/definitions.h"

namespace weir::config {
struct ConsulConfig;
}

namespace weir::routing {

/// How tags are read. Defaults as in conf/weir.toml.
struct CatalogOptions {
  std::string provider = "consul";  // the name behind @
  std::vector<std::string> tag_prefixes = {"weir", "traefik"};
  std::string fabio_tag_prefix = "urlprefix-";  // "": fabio's tags are not read
  bool exposed_by_default = false;
  std::string default_rule = "Host(`{{ normalize .Name }}`)";
  std::vector<catalog::Health> strict_checks = {catalog::Health::passing, catalog::Health::warning};

  bool operator==(const CatalogOptions&) const = default;
};

/// An error where default_rule is no template we know or gives no rule, or strict_checks names no health.
Result<CatalogOptions> catalog_options(const config::ConsulConfig& config, std::string provider = "consul");

/// What the tags of one catalog service define. A value; made and read only in this layer.
struct ServiceDefinitions {
  struct Pool {
    ServiceDefinition definition;
    std::vector<double> shares;  // fabio's: parallel to endpoints, 0 to 1; 0 an equal part of the rest. Else empty
    bool declared = false;       // named by a tag; false: the catalog service itself
    bool operator==(const Pool&) const = default;
  };
  uint64_t since = 0;  // lowest modify index: who was there first
  std::vector<RouterDefinition> routers;
  std::vector<Pool> pools;
  std::vector<MiddlewareDefinition> middlewares;
  std::vector<Rejection> rejected;

  bool operator==(const ServiceDefinitions&) const = default;
};

/// Pure. Every service gives a pool of its own name, `web@consul`, whether tagged or not. Where instances disagree
/// about an object, the version of most instances is taken (of equally many: the one registered first) and the others
/// are rejected. A bad tag drops its object only. Instances in maintenance, and those tagged enable=false, are left
/// out; the health of the others is passing or warning exactly where strict_checks lets them serve.
ServiceDefinitions decode_service(const catalog::Service& service, const CatalogOptions& options);

/// Pure; every service decoded anew.
Definitions definitions_from_catalog(const catalog::CatalogSnapshot& snapshot, const CatalogOptions& options);

/// The same, remembering each service by its pointer: one that did not change is not decoded again.
/// Owned by who turns snapshots into tables; one thread.
class CatalogDecoder {
 public:
  explicit CatalogDecoder(CatalogOptions options) : options_(std::move(options)) {}

  /// The very pointer of the last call when nothing that matters changed: then there is nothing to build.
  std::shared_ptr<const Definitions> decode(const catalog::CatalogSnapshot& snapshot);
  /// Services decoded by the last call.
  [[nodiscard]] size_t decoded_count() const { return decoded_count_; }

 private:
  struct Entry {
    std::shared_ptr<const catalog::Service> source;
    std::shared_ptr<const ServiceDefinitions> decoded;
  };

  /// True where what the service defines is not what it defined before.
  bool refresh(Entry& entry, const std::shared_ptr<const catalog::Service>& service);

  CatalogOptions options_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::shared_ptr<const Definitions> last_;
  size_t decoded_count_ = 0;
};

}  // namespace weir::routing

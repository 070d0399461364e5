#pragma once
// Puts the definitions of a catalog's services together: names live in one space per provider, so services may meet in
// one.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "weir/routing/catalog_definitions.h"

namespace weir::routing {

/// Who defines what, by name; a change of one service costs what that service defines. Owned by CatalogDecoder; one
/// thread.
class DefinitionMerger {
 public:
  /// Names that begin with `fabio_prefix` ("": none does) are never dropped for a conflict, as in fabio.
  DefinitionMerger(std::string provider, bool keep_incumbent, std::string fabio_prefix)
      : provider_(std::move(provider)), keep_incumbent_(keep_incumbent), fabio_prefix_(std::move(fabio_prefix)) {}

  /// What a service defines now, null for nothing any more.
  void replace(const std::string& service, std::shared_ptr<const ServiceDefinitions> decoded);
  /// The set after all replacements since the last call; `before` itself where nothing differs.
  std::shared_ptr<const DefinitionSet> merge(const std::shared_ptr<const DefinitionSet>& before, uint64_t index);

 private:
  using Pool = ServiceDefinitions::Pool;
  // Who may serve comes before who may not, then who was registered first: where names meet, the newcomer has to give
  // way. A service that goes on declaring a name keeps its place, through deploys that replace all its instances.
  template <typename Object>
  struct Claim {
    bool living = true;
    uint64_t since = 0;
    std::string_view service;
    const Object* object = nullptr;
    bool operator<(const Claim& other) const {
      return std::tie(other.living, since, service) < std::tie(living, other.since, other.service);
    }
  };
  template <typename Object>
  struct Claims {
    std::map<std::string, std::vector<Claim<Object>>, std::less<>> by_name;  // each sorted
    std::set<std::string> touched;
  };

  using Places = std::map<std::string, uint64_t, std::less<>>;  // since when a service has declared a name
  struct PlacesOfKinds {
    Places routers, middlewares, pools;
  };
  void add(const std::string& service, const ServiceDefinitions& decoded, const PlacesOfKinds& before);
  PlacesOfKinds remove(const std::string& service, const ServiceDefinitions& decoded);
  template <typename Definition>
  void merge_claims(const char* kind, Claims<Definition>& claims, SharedList<Versions<Definition>>& list);
  void note_clashes(const std::string& key, std::vector<Rejection> clashes);
  void merge_services(DefinitionSet& set);
  void merge_pools(const std::vector<Claim<Pool>>& claims, ServiceDefinition& out, std::vector<Rejection>& clashes);
  void collect_rejected(DefinitionSet& set) const;
  void take_aliases(DefinitionSet& set) const;
  void count_aliases(const ServiceDefinitions& decoded, int change);

  // constant after construction
  const std::string provider_;
  const bool keep_incumbent_;  // of conflicting definitions; false: all of them go, as in Traefik
  const std::string fabio_prefix_;
  // owner's thread
  std::map<std::string, std::shared_ptr<const ServiceDefinitions>, std::less<>> services_;
  Claims<RouterDefinition> routers_;
  Claims<MiddlewareDefinition> middlewares_;
  Claims<Pool> pools_;
  std::map<std::string, std::vector<Rejection>> clashes_;  // by kind and name
  bool rejected_changed_ = true;
  std::map<std::string, int, std::less<>> aliases_;  // how many routes ask for each
  bool aliases_changed_ = false;
};

}  // namespace weir::routing

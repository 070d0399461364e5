#pragma once
// What a catalog is asked, and how its answers are read: Consul's and Nomad's differ in little else.

#include <string_view>

#include "provider/consul_json.h"
#include "provider/event_stream.h"

namespace weir::provider {

/// Constant; one of the two below.
struct CatalogDialect {
  std::string_view names_path;    // the list of services with their tags
  std::string_view service_path;  // of one service's instances; its escaped name follows
  std::string_view mesh_path;     // the same, of those who are reached through the mesh; "": there is none
  Result<ServiceTags> (*decode_names)(std::string_view body);
  Result<ServiceAnswer> (*decode_service)(std::string_view name, std::string_view body, KnownRows* known);
  Result<ServiceAnswer> (*decode_mesh)(std::string_view name, std::string_view body, KnownRows* known);
  /// Whether it has lists of all checks and of all nodes. Without them the index of the list of services moves with
  /// every instance.
  bool has_check_lists;
  std::string_view events_path;  // tells which service has changed; "": there is none
  std::string_view events_query;
  EventStream::Decode decode_events;
};

extern const CatalogDialect kConsulDialect;
extern const CatalogDialect kNomadDialect;

}  // namespace weir::provider

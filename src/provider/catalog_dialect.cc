#include "provider/catalog_dialect.h"

#include "provider/nomad_json.h"

namespace weir::provider {

const CatalogDialect kConsulDialect = {.names_path = "/v1/catalog/services",
                                       .service_path = "/v1/health/service/",
                                       .mesh_path = "/v1/health/connect/",
                                       .decode_names = decode_service_names,
                                       .decode_service = decode_health_service,
                                       .decode_mesh = decode_health_connect,
                                       .has_check_lists = true,
                                       .events_path = "",
                                       .events_query = "",
                                       .decode_events = nullptr};

const CatalogDialect kNomadDialect = {.names_path = "/v1/services",
                                      .service_path = "/v1/service/",
                                      .mesh_path = "",
                                      .decode_names = decode_nomad_services,
                                      .decode_service = decode_nomad_service,
                                      .decode_mesh = nullptr,
                                      .has_check_lists = false,
                                      .events_path = "/v1/event/stream",
                                      .events_query = "topic=Service",
                                      .decode_events = decode_nomad_events};

}  // namespace weir::provider

#include "provider/catalog_dialect.h"

#include "provider/nomad_json.h"

namespace weir::provider {

const CatalogDialect kConsulDialect = {.names_path = "/v1/catalog/services",
                                       .service_path = "/v1/health/service/",
                                       .mesh_path = "/v1/health/connect/",
                                       .decode_names = decode_service_names,
                                       .decode_service = decode_health_service,
                                       .decode_mesh = decode_health_connect,
                                       .has_check_lists = true};

const CatalogDialect kNomadDialect = {.names_path = "/v1/services",
                                      .service_path = "/v1/service/",
                                      .mesh_path = "",
                                      .decode_names = decode_nomad_services,
                                      .decode_service = decode_nomad_service,
                                      .decode_mesh = nullptr,
                                      .has_check_lists = false};

}  // namespace weir::provider

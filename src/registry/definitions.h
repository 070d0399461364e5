#pragma once
// What agents and catalog clients send to register things, decoded and validated with Consul's error texts.

#include <optional>
#include <string>
#include <vector>

#include "registry/catalog_writes.h"
#include "registry/records.h"
#include "weir/base/result.h"

namespace weir::registry {

struct JsonValue;

/// A check as the agent API has it: alone, or inside a service.
struct CheckRequest {
  std::string id;
  std::string name;
  std::string notes;
  std::string service_id;
  std::string status;
  bool is_script = false;
  std::string unsupported;  // the name of a kind that this registry does not run, or ""
  CheckDefinition definition;

  bool operator==(const CheckRequest&) const = default;
};

/// Body of PUT /v1/agent/service/register.
struct ServiceRequest {
  Service service;  // without node and stamps; id defaults to the name
  std::vector<CheckRequest> checks;
};

/// Each gives the text after "Request decode failed: ".
Result<ServiceRequest> decode_service_request(const JsonValue& json);
Result<CheckRequest> decode_check_request(const JsonValue& json);

/// 0.0.0.0 and ::, at which nobody can be reached.
[[nodiscard]] bool is_unspecified(const std::string& address);
/// The rules for a service's metadata; errors begin with `what`.
Status validate_meta(const StringMap& meta, const std::string& what);
/// The rules for a service (name, address, weights, meta) without its checks.
Status validate_service(const Service& service);
/// The text after "Invalid check: ".
Status validate_check(const CheckRequest& check);
/// "ttl", "http", "tcp", "grpc", or "".
std::string check_type(const CheckDefinition& definition);

/// Body of PUT /v1/catalog/register.
struct CatalogRegistration {
  Registration registration;
  std::string datacenter;
};
Result<CatalogRegistration> decode_catalog_registration(const JsonValue& json);
Status validate_catalog_registration(const CatalogRegistration& request);

/// Body of PUT /v1/catalog/deregister.
struct CatalogDeregistration {
  std::string node;
  std::string service_id;
  std::string check_id;
  std::string datacenter;
};
Result<CatalogDeregistration> decode_catalog_deregistration(const JsonValue& json);

/// As they stand in the JSON of a catalog, and in transactions.
Result<Node> decode_node(const JsonValue& json);
Result<Service> decode_catalog_service(const JsonValue& json);
Result<Check> decode_catalog_check(const JsonValue& json);

}  // namespace weir::registry

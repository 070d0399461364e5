#pragma once
// Consul's answers, decoded. Pure. What arrives is not trusted: types are checked, sizes and counts are limited, and an
// answer that is not whole and well formed is an error, never a shorter list.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "provider/answer_limits.h"
#include "weir/base/result.h"
#include "weir/catalog/catalog.h"

namespace weir::provider {

struct ConsulJsonLimits : AnswerLimits {
  static constexpr size_t kServicesMax = 100'000;
  static constexpr size_t kInstancesPerServiceMax = 20'000;
  static constexpr size_t kChecksMax = 1'000'000;  // in health/state/any
  static constexpr size_t kChecksPerInstanceMax = 1'024;
  static constexpr size_t kMetaMax = 1'024;  // pairs of one instance
};

/// Service name -> the union of its instances' tags.
using ServiceTags = std::map<std::string, std::vector<std::string>, std::less<>>;

/// /v1/catalog/services
Result<ServiceTags> decode_service_names(std::string_view body);

struct ServiceAnswer {
  catalog::Service service;
  std::vector<std::string> skipped;  // instances that cannot be used, or are too large; the others stand
};

/// The instances of an answer by their text: of the next one, those that say the same again are not read again, so that
/// a change of one instance costs the same whatever the others are.
struct InstanceRows;
using KnownRows = std::shared_ptr<const InstanceRows>;

/// /v1/health/service/<name>. `known` (or null): the rows of the last answer of that service; those of this one when it
/// could be read.
Result<ServiceAnswer> decode_health_service(std::string_view name, std::string_view body, KnownRows* known = nullptr);

/// /v1/health/connect/<name>: its proxies, and instances that speak Connect themselves, each marked as of the mesh.
Result<ServiceAnswer> decode_health_connect(std::string_view name, std::string_view body, KnownRows* known = nullptr);

/// What moved is found by comparing two of these: a number per service and per node over the state of their checks
/// (not over output). Equal numbers mean equal states.
struct CheckDigests {
  std::map<std::string, uint64_t, std::less<>> services;
  std::map<std::string, uint64_t, std::less<>> nodes;  // node-level checks
};

/// /v1/health/state/any
Result<CheckDigests> decode_health_state(std::string_view body);

/// "" when the address can be connected to; else what is wrong with it.
std::string_view address_fault(std::string_view address);

/// /v1/catalog/nodes: node name -> address.
Result<std::map<std::string, std::string, std::less<>>> decode_nodes(std::string_view body);

}  // namespace weir::provider

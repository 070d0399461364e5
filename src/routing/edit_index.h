#pragma once
// The commands about routes of fabio's tags, found by what they are about: thousands of them cost a route nothing.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/routing/definitions.h"

namespace weir::routing {

/// Immutable once made; any thread. Commands are known by their number, which is their order.
class EditIndex {
 public:
  explicit EditIndex(std::shared_ptr<const std::vector<RouteEdit>> edits);  // not null

  [[nodiscard]] const RouteEdit& operator[](uint32_t number) const { return (*edits_)[number]; }
  /// Those of kind del and weight whose service and source fit, in order. The rest of what they ask for is not looked
  /// at.
  [[nodiscard]] std::vector<uint32_t> about(std::string_view service, std::string_view source) const;
  /// Those of kind add, in order.
  [[nodiscard]] std::vector<uint32_t> additions_to(std::string_view source) const;

 private:
  using Numbers = std::map<std::string, std::vector<uint32_t>, std::less<>>;

  std::shared_ptr<const std::vector<RouteEdit>> edits_;
  Numbers by_source_;   // those that name a source, "" for the others that name no service
  Numbers by_service_;  // those that name a service alone
  Numbers additions_;   // by source
};

}  // namespace weir::routing

#pragma once
// What a table remembers for the next build_table: every provider's objects as they were checked, and
// who refers to them. The routers are the table's own.

#include <array>
#include <compare>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/shared_list.h"
#include "weir/routing/definitions.h"
#include "weir/routing/qualified_name.h"
#include "weir/routing/table.h"

namespace weir::routing {

struct ServiceSource {
  std::shared_ptr<const ServiceDefinition> definition;
  std::shared_ptr<const Service> service;
};
struct MiddlewareSource {
  std::shared_ptr<const MiddlewareDefinition> definition;
  std::shared_ptr<const Middleware> middleware;
};
[[nodiscard]] inline std::string_view key_of(const ServiceSource& source) { return source.definition->name; }
[[nodiscard]] inline std::string_view key_of(const MiddlewareSource& source) { return source.definition->name; }

/// What one provider says, each object checked by itself.
struct ProviderPart {
  std::string provider;
  std::shared_ptr<const DefinitionSet> set;
  std::set<std::string, std::less<>> undecoded;  // "router web": named by its provider, but not understood
  SharedList<ServiceSource> services;
  SharedList<MiddlewareSource> middlewares;
};
using Parts = std::map<std::string, std::shared_ptr<const ProviderPart>, std::less<>>;  // by provider

/// That a router names a service or a middleware: four bytes that tell the object, and the router's slot. Two objects
/// with the same four bytes are a router linked once more than it need be.
struct Use {
  std::array<char, 8> key;

  [[nodiscard]] uint32_t slot() const {
    uint32_t out = 0;
    for (size_t i = 4; i < key.size(); ++i) out = out << 8 | static_cast<unsigned char>(key[i]);
    return out;
  }
  auto operator<=>(const Use&) const = default;
};
[[nodiscard]] inline std::string_view key_of(const Use& use) { return {use.key.data(), use.key.size()}; }

/// What was refused of one object. The key begins with the step that found it, then kind and name.
struct Complaint {
  std::string key;
  std::vector<Rejection> rejected;
};
[[nodiscard]] inline std::string_view key_of(const Complaint& complaint) { return complaint.key; }

struct TableState {
  Parts parts;
  SharedList<Use> uses;
  SharedList<Complaint> complaints;
  std::shared_ptr<const std::vector<Rejection>> rejected;  // all, sorted; null: none
  std::vector<uint32_t> free_slots;
  uint64_t last_router_id = 0;
  SharedList<ServiceVerdicts> verdicts;
};

}  // namespace weir::routing

#pragma once
// What a table remembers for the next build_table: every provider's objects as they were checked and linked.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "routing/rule.h"
#include "weir/routing/definitions.h"
#include "weir/routing/table.h"

namespace weir::routing {

// Definitions are held by pointers into the provider's Definitions, which lives as long as any of them. What stays in
// force although its provider now says something else is copied, so that it does not hold all of the old Definitions.

struct RouterSource {
  std::shared_ptr<const RouterDefinition> definition;
  std::shared_ptr<const Rule> rule;
};
struct ServiceSource {
  std::shared_ptr<const ServiceDefinition> definition;
  std::shared_ptr<const Service> service;
};
struct MiddlewareSource {
  std::shared_ptr<const MiddlewareDefinition> definition;
  std::shared_ptr<const Middleware> middleware;
};
[[nodiscard]] inline std::string_view name_of(const RouterSource& source) { return source.definition->name; }
[[nodiscard]] inline std::string_view name_of(const ServiceSource& source) { return source.definition->name; }
[[nodiscard]] inline std::string_view name_of(const MiddlewareSource& source) { return source.definition->name; }

/// What one provider says, each object checked by itself. All lists are sorted by the definitions' names, none twice.
struct ProviderPart {
  std::string provider;
  std::vector<std::shared_ptr<const Definitions>> sources;
  std::vector<RouterSource> routers;
  std::vector<ServiceSource> services;
  std::vector<MiddlewareSource> middlewares;
  std::vector<Rejection> rejected;
};

constexpr uint32_t kNoSlot = UINT32_MAX;

struct LinkedRouter {
  RouterSource in_force;  // the last good version; not always what the provider says now
  std::shared_ptr<const Router> router;
  uint32_t slot = kNoSlot;
};
[[nodiscard]] inline std::string_view name_of(const LinkedRouter& router) { return router.in_force.definition->name; }

/// A provider's routers with their references resolved.
struct LinkedPart {
  std::shared_ptr<const ProviderPart> part;
  /// Every provider the routers refer to, itself included, as it was then (null: there was none of that name). While
  /// these are the same, so is the result of linking.
  std::vector<std::pair<std::string, std::shared_ptr<const ProviderPart>>> depends_on;
  std::vector<LinkedRouter> routers;  // sorted by name
  std::vector<Rejection> rejected;
};

struct TableState {
  std::map<std::string, std::shared_ptr<const LinkedPart>> parts;  // by provider
  std::vector<uint32_t> free_slots;
};

/// "web" and "consul" -> "web@consul"; "web@file" stays.
[[nodiscard]] std::string qualify(std::string_view name, std::string_view provider);

}  // namespace weir::routing

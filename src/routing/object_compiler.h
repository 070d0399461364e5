#pragma once
// First step of building a table: check and compile one object by itself.

#include <memory>
#include <string>
#include <vector>

#include "routing/rule.h"
#include "routing/table_state.h"

namespace weir::routing {

/// What a provider says about one name.
template <typename Definition>
struct Said {
  const std::string& provider;
  std::string_view name;
  std::shared_ptr<const Versions<Definition>> versions;  // null: it defines no such object
  bool is_decided = false;                               // the first of the versions is taken, whichever is in force
  bool undecoded = false;  // it does, but in a way that was not understood: broken, not gone
};

template <typename Source>
struct Compiled {
  std::shared_ptr<const Source> source;  // null: there is none
  std::vector<Rejection> rejected;
};

/// Pure. `before` (or null) lends what did not change and what was good.
/// With what checks have found of the service's endpoints.
struct ServiceHealth {
  std::shared_ptr<const ServiceVerdicts> verdicts;  // null: nothing yet
  bool changed = false;                             // since the version before
  bool new_are_up = false;
};
Compiled<ServiceSource> compile_service(const Said<ServiceDefinition>& said, const ServiceHealth& health,
                                        const std::shared_ptr<const ServiceSource>& before);
Compiled<MiddlewareSource> compile_middleware_source(const Said<MiddlewareDefinition>& said,
                                                     const std::shared_ptr<const MiddlewareSource>& before);

struct CompiledRouter {
  std::shared_ptr<const RouterDefinition> definition;  // null: there is none
  std::shared_ptr<const Rule> rule;                    // null: known to be good
  std::vector<Rejection> rejected;
};
CompiledRouter compile_router(const Said<RouterDefinition>& said, const Router* before);

}  // namespace weir::routing

#pragma once
// Second step of building a table: resolve what a router refers to, in its own and in other providers.

#include <string>
#include <vector>

#include "routing/table_state.h"

namespace weir::routing {

struct LinkOutcome {
  std::shared_ptr<Router> router;  // null: it stays as it was. Without a slot where it is new
  std::vector<Rejection> rejected;
};

/// Pure. `before` (or null) lends what did not change and the last good version.
LinkOutcome link_router(const std::string& provider, const std::shared_ptr<const RouterDefinition>& definition,
                        const Parts& parts, const Router* before);

/// Whether a request could tell one from the other, or who looks at them: not the place of their definitions.
[[nodiscard]] bool serve_the_same(const Router& a, const Router& b);

/// Everything a router that has its slot refers to, sorted.
std::vector<Use> uses_of(const Router& router);
/// What the keys of all uses of one object begin with.
std::string use_prefix(char kind, std::string_view qualified_name);

}  // namespace weir::routing

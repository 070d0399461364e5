#pragma once
// Second step of building a table: resolve what a router refers to, in its own and in other providers.

#include <string>
#include <vector>

#include "routing/table_state.h"

namespace weir::routing {

struct LinkOutcome {
  std::shared_ptr<const LinkedRouter> router;  // without a slot where it is new
  std::vector<Rejection> rejected;
};

/// Pure. `before` (or null) lends what did not change and the last good version.
LinkOutcome link_router(const std::string& provider, const RouterSource& source, const Parts& parts,
                        const std::shared_ptr<const LinkedRouter>& before);

/// Everything a router that has its slot refers to, sorted.
std::vector<Use> uses_of(const LinkedRouter& router);
/// What the keys of all uses of one object begin with.
std::string use_prefix(char kind, std::string_view qualified_name);

}  // namespace weir::routing

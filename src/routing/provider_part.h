#pragma once
// First step of building a table: check and compile what one provider says, each object by itself.

#include <memory>
#include <vector>

#include "routing/table_state.h"

namespace weir::routing {

/// Pure. `previous` (or null) lends what did not change and what was good. Several Definitions of one provider count as
/// one, in the order given.
std::shared_ptr<const ProviderPart> compile_part(const std::string& provider,
                                                 std::vector<std::shared_ptr<const Definitions>> sources,
                                                 const LinkedPart* previous);

}  // namespace weir::routing

#pragma once
// Second step of building a table: resolve what routers refer to, in their own and in other providers.

#include <map>
#include <memory>
#include <string_view>

#include "routing/table_state.h"

namespace weir::routing {

using Parts = std::map<std::string, std::shared_ptr<const ProviderPart>, std::less<>>;  // by provider

/// Whether linking again would give what `linked` is.
[[nodiscard]] bool is_current(const LinkedPart& linked, const Parts& parts);

/// Pure. `previous` (or null) lends unchanged routers and the last good versions. New routers have no slot yet.
std::shared_ptr<LinkedPart> link_part(const std::shared_ptr<const ProviderPart>& part, const Parts& parts,
                                      const LinkedPart* previous);

}  // namespace weir::routing

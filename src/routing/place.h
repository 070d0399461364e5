#pragma once
// Places: the host and path keys of alternatives, and the algebra on them that normalising needs. Pure.

#include <optional>
#include <vector>

#include "routing/rule.h"

namespace weir::routing {

struct Place {
  HostKey host = {};
  PathKey path = {};
  auto operator<=>(const Place&) const = default;
};

/// The place where both hold; nothing when no request can be in both.
[[nodiscard]] std::optional<Place> intersect(const Place& a, const Place& b);

/// The place of an expression that is one and nothing else: a host, a path, or both joined. Most rules are.
[[nodiscard]] std::optional<Place> only_place(const Expression& expression);

/// Places outside of which the expression never holds; sorted, none twice. Never more than `places_max`: beyond, they
/// are coarser than they could be, but still cover.
[[nodiscard]] std::vector<Place> cover(const Expression& expression, size_t places_max);

/// The expression as it is at that place: what the keys decide is decided and gone.
[[nodiscard]] Expression reduce(const Expression& expression, const Place& place);

}  // namespace weir::routing

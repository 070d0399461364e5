#pragma once
// "Did you mean": the nearest of some known words.

#include <span>
#include <string>
#include <string_view>

namespace weir {

/// The word that is nearest to `word`, by letters added, dropped, changed or swapped with their neighbour, where it is
/// near enough to be a slip of the hand; else "". Of several the first.
[[nodiscard]] std::string nearest_word(std::string_view word, std::span<const std::string> known);

}  // namespace weir

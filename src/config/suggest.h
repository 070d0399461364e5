#pragma once
// "did you mean": the nearest of some known words.

#include <span>
#include <string>
#include <string_view>

namespace weir::config {

/// The word nearest to `word` by single edits, when it is near enough to be a slip of the hand; else "". A
/// transposition is two edits.
std::string nearest_word(std::string_view word, std::span<const std::string> known);

}  // namespace weir::config

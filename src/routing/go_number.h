#pragma once
// Numbers as Go's strconv reads them, where ours (std::from_chars) is stricter. Pure.

#include <string_view>

namespace weir::routing {

/// A plus sign before a number says nothing; there may be one sign.
[[nodiscard]] inline std::string_view without_plus(std::string_view number) {
  return number.starts_with('+') && !number.starts_with("+-") ? number.substr(1) : number;
}

}  // namespace weir::routing

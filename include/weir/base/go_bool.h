#pragma once
// Truth as programs in Go write it in URLs and tags.

#include <optional>
#include <string_view>

namespace weir {

/// strconv.ParseBool: these words and no others.
[[nodiscard]] inline std::optional<bool> parse_go_bool(std::string_view text) {
  for (std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

}  // namespace weir

#pragma once
// Whether a text is nested deeper than a tree may be that is walked, and freed, by functions that call themselves.

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::config {

/// How many dots, brackets and braces may be open at once in a line of keys and values; a key's dots count until its
/// value ends. The [header] above comes on top of it: no tree is deeper than twice that.
constexpr size_t kTomlDepthMax = 64;

struct TomlPlace {
  uint32_t line = 1;
  uint32_t column = 1;
};
/// Where it first goes beyond, if it does. Of texts that are no TOML it need not be right: they are refused anyway, if
/// what is read up to the error is not too deep.
std::optional<TomlPlace> too_deep(std::string_view text);

}  // namespace weir::config

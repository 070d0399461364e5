#pragma once
// Lists in options' text. Tags write them with commas; where a list has been one before (JSON, keys, TOML) its elements
// may hold commas. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/text.h"

namespace weir::routing {

/// Behind each element of a list that could not be told with commas. No value is meant to hold it.
constexpr char kListEnd = '\x1f';

[[nodiscard]] inline std::string list_text(const std::vector<std::string>& items) {
  std::string out = join(items, ",");
  size_t commas = 0;
  for (char c : out) commas += c == ',' ? 1 : 0;
  if (items.empty() || commas == items.size() - 1) return out;
  out.clear();
  for (const std::string& item : items) out.append(item).append(1, kListEnd);
  return out;
}

/// Without blanks around them; empty ones are left out.
[[nodiscard]] inline std::vector<std::string_view> list_items(std::string_view text) {
  return split_list(text, text.ends_with(kListEnd) ? kListEnd : ',');
}

}  // namespace weir::routing

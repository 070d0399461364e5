#pragma once
// Where [classes] of regular expressions end. Pure.

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace weir::routing {

/// Where the class ends that begins at `at`; the pattern's end where it does not.
inline size_t class_end(std::string_view pattern, size_t at) {
  at += pattern.substr(at).starts_with("[^") ? 2 : 1;
  if (at < pattern.size() && pattern[at] == ']') ++at;  // the first one is a member
  while (at < pattern.size() && pattern[at] != ']') {
    const size_t named_end = pattern.substr(at).starts_with("[:") ? pattern.find(":]", at + 2) : std::string_view::npos;
    at = named_end != std::string_view::npos ? named_end + 2 : at + (pattern[at] == '\\' ? 2 : 1);
  }
  return std::min(at + 1, pattern.size());
}

}  // namespace weir::routing

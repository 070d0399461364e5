#pragma once
// What may be a field's name, and comparing with one that is known when compiling: a few instructions, for what each
// request does by the dozen.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "weir/base/text.h"

namespace weir {

/// Whether `text` may be a field's name or a method: a token (RFC 9110 section 5.6.2).
[[nodiscard]] inline bool is_token(std::string_view text) {
  auto belongs = [](char c) {
    const char lower = ascii_lower(c);
    const bool plain = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
    return plain || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), belongs);
}

/// Whether `text` is `lower` in any case. `lower` holds letters and dashes, and `text` no control characters: of all
/// others 0x20 more makes only an upper-case letter a lower-case one, and leaves a dash as it is.
template <size_t Size>
[[nodiscard]] inline bool is_named(std::string_view text, const char (&lower)[Size]) {
  constexpr size_t kLength = Size - 1;
  static_assert(kLength >= 2);
  if (text.size() != kLength) return false;
  auto same = [&]<typename Word>(size_t at, Word blanks) {
    Word sent;
    Word known;
    std::memcpy(&sent, text.data() + at, sizeof sent);
    std::memcpy(&known, lower + at, sizeof known);
    return static_cast<Word>(sent | blanks) == known;
  };
  constexpr uint64_t k8 = 0x2020202020202020;
  constexpr uint32_t k4 = 0x20202020;
  constexpr uint16_t k2 = 0x2020;
  // The last word may overlap the one before it.
  if constexpr (kLength >= 8) {
    for (size_t at = 0; at + 8 < kLength; at += 8) {
      if (!same(at, k8)) return false;
    }
    return same(kLength - 8, k8);
  } else if constexpr (kLength >= 4) {
    return same(0, k4) && same(kLength - 4, k4);
  } else {
    return same(0, k2) && same(kLength - 2, k2);
  }
}

}  // namespace weir

#pragma once
// Comparing with a name that is known when compiling: a few instructions, for what each request does by the dozen.

#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir {

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

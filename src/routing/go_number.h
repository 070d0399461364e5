#pragma once
// Numbers as Go's strconv reads them, where ours (std::from_chars) is stricter, and durations as Traefik does. Pure.

#include <cstdint>
#include <optional>
#include <string_view>

#include "weir/base/duration.h"
#include "weir/base/text.h"

namespace weir::routing {

/// A plus sign before a number says nothing; there may be one sign.
[[nodiscard]] inline std::string_view without_plus(std::string_view number) {
  return number.starts_with('+') && !number.starts_with("+-") ? number.substr(1) : number;
}

/// Traefik's: a number alone is seconds. Nothing where it is neither, or longer than a year.
[[nodiscard]] inline std::optional<int64_t> traefik_duration_ns(std::string_view text) {
  constexpr int64_t kLongestS = 365LL * 86'400;
  if (auto seconds = parse_i64(text)) {
    return *seconds > kLongestS || *seconds < -kLongestS ? std::nullopt : std::optional(*seconds * 1'000'000'000);
  }
  constexpr int64_t kLongestNs = kLongestS * 1'000'000'000;
  auto ns = parse_duration_ns(text);
  return ns && *ns <= kLongestNs && *ns >= -kLongestNs ? std::optional(*ns) : std::nullopt;
}

}  // namespace weir::routing

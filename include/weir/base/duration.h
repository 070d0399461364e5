#pragma once
// Go's duration text ("1m30s", "250ms", "0.5s"), which Consul, Nomad and Traefik all use.

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir {

/// Nanoseconds. A number needs a unit (ns us µs ms s m h), except "0". The error text is Go's:
/// `time: invalid duration "abc"`.
Result<int64_t> parse_duration_ns(std::string_view text);
/// The same, rounded up to whole milliseconds.
Result<int64_t> parse_duration_ms(std::string_view text);
/// 90'000'000'000 -> "1m30s", as Go prints it.
std::string format_duration(int64_t ns);

}  // namespace weir

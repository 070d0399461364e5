#pragma once
// Times as job files write them: RFC 3339, in any year it can name, with the offset they were written with.

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::scheduler::hcl {

struct Timestamp {
  int64_t seconds = 0;      // since 1970, UTC
  int64_t nanoseconds = 0;  // below a second
  int offset_minutes = 0;   // of the clock on its wall, to UTC
};

/// What the clock on its wall says.
struct WallTime {
  int year = 0;
  int month = 1;  // 1 to 12
  int day = 1;
  int weekday = 0;  // 0 is Sunday
  int hour = 0;
  int minute = 0;
  int second = 0;
};

/// Strictly RFC 3339: a 't', a leap second or a comma is refused, as by Nomad.
Result<Timestamp> parse_timestamp(std::string_view text);
WallTime wall_time(const Timestamp& timestamp);
Timestamp later(const Timestamp& timestamp, int64_t ns);
/// Without the fraction of its second.
std::string timestamp_text(const Timestamp& timestamp);
/// "+0130", or "+01:30" with the colon.
std::string offset_text(const Timestamp& timestamp, bool with_colon);

}  // namespace weir::scheduler::hcl

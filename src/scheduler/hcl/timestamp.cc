#include "scheduler/hcl/timestamp.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "weir/base/text.h"

namespace weir::scheduler::hcl {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kDaySeconds = 86'400;

/// Reads from the left and keeps what was wrong first.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  /// Digits only, that many.
  int number(std::string_view what, size_t digits, int min, int max) {
    std::string_view text = rest_.substr(0, digits);
    auto value = parse_u64(text);
    if (text.empty()) {
      refuse("end of string before " + std::string(what));
    } else if (text.size() < digits || !value || *value < static_cast<uint64_t>(min) ||
               *value > static_cast<uint64_t>(max)) {
      refuse("cannot use \"" + std::string(text) + "\" as " + std::string(what));
    }
    rest_.remove_prefix(text.size());
    return error_.empty() ? static_cast<int>(*value) : min;
  }

  void expect(char c) {
    if (take(c)) return;
    std::string where = " where \"" + std::string(1, c) + "\" is expected";
    refuse(rest_.empty() ? "end of string" + where : "found \"" + std::string(rest_) + "\"" + where);
  }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Behind the point: the first nine digits count.
  int64_t nanoseconds() {
    int64_t value = 0;
    int64_t unit = kSecondNs / 10;
    size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count, unit /= 10) {
      value += (rest_[count] - '0') * unit;
    }
    if (count == 0) refuse("no digit follows the point");
    rest_.remove_prefix(count);
    return value;
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] const std::string& error() const { return error_; }
  void refuse(std::string why) {
    if (error_.empty()) error_ = std::move(why);
  }

 private:
  std::string_view rest_;
  std::string error_;
};

int read_offset_minutes(Reader& reader) {
  if (reader.take('Z')) return 0;
  bool west = reader.rest().starts_with('-');
  if (!reader.take('-') && !reader.take('+')) {
    reader.refuse(reader.rest().empty() ? "end of string before UTC offset"
                                        : "cannot use \"" + std::string(reader.rest()) + "\" as UTC offset");
  }
  int hours = reader.number("UTC offset", 2, 0, 23);
  reader.expect(':');
  int minutes = hours * 60 + reader.number("UTC offset", 2, 0, 59);
  return west ? -minutes : minutes;
}

}  // namespace

Result<Timestamp> parse_timestamp(std::string_view text) {
  Reader reader(text);
  int year = reader.number("year", 4, 0, 9999);
  reader.expect('-');
  int month = reader.number("month", 2, 1, 12);
  reader.expect('-');
  int day = reader.number("day of month", 2, 1, 31);
  if (!reader.take('T')) reader.refuse("missing required time introducer 'T'");
  int hour = reader.number("hour", 2, 0, 23);
  reader.expect(':');
  int minute = reader.number("minute", 2, 0, 59);
  reader.expect(':');
  int second = reader.number("second", 2, 0, 59);
  Timestamp out;
  if (reader.take('.')) out.nanoseconds = reader.nanoseconds();
  out.offset_minutes = read_offset_minutes(reader);
  if (!reader.rest().empty()) reader.refuse("extra text: \"" + std::string(reader.rest()) + "\"");
  std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                   std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) reader.refuse("day out of range");
  if (!reader.error().empty()) {
    return fail(ErrorCode::invalid, "not a valid RFC3339 timestamp: " + reader.error());
  }
  int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
  out.seconds = days * kDaySeconds + (hour * 60 + minute - out.offset_minutes) * 60 + second;
  return out;
}

WallTime wall_time(const Timestamp& timestamp) {
  int64_t seconds = timestamp.seconds + timestamp.offset_minutes * 60;
  int64_t days = seconds / kDaySeconds - (seconds % kDaySeconds < 0 ? 1 : 0);
  auto of_day = static_cast<int>(seconds - days * kDaySeconds);
  std::chrono::sys_days day{std::chrono::days{days}};
  std::chrono::year_month_day date{day};
  return {static_cast<int>(date.year()),
          static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())),
          static_cast<int>(std::chrono::weekday{day}.c_encoding()),
          of_day / 3600,
          of_day / 60 % 60,
          of_day % 60};
}

Timestamp later(const Timestamp& timestamp, int64_t ns) {
  Timestamp out = timestamp;
  out.seconds += ns / kSecondNs;
  out.nanoseconds += ns % kSecondNs;
  int64_t carry = out.nanoseconds >= kSecondNs ? 1 : out.nanoseconds < 0 ? -1 : 0;
  out.seconds += carry;
  out.nanoseconds -= carry * kSecondNs;
  return out;
}

std::string timestamp_text(const Timestamp& timestamp) {
  WallTime time = wall_time(timestamp);
  char text[64];
  std::snprintf(text, sizeof text, "%s%04d-%02d-%02dT%02d:%02d:%02d", time.year < 0 ? "-" : "", std::abs(time.year),
                time.month, time.day, time.hour, time.minute, time.second);
  return text + (timestamp.offset_minutes == 0 ? "Z" : offset_text(timestamp, true));
}

std::string offset_text(const Timestamp& timestamp, bool with_colon) {
  int minutes = std::abs(timestamp.offset_minutes);
  char text[32];
  std::snprintf(text, sizeof text, "%c%02d%s%02d", timestamp.offset_minutes < 0 ? '-' : '+', minutes / 60,
                with_colon ? ":" : "", minutes % 60);
  return text;
}

}  // namespace weir::scheduler::hcl

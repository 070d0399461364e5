#include "weir/base/duration.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

namespace weir {
namespace {

struct Unit {
  std::string_view name;
  int64_t ns;
};
// Longer names first, so that "ms" is not read as "m".
constexpr Unit kUnits[] = {{"ns", 1},         {"us", 1'000},        {"\u00b5s", 1'000},    {"\u03bcs", 1'000},
                           {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

tl::unexpected<Error> invalid(std::string_view text) {
  return fail(ErrorCode::invalid, "time: invalid duration \"" + std::string(text) + "\"");
}

/// The decimal number that `rest` begins with, taken off it; none where it has no digit or two points.
std::optional<long double> take_number(std::string_view& rest) {
  long double number = 0;
  long double place = 1;
  bool has_digits = false;
  bool fraction = false;
  size_t i = 0;
  for (; i < rest.size() && (rest[i] == '.' || (rest[i] >= '0' && rest[i] <= '9')); ++i) {
    if (rest[i] == '.') {
      if (std::exchange(fraction, true)) return {};
      continue;
    }
    has_digits = true;
    if (fraction) place /= 10;
    number = fraction ? number + (rest[i] - '0') * place : number * 10 + (rest[i] - '0');
  }
  rest.remove_prefix(i);
  return has_digits ? std::optional(number) : std::nullopt;
}

/// The unit that `rest` begins with, taken off it; null where it is none.
const Unit* take_unit(std::string_view& rest) {
  const Unit* found =
      std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& unit) { return rest.starts_with(unit.name); });
  if (found == std::end(kUnits)) return nullptr;
  rest.remove_prefix(found->name.size());
  return found;
}

}  // namespace

Result<int64_t> parse_duration_ns(std::string_view text) {
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return 0;
  if (rest.empty()) return invalid(text);
  long double total = 0;
  while (!rest.empty()) {
    const auto number = take_number(rest);
    if (!number) return invalid(text);
    if (rest.empty()) {
      return fail(ErrorCode::invalid, "time: missing unit in duration \"" + std::string(text) + "\"");
    }
    const Unit* unit = take_unit(rest);
    if (unit == nullptr) return invalid(text);
    total += *number * static_cast<long double>(unit->ns);
    if (total > static_cast<long double>(std::numeric_limits<int64_t>::max())) return invalid(text);
  }
  const auto ns = static_cast<int64_t>(std::llround(total));
  return negative ? -ns : ns;
}

Result<int64_t> parse_duration_ms(std::string_view text) {
  auto ns = parse_duration_ns(text);
  if (!ns) return ns;
  constexpr int64_t kMillisecond = 1'000'000;
  return *ns > 0 ? (*ns + kMillisecond - 1) / kMillisecond : *ns / kMillisecond;
}

std::string format_duration(int64_t ns) {
  if (ns == 0) return "0s";
  std::string out;
  uint64_t left = ns < 0 ? 0 - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  if (ns < 0) out += "-";
  auto number = [](uint64_t value, uint64_t unit) {  // value/unit in decimals, trailing zeros dropped
    std::string text = std::to_string(value / unit);
    uint64_t rest = value % unit;
    if (rest == 0) return text;
    std::string fraction = std::to_string(unit + rest).substr(1);
    while (fraction.back() == '0') fraction.pop_back();
    return text + "." + fraction;
  };
  if (left < 1'000) return out + std::to_string(left) + "ns";
  if (left < 1'000'000) return out + number(left, 1'000) + "\u00b5s";
  if (left < 1'000'000'000) return out + number(left, 1'000'000) + "ms";
  constexpr uint64_t kSecond = 1'000'000'000;
  uint64_t hours = left / (3600 * kSecond);
  uint64_t minutes = left / (60 * kSecond) % 60;
  if (hours > 0) out += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) out += std::to_string(minutes) + "m";
  return out + number(left % (60 * kSecond), kSecond) + "s";
}

}  // namespace weir

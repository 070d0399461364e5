// Functions on times, which are RFC 3339 texts. See functions.h.

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

#include "scheduler/hcl/functions.h"
#include "scheduler/hcl/limits.h"
#include "scheduler/hcl/timestamp.h"
#include "weir/base/duration.h"
#include "weir/base/text.h"

namespace weir::scheduler::hcl {
namespace {

Result<Value> timeadd(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  auto duration_text = text_argument(arguments, 1);
  if (!duration_text) return fail(duration_text.error());
  auto timestamp = parse_timestamp(*text);
  if (!timestamp) return fail(timestamp.error());
  auto duration = parse_duration_ns(*duration_text);
  if (!duration) return fail(duration.error());
  return Value(timestamp_text(later(*timestamp, *duration)));
}

constexpr std::string_view kMonths[] = {"January", "February", "March",     "April",   "May",      "June",
                                        "July",    "August",   "September", "October", "November", "December"};
constexpr std::string_view kWeekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/// Letters of formatdate() that mean something, and the forms they come in.
struct Verb {
  char letter;
  std::string_view forms;
};
constexpr Verb kVerbs[] = {
    {'Y', "year must be YY or YYYY"},
    {'M', "month must be M, MM, MMM or MMMM"},
    {'D', "day of month must be D or DD"},
    {'E', "day of week must be EEE or EEEE"},
    {'h', "24-hour must be h or hh"},
    {'H', "12-hour must be H or HH"},
    {'A', "half of the day must be AA"},
    {'a', "half of the day must be aa"},
    {'m', "minute must be m or mm"},
    {'s', "second must be s or ss"},
    {'Z', "time zone must be Z, ZZZ, ZZZZ or ZZZZZ"},
};

using Form = std::optional<std::string>;

std::string padded(int value, int digits) {
  char text[16];
  std::snprintf(text, sizeof text, "%0*d", digits, value);
  return text;
}

/// One letter: as short as it is; two: with two digits.
Form number_form(int value, size_t letters) {
  return letters <= 2 ? Form(padded(value, static_cast<int>(letters))) : std::nullopt;
}

/// Three letters: abbreviated.
Form name_form(std::string_view name, size_t letters) {
  if (letters == 3) return std::string(name.substr(0, 3));
  return letters == 4 ? Form(name) : std::nullopt;
}

Form zone_form(const Timestamp& timestamp, size_t letters) {
  bool is_utc = timestamp.offset_minutes == 0;
  if (letters == 1 && is_utc) return "Z";
  if (letters == 3 && is_utc) return "UTC";
  if (letters == 3 || letters == 4) return offset_text(timestamp, false);
  return letters == 1 || letters == 5 ? Form(offset_text(timestamp, true)) : std::nullopt;
}

/// Nothing when there is no such form.
Form verb_form(char letter, size_t letters, const Timestamp& timestamp) {
  WallTime time = wall_time(timestamp);
  bool is_morning = time.hour < 12;
  switch (letter) {
    case 'Y':
      return letters == 2 ? Form(padded(time.year % 100, 2)) : letters == 4 ? Form(padded(time.year, 4)) : Form();
    case 'M':
      return letters <= 2 ? number_form(time.month, letters)
                          : name_form(kMonths[static_cast<size_t>(time.month - 1)], letters);
    case 'D': return number_form(time.day, letters);
    case 'E': return name_form(kWeekdays[static_cast<size_t>(time.weekday)], letters);
    case 'h': return number_form(time.hour, letters);
    case 'H': return number_form((time.hour + 11) % 12 + 1, letters);
    case 'A': return letters == 2 ? Form(is_morning ? "AM" : "PM") : Form();
    case 'a': return letters == 2 ? Form(is_morning ? "am" : "pm") : Form();
    case 'm': return number_form(time.minute, letters);
    case 's': return number_form(time.second, letters);
    case 'Z': return zone_form(timestamp, letters);
    default: return std::nullopt;
  }
}

bool is_letter(char c) { return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'; }

/// Takes 'text' from the front of the format; '' is a quote, inside too. Nothing when it does not end.
std::optional<std::string> take_quoted(std::string_view& format) {
  if (format.starts_with("''")) {
    format.remove_prefix(2);
    return "'";
  }
  std::string out;
  for (size_t i = 1; i < format.size(); ++i) {
    if (format[i] != '\'') {
      out += format[i];
      continue;
    }
    bool is_doubled = format.substr(i + 1).starts_with('\'');
    if (is_doubled) {
      out += '\'';
      ++i;
    }
    // A doubled quote as the last of all counts as one and the end, too: so it does in Nomad.
    if (is_doubled && i + 1 < format.size()) continue;
    format.remove_prefix(i + 1);
    return out;
  }
  return std::nullopt;
}

Result<Value> formatdate(const Arguments& arguments) {
  auto format = text_argument(arguments, 0);
  if (!format) return fail(format.error());
  auto text = text_argument(arguments, 1);
  if (!text) return fail(text.error());
  auto timestamp = parse_timestamp(*text);
  if (!timestamp) return fail(timestamp.error());
  std::string out;
  for (std::string_view rest = *format; !rest.empty();) {
    if (rest.front() == '\'') {
      auto literal = take_quoted(rest);
      if (!literal) return fail(ErrorCode::invalid, "argument 1 has an unterminated literal '");
      out += *literal;
      continue;
    }
    size_t letters = is_letter(rest.front()) ? std::min(rest.find_first_not_of(rest.front()), rest.size()) : 0;
    if (letters == 0) {
      out += rest.front();
      rest.remove_prefix(1);
      continue;
    }
    auto form = verb_form(rest.front(), letters, *timestamp);
    if (!form) {
      const Verb* verb = std::find_if(std::begin(kVerbs), std::end(kVerbs),
                                      [&](const Verb& candidate) { return candidate.letter == rest.front(); });
      return fail(ErrorCode::invalid, "invalid date format verb \"" + std::string(rest.substr(0, letters)) + "\"" +
                                          (verb == std::end(kVerbs) ? "" : ": " + std::string(verb->forms)));
    }
    out += *form;
    rest.remove_prefix(letters);
  }
  if (auto fits = within_text_limit(out.size()); !fits) return fail(fits.error());
  return Value(std::move(out));
}

constexpr Function kFunctions[] = {
    {"timeadd", 2, 2, timeadd},
    {"formatdate", 2, 2, formatdate},
};

}  // namespace

std::span<const Function> time_functions() { return kFunctions; }

}  // namespace weir::scheduler::hcl

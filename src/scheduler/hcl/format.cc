#include "scheduler/hcl/format.h"

#include <algorithm>
#include <cstdio>

#include "scheduler/hcl/functions.h"

namespace weir::scheduler::hcl {
namespace {

constexpr size_t kWidthMax = 256;

struct Verb {
  std::string flags;
  size_t width = 0;
  int precision = -1;
  char letter = 0;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// After the %; moves `at` past the verb.
Result<Verb> read_verb(std::string_view pattern, size_t& at) {
  Verb verb;
  while (at < pattern.size() && std::string_view("-+ 0#").find(pattern[at]) != std::string_view::npos) {
    verb.flags += pattern[at++];
  }
  for (; at < pattern.size() && is_digit(pattern[at]); ++at) {
    verb.width = std::min(kWidthMax + 1, verb.width * 10 + static_cast<size_t>(pattern[at] - '0'));
  }
  if (at < pattern.size() && pattern[at] == '.') {
    verb.precision = 0;
    for (++at; at < pattern.size() && is_digit(pattern[at]); ++at) {
      verb.precision = std::min<int>(kWidthMax + 1, verb.precision * 10 + (pattern[at] - '0'));
    }
  }
  if (verb.width > kWidthMax || verb.precision > static_cast<int>(kWidthMax)) {
    return fail(ErrorCode::invalid, "a width or precision over " + std::to_string(kWidthMax));
  }
  if (at >= pattern.size()) return fail(ErrorCode::invalid, "the pattern ends after %");
  verb.letter = pattern[at++];
  return verb;
}

std::string padded(const Verb& verb, std::string text) {
  if (text.size() >= verb.width) return text;
  std::string pad(verb.width - text.size(), ' ');
  return verb.flags.find('-') != std::string::npos ? text + pad : pad + text;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

Result<std::string> format_number(const Verb& verb, const Value& value) {
  Arguments arguments{std::vector<Value>{value}, FileAccess{}};
  char text[1024];  // 309 digits of the largest double, 256 of precision, sign and point
  std::string form = "%" + verb.flags + (verb.width > 0 ? std::to_string(verb.width) : "");
  if (std::string_view("dxXo").find(verb.letter) != std::string_view::npos) {
    auto whole = whole_argument(arguments, 0);
    if (!whole) return fail(ErrorCode::invalid, std::string("%") + verb.letter + " needs a whole number");
    form += std::string("ll") + verb.letter;
    int size = std::snprintf(text, sizeof text, form.c_str(), static_cast<long long>(*whole));
    return std::string(text, static_cast<size_t>(size));
  }
  auto number = number_argument(arguments, 0);
  if (!number) return fail(ErrorCode::invalid, std::string("%") + verb.letter + " needs a number");
  if (verb.precision >= 0) form += "." + std::to_string(verb.precision);
  form += verb.letter;
  int size = std::snprintf(text, sizeof text, form.c_str(), *number);
  return std::string(text, std::min(static_cast<size_t>(size), sizeof text - 1));
}

Result<std::string> format_one(const Verb& verb, const Value& value) {
  switch (verb.letter) {
    case 's':
    case 'v':
    case 'q': {
      if (value.is_list() || value.is_object()) return fail(ErrorCode::invalid, "a list or object needs jsonencode()");
      std::string text = value.is_null() ? "null" : value.to_text();
      if (verb.precision >= 0) text = text.substr(0, static_cast<size_t>(verb.precision));
      return padded(verb, verb.letter == 'q' ? quoted(text) : text);
    }
    case 't':
      if (!value.is_bool()) return fail(ErrorCode::invalid, "%t needs true or false");
      return padded(verb, value.to_text());
    case 'b': {
      if (!value.is_integer() || value.as_integer() < 0) return fail(ErrorCode::invalid, "%b needs a whole number");
      std::string digits;
      for (auto rest = static_cast<uint64_t>(value.as_integer()); rest > 0 || digits.empty(); rest /= 2) {
        digits.insert(digits.begin(), static_cast<char>('0' + rest % 2));
      }
      return padded(verb, digits);
    }
    case 'd':
    case 'x':
    case 'X':
    case 'o':
    case 'f':
    case 'e':
    case 'g': return format_number(verb, value);
    default: break;
  }
  return fail(ErrorCode::invalid, std::string("unknown verb %") + verb.letter);
}

}  // namespace

Result<std::string> format_values(std::string_view pattern, std::span<const Value> values) {
  std::string out;
  size_t used = 0;
  for (size_t at = 0; at < pattern.size();) {
    if (pattern[at] != '%') {
      out += pattern[at++];
      continue;
    }
    ++at;
    auto verb = read_verb(pattern, at);
    if (!verb) return fail(verb.error());
    if (verb->letter == '%') {
      out += '%';
      continue;
    }
    if (used >= values.size()) return fail(ErrorCode::invalid, "the pattern asks for more values than are given");
    auto text = format_one(*verb, values[used++]);
    if (!text) return text;
    out += *text;
    if (auto fits = within_text_limit(out.size()); !fits) return fail(fits.error());
  }
  if (used < values.size()) return fail(ErrorCode::invalid, "more values are given than the pattern uses");
  return out;
}

}  // namespace weir::scheduler::hcl

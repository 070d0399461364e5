#include "weir/scheduler/value.h"

#include <charconv>
#include <cmath>

namespace weir::scheduler {

Value Value::number(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it doubles skip whole numbers
  if (std::trunc(value) == value && std::fabs(value) <= kExact) return {static_cast<int64_t>(value)};
  Value out;
  out.store_ = value;
  return out;
}

std::string_view Value::kind() const {
  if (is_null()) return "null";
  if (is_bool()) return "bool";
  if (is_number()) return "number";
  if (is_string()) return "string";
  return is_list() ? "list" : "object";
}

double Value::as_number() const { return is_integer() ? static_cast<double>(as_integer()) : std::get<double>(store_); }

const Value* Value::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  auto found = as_object().find(key);
  return found == as_object().end() ? nullptr : &found->second;
}

std::string Value::to_text() const {
  if (is_string()) return as_string();
  if (is_bool()) return as_bool() ? "true" : "false";
  if (is_integer()) return std::to_string(as_integer());
  if (!is_number()) return "";
  // 352: the longest fixed form of a double has 309 digits before the point, and charconv's shortest adds at most 17.
  char text[352];
  auto end = std::to_chars(text, text + sizeof text, as_number(), std::chars_format::fixed).ptr;
  return {text, end};
}

Value::Object merged_object(const Value& value) {
  if (value.is_object()) return value.as_object();
  Value::Object out;
  if (!value.is_list()) return out;
  for (const Value& item : value.as_list()) {
    if (!item.is_object()) continue;
    for (const auto& [key, member] : item.as_object()) out[key] = member;
  }
  return out;
}

}  // namespace weir::scheduler

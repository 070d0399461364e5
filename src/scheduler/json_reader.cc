#include "scheduler/json_reader.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "weir/base/clock.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";
constexpr int64_t kSecondNs = 1'000'000'000;

std::optional<int64_t> digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return std::nullopt;
  auto value = parse_u64(text.substr(at, count));
  if (!value) return std::nullopt;
  return static_cast<int64_t>(*value);
}

/// Days since 1970-01-01 of a date in the Gregorian calendar: counts years from March so that leap days come last.
int64_t days_from_date(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2 ? 1 : 0;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

}  // namespace

std::optional<int64_t> parse_rfc3339_ns(std::string_view text) {
  if (text == kZeroTime) return 0;
  auto year = digits(text, 0, 4);
  auto month = digits(text, 5, 2);
  auto day = digits(text, 8, 2);
  auto hour = digits(text, 11, 2);
  auto minute = digits(text, 14, 2);
  auto second = digits(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  bool in_range =
      *month >= 1 && *month <= 12 && *day >= 1 && *day <= 31 && *hour <= 23 && *minute <= 59 && *second <= 60;
  // Nanoseconds since 1970 in 64 bits end in 2262.
  if (!in_range || *year < 1970 || *year > 2261) return std::nullopt;
  size_t at = 19;
  int64_t fraction_ns = 0;
  if (at < text.size() && text[at] == '.') {
    int64_t unit = kSecondNs / 10;
    size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      fraction_ns += (text[at] - '0') * unit;
    if (at == first) return std::nullopt;
  }
  std::string_view zone = text.substr(at);
  int64_t offset_s = 0;
  if (zone != "Z" && zone != "z") {
    auto zone_hour = digits(zone, 1, 2);
    auto zone_minute = digits(zone, 4, 2);
    if (zone.size() != 6 || !zone_hour || !zone_minute || zone[3] != ':' || (zone[0] != '+' && zone[0] != '-')) {
      return std::nullopt;
    }
    offset_s = (*zone_hour * 60 + *zone_minute) * 60 * (zone[0] == '-' ? -1 : 1);
  }
  int64_t seconds = days_from_date(*year, *month, *day) * 86'400 + *hour * 3'600 + *minute * 60 + *second - offset_s;
  return seconds * kSecondNs + fraction_ns;
}

std::string time_text(int64_t ns) { return ns == 0 ? std::string(kZeroTime) : format_rfc3339(ns); }

std::string json_text(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

JsonReader::JsonReader(const nlohmann::json& json, std::string path) : json_(json), path_(std::move(path)) {
  if (!json_.is_object()) error_ = path_ + ": expected an object";
}

const nlohmann::json* JsonReader::find(const char* name) const {
  if (!json_.is_object()) return nullptr;
  auto it = json_.find(name);
  return it == json_.end() || it->is_null() ? nullptr : &*it;
}

void JsonReader::wrong(const std::string& name, std::string_view expected) {
  if (error_) return;
  error_ = (path_.empty() ? name : path_ + "." + name) + ": expected " + std::string(expected);
}

Status JsonReader::status() const {
  if (error_) return fail(ErrorCode::invalid, *error_);
  return {};
}

void JsonReader::absorb(const JsonReader& inner) {
  if (!error_) error_ = inner.error_;
}

void JsonReader::text(const char* name, std::string& out) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_string()) return wrong(name, "a string");
  out = value->get_ref<const std::string&>();
}

void JsonReader::boolean(const char* name, bool& out) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_boolean()) return wrong(name, "true or false");
  out = value->get<bool>();
}

void JsonReader::optional_boolean(const char* name, std::optional<bool>& out) {
  if (find(name) == nullptr) return;
  bool value = false;
  boolean(name, value);
  out = value;
}

template <typename T>
void JsonReader::whole_number(const char* name, T& out, std::string_view expected) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_number_integer()) return wrong(name, expected);
  if (value->is_number_unsigned()) {
    auto number = value->get<uint64_t>();
    if (number > static_cast<uint64_t>(std::numeric_limits<T>::max())) return wrong(name, expected);
    out = static_cast<T>(number);
    return;
  }
  auto number = value->get<int64_t>();
  if (number < 0 && std::numeric_limits<T>::min() == 0) return wrong(name, expected);
  if (number < static_cast<int64_t>(std::numeric_limits<T>::min())) return wrong(name, expected);
  out = static_cast<T>(number);
}

void JsonReader::integer(const char* name, int64_t& out) { whole_number(name, out, "an integer"); }
void JsonReader::integer(const char* name, int32_t& out) { whole_number(name, out, "an integer of 32 bits"); }
void JsonReader::integer(const char* name, uint64_t& out) { whole_number(name, out, "an integer, not negative"); }
void JsonReader::port(const char* name, uint16_t& out) { whole_number(name, out, "a port number"); }

void JsonReader::number(const char* name, double& out) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_number()) return wrong(name, "a number");
  out = value->get<double>();
}

void JsonReader::time(const char* name, int64_t& out_ns) {
  const auto* value = find(name);
  if (value == nullptr) return;
  auto parsed = value->is_string() ? parse_rfc3339_ns(value->get_ref<const std::string&>()) : std::nullopt;
  if (!parsed) return wrong(name, "a time such as 2026-01-02T15:04:05Z");
  out_ns = *parsed;
}

void JsonReader::texts(const char* name, std::vector<std::string>& out) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_array()) return wrong(name, "a list of strings");
  out.clear();
  for (const auto& item : *value) {
    if (!item.is_string()) return wrong(name, "a list of strings");
    out.push_back(item.get_ref<const std::string&>());
  }
}

void JsonReader::text_map(const char* name, std::map<std::string, std::string>& out) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_object()) return wrong(name, "an object of strings");
  out.clear();
  for (const auto& [key, item] : value->items()) {
    if (!item.is_string()) return wrong(name, "an object of strings");
    out[key] = item.get_ref<const std::string&>();
  }
}

void JsonReader::integer_map(const char* name, std::map<std::string, int64_t>& out) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_object()) return wrong(name, "an object of integers");
  out.clear();
  for (const auto& [key, item] : value->items()) {
    if (!item.is_number_integer()) return wrong(name, "an object of integers");
    out[key] = item.get<int64_t>();
  }
}

void JsonReader::number_map(const char* name, std::map<std::string, double>& out) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_object()) return wrong(name, "an object of numbers");
  out.clear();
  for (const auto& [key, item] : value->items()) {
    if (!item.is_number()) return wrong(name, "an object of numbers");
    out[key] = item.get<double>();
  }
}

void JsonReader::each(const char* name, const ReadElement& read) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_array()) return wrong(name, "a list");
  for (size_t i = 0; i < value->size(); ++i) {
    JsonReader inner((*value)[i], (path_.empty() ? "" : path_ + ".") + name + "[" + std::to_string(i) + "]");
    if (inner.status()) read(inner);
    absorb(inner);
  }
}

void JsonReader::each_member(const char* name, const ReadMember& read) {
  const auto* value = find(name);
  if (value == nullptr) return;
  if (!value->is_object()) return wrong(name, "an object");
  for (const auto& [key, item] : value->items()) {
    JsonReader inner(item, (path_.empty() ? "" : path_ + ".") + name + "." + key);
    if (inner.status()) read(key, inner);
    absorb(inner);
  }
}

void JsonReader::object(const char* name, const ReadElement& read) {
  const auto* value = find(name);
  if (value == nullptr) return;
  JsonReader inner(*value, (path_.empty() ? "" : path_ + ".") + name);
  if (inner.status()) read(inner);
  absorb(inner);
}

}  // namespace weir::scheduler

#include "provider/json_answer.h"

#include <algorithm>

#include "provider/json_scan.h"

namespace weir::provider {

using nlohmann::json;

tl::unexpected<Error> malformed(std::string what) { return fail(ErrorCode::invalid, "answer: " + std::move(what)); }
tl::unexpected<Error> too_many(std::string_view what, size_t limit) {
  return fail(ErrorCode::too_large, "answer: more than " + std::to_string(limit) + " " + std::string(what));
}

/// Counted before the parser sees it: a tree is built of what is parsed, and a nested one costs far more than its text.
static bool too_deep(std::string_view text) {
  JsonScan scan;
  return std::any_of(text.begin(), text.end(), [&](char c) {
    scan.take(c);
    return scan.depth() > AnswerLimits::kDepthMax;
  });
}

Result<json> parse_answer(std::string_view body) {
  if (too_deep(body)) return too_many("levels", AnswerLimits::kDepthMax);
  json out = json::parse(body, nullptr, false);
  if (out.is_discarded()) return malformed("not JSON, or cut off (" + std::to_string(body.size()) + " bytes)");
  return out;
}

Result<json> parse_array(std::string_view body, size_t items_max, std::string_view what) {
  auto parsed = parse_answer(body);
  if (!parsed) return parsed;
  if (!parsed->is_array()) return malformed("expected an array of " + std::string(what));
  if (parsed->size() > items_max) return too_many(what, items_max);
  return parsed;
}

const json* member(const json& object, const char* key) {
  auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text_of(const json& value, std::string_view what) {
  if (!value.is_string()) return malformed(std::string(what) + " is no string");
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() > AnswerLimits::kTextBytesMax)
    return too_many("bytes in " + std::string(what), AnswerLimits::kTextBytesMax);
  return text;
}

Status read_text(const json& object, const char* key, std::string& out, bool required) {
  const json* value = member(object, key);
  if (value == nullptr) return required ? Status(malformed(std::string(key) + " is missing")) : Status();
  auto text = text_of(*value, key);
  if (!text) return fail(text.error());
  if (required && text->empty()) return malformed(std::string(key) + " is empty");
  out = std::move(*text);
  return {};
}

Status read_texts(const json* list, std::string_view what, std::vector<std::string>& out) {
  if (list == nullptr) return {};
  if (!list->is_array()) return malformed(std::string(what) + " is no array");
  out.reserve(list->size());
  for (const json& item : *list) {
    if (!item.is_string()) return malformed(std::string(what) + " is no string");
    out.push_back(item.get<std::string>());
  }
  return {};
}

Status read_number(const json& object, const char* key, int64_t least, int64_t most, int64_t& out) {
  const json* value = member(object, key);
  if (value == nullptr) return {};
  if (!value->is_number_integer()) return malformed(std::string(key) + " is no whole number");
  if (value->is_number_unsigned()) {
    out = static_cast<int64_t>(std::min(value->get<uint64_t>(), static_cast<uint64_t>(most)));
    out = std::max(out, least);
  } else {
    out = std::clamp(value->get<int64_t>(), least, most);
  }
  return {};
}

}  // namespace weir::provider

#pragma once
// Members of a server's JSON answers, with a default where one is missing or of another type. For *_json.cc files.

#include <nlohmann/json.hpp>
#include <string>

#include "weir/base/result.h"

namespace weir::app {

inline Result<nlohmann::json> parse_json(const std::string& text) {
  auto document = nlohmann::json::parse(text, nullptr, false);
  if (document.is_discarded()) return fail(ErrorCode::invalid, "the server's answer is no JSON");
  return document;
}

/// A request's body. Arguments are whatever bytes a shell was given.
inline Result<std::string> to_body(const nlohmann::json& document) {
  try {
    return document.dump();
  } catch (const nlohmann::json::type_error&) {
    return fail(ErrorCode::invalid, "an argument is no UTF-8");
  }
}

inline const nlohmann::json& member(const nlohmann::json& object, const char* name) {
  static const nlohmann::json missing;
  if (!object.is_object()) return missing;
  auto found = object.find(name);
  return found == object.end() ? missing : *found;
}

inline std::string text_member(const nlohmann::json& object, const char* name, const std::string& otherwise = {}) {
  const auto& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : otherwise;
}

inline int64_t number_member(const nlohmann::json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_number() ? value.get<int64_t>() : 0;
}

inline bool flag_member(const nlohmann::json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_boolean() && value.get<bool>();
}

}  // namespace weir::app

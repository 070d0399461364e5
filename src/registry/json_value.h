#pragma once
// Reads JSON with the error texts of Go's decoder, which Consul's clients see and some match.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::registry {

struct JsonMember;  // a std::pair of an incomplete type does not compile with clang 14

/// A parsed value. Numbers keep their text, so that 64-bit integers stay exact.
struct JsonValue {
  enum class Kind : uint8_t { null, boolean, number, string, array, object };
  Kind kind = Kind::null;
  bool flag = false;
  std::string text;  // of a string, or of a number as written
  std::vector<JsonValue> items;
  std::vector<JsonMember> members;  // in order, duplicates kept

  [[nodiscard]] bool is_null() const { return kind == Kind::null; }
  /// The last member of that exact name, or nullptr.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;
  /// "string", "number", "bool", "array", "object": as Go names it in errors.
  [[nodiscard]] std::string_view kind_name() const;

  static constexpr size_t kDepthMax = 64;

  /// The first value in the text; as Go's decoder, does not look at what follows it. Error texts are Go's: "EOF",
  /// "unexpected EOF", "invalid character 'x' looking for beginning of value".
  static Result<JsonValue> parse(std::string_view text);
};

struct JsonMember {
  std::string name;
  JsonValue value;
};

}  // namespace weir::registry

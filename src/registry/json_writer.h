#pragma once
// Writes JSON as Go's encoder does, member by member, in the order called.

#include <concepts>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::registry {

/// A text in the making. Values follow keys inside an object; commas, line ends and indents come by themselves.
/// Pretty is four spaces and a final line end, as Consul's ?pretty.
class JsonWriter {
 public:
  explicit JsonWriter(bool pretty = false) : pretty_(pretty) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag) { return literal(flag ? "true" : "false"); }
  template <std::integral T>
  requires(!std::same_as<T, bool>) JsonWriter& value(T number) { return literal(std::to_string(number)); }
  JsonWriter& value(const std::vector<std::string>& texts);
  JsonWriter& value(const std::map<std::string, std::string>& texts);
  JsonWriter& null() { return literal("null"); }
  /// A number or word that is JSON already.
  JsonWriter& literal(std::string_view json);

  template <typename T>
  JsonWriter& member(std::string_view name, const T& content) {
    key(name);
    return value(content);
  }

  /// The finished text.
  [[nodiscard]] std::string take();

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void before_value();
  void new_line();

  const bool pretty_;
  std::string out_;
  std::vector<bool> has_items_;  // one a container that is open
  bool after_key_ = false;
};

/// With the quotes. Escapes as Go's encoder: < > & as \u003c, invalid UTF-8 as \ufffd.
void append_json_string(std::string& out, std::string_view text);

}  // namespace weir::registry

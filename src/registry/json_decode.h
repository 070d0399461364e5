#pragma once
// From parsed JSON to our structs, by Go's rules: names without case, null as absent, exact types, its error texts.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "registry/json_value.h"
#include "weir/base/result.h"

namespace weir::registry {

/// One member of an object being decoded, with the path Go would name in an error.
class Member {
 public:
  Member(std::string_view name, const JsonValue& value, std::string_view path)
      : name_(name), value_(value), path_(path) {}

  /// Compared without case.
  [[nodiscard]] bool is(std::string_view name) const;
  [[nodiscard]] bool is(std::string_view name, std::string_view alias) const { return is(name) || is(alias); }
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] const JsonValue& value() const { return value_; }
  /// ".Check.Interval"
  [[nodiscard]] std::string path() const;

  /// Each leaves `out` alone on null and fails on another type.
  Status read(std::string& out) const;
  Status read(bool& out) const;
  Status read(int64_t& out) const;
  Status read(uint64_t& out) const;
  Status read(std::vector<std::string>& out) const;
  Status read(std::map<std::string, std::string>& out) const;
  Status read(std::map<std::string, std::vector<std::string>>& out) const;
  /// A Go duration text, or a number of nanoseconds.
  Status read_duration(int64_t& out_ns) const;

  /// Accepts the member whatever it holds.
  static Status ignore() { return {}; }
  /// `json: unknown field "X"`
  [[nodiscard]] Status unknown() const;
  /// `json: cannot unmarshal string into Go struct field .Port of type int`
  [[nodiscard]] Status mismatch(std::string_view go_type) const;

 private:
  std::string_view name_;
  const JsonValue& value_;
  std::string_view path_;
};

using OnMember = std::function<Status(const Member&)>;

/// Calls for each member. Null is an empty object; anything else but an object fails. `path` is the object's own.
Status decode_members(const JsonValue& json, std::string_view path, const OnMember& on_member);
/// The same for the items of an array.
Status decode_items(const Member& array, std::string_view go_type,
                    const std::function<Status(const JsonValue&)>& on_item);

}  // namespace weir::registry

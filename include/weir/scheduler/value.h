#pragma once
// A JSON-like value: what an HCL expression yields, and what a task's driver config is made of.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weir::scheduler {

/// A plain value type. Objects are ordered by key, so equal values print the same. A number without a fraction that
/// fits is always held as an integer: 1.0 and 1 are the same value.
class Value {
 public:
  using List = std::vector<Value>;
  using Object = std::map<std::string, Value, std::less<>>;

  Value() = default;
  Value(bool value) : store_(value) {}                           // NOLINT(google-explicit-constructor)
  Value(int value) : store_(static_cast<int64_t>(value)) {}      // NOLINT(google-explicit-constructor)
  Value(int64_t value) : store_(value) {}                        // NOLINT(google-explicit-constructor)
  Value(const char* value) : store_(std::string(value)) {}       // NOLINT(google-explicit-constructor)
  Value(std::string_view value) : store_(std::string(value)) {}  // NOLINT(google-explicit-constructor)
  Value(std::string value) : store_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Value(List value) : store_(std::move(value)) {}                // NOLINT(google-explicit-constructor)
  Value(Object value) : store_(std::move(value)) {}              // NOLINT(google-explicit-constructor)
  /// An integer when `value` is whole and within +-2^53, else a fraction.
  static Value number(double value);

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(store_); }
  [[nodiscard]] bool is_bool() const { return std::holds_alternative<bool>(store_); }
  [[nodiscard]] bool is_integer() const { return std::holds_alternative<int64_t>(store_); }
  [[nodiscard]] bool is_number() const { return is_integer() || std::holds_alternative<double>(store_); }
  [[nodiscard]] bool is_string() const { return std::holds_alternative<std::string>(store_); }
  [[nodiscard]] bool is_list() const { return std::holds_alternative<List>(store_); }
  [[nodiscard]] bool is_object() const { return std::holds_alternative<Object>(store_); }
  /// "null", "bool", "number", "string", "list" or "object": for messages.
  [[nodiscard]] std::string_view kind() const;

  // Each requires that the value is of that kind.
  [[nodiscard]] bool as_bool() const { return std::get<bool>(store_); }
  [[nodiscard]] int64_t as_integer() const { return std::get<int64_t>(store_); }
  [[nodiscard]] double as_number() const;
  [[nodiscard]] const std::string& as_string() const { return std::get<std::string>(store_); }
  [[nodiscard]] const List& as_list() const { return std::get<List>(store_); }
  [[nodiscard]] List& as_list() { return std::get<List>(store_); }
  [[nodiscard]] const Object& as_object() const { return std::get<Object>(store_); }
  [[nodiscard]] Object& as_object() { return std::get<Object>(store_); }

  /// The member of an object; nullptr when there is none or this is no object.
  [[nodiscard]] const Value* find(std::string_view key) const;
  /// A string as it is, a number in its shortest decimal form, a bool as true/false; "" for anything else.
  [[nodiscard]] std::string to_text() const;

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Object> store_;
};

/// Driver configs nest an object either as an object or, written as an HCL block, as a list with one object (or more,
/// which merge): this yields the merged object of either form, empty for anything else.
Value::Object merged_object(const Value& value);

}  // namespace weir::scheduler

#pragma once
// The log: one line an event, with key=value fields. Thread-safe. Log once, where the thing is handled.

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::log {

enum class Level : uint8_t { trace, debug, info, warn, error, off };

/// One key=value of a line. The value is rendered at once, so build fields only for lines that are written.
struct Field {
  std::string_view key;
  std::string value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Field(std::string_view k, T v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, const Error& v) : key(k), value(v.text()) {}
};
using Fields = std::initializer_list<Field>;

enum class Format : uint8_t { text, json };

/// Called once from main before threads start. Lines go to stderr.
void configure(Level level, Format format);
/// "debug" -> Level::debug.
Result<Level> parse_level(std::string_view text);
[[nodiscard]] bool enabled(Level level);

void write(Level level, std::string_view message, Fields fields);
inline void debug(std::string_view message, Fields fields = {}) { write(Level::debug, message, fields); }
inline void info(std::string_view message, Fields fields = {}) { write(Level::info, message, fields); }
inline void warn(std::string_view message, Fields fields = {}) { write(Level::warn, message, fields); }
inline void error(std::string_view message, Fields fields = {}) { write(Level::error, message, fields); }

}  // namespace weir::log

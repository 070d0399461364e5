// The only file that includes spdlog.

#include "weir/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>
#include <memory>

#include "weir/base/text.h"

namespace weir::log {
namespace {

std::atomic<Level> threshold{Level::info};
std::atomic<Format> line_format{Format::text};

spdlog::level::level_enum to_spdlog(Level level) { return static_cast<spdlog::level::level_enum>(level); }

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("weir", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::trace);  // the threshold above decides
    made->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
      out += escaped;
    } else {
      out += static_cast<char>(c);
    }
  }
  out += '"';
}

// A value is quoted when it could be mistaken for more than one field; control characters never reach the terminal.
void append_text_value(std::string& out, std::string_view value) {
  bool plain = !value.empty();
  for (unsigned char c : value) plain = plain && c > ' ' && c != '"' && c != '=' && c != '\\' && c != 0x7f;
  if (plain) {
    out += value;
  } else {
    append_json_string(out, value);
  }
}

}  // namespace

void configure(Level level, Format format) {
  threshold = level;
  line_format = format;
  sink().set_formatter(std::make_unique<spdlog::pattern_formatter>(
      format == Format::json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})" : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
      spdlog::pattern_time_type::utc));
}

Result<Level> parse_level(std::string_view text) {
  static constexpr std::string_view names[] = {"trace", "debug", "info", "warn", "error", "off"};
  for (size_t i = 0; i < std::size(names); ++i) {
    if (equals_ignore_case(text, names[i])) return static_cast<Level>(i);
  }
  return fail(ErrorCode::invalid, "log level must be one of trace, debug, info, warn, error, off");
}

bool enabled(Level level) { return level >= threshold.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) return;
  std::string line;
  if (line_format == Format::json) {
    line += "\"message\":";
    append_json_string(line, message);
    for (const Field& field : fields) {
      line += ',';
      append_json_string(line, field.key);
      line += ':';
      append_json_string(line, field.value);
    }
  } else {
    line += message;
    for (const Field& field : fields) {
      line += ' ';
      line += field.key;
      line += '=';
      append_text_value(line, field.value);
    }
  }
  sink().log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace weir::log

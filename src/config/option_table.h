#pragma once
// The option table: one row an option. Parsing, checks and conf/weir.toml are loops over it. The rows are in the
// *_options.cc beside it.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "weir/config/config.h"

namespace weir::config {

/// Where an option's value goes. The type says what the option takes.
using Slot = std::variant<std::string*, uint32_t*, bool*, std::vector<std::string>*, SocketAddress*,
                          std::optional<SocketAddress>*, std::vector<Cidr>*, log::Level*, log::Format*,
                          AccessLogFormat*, FieldMode*, std::vector<StatusRange>*, Consistency*>;

/// What a text, or each text of a list, must look like beyond its type.
enum class Shape : uint8_t {
  any,
  one_of,  // one of `choices`; an enum slot gets the position in `choices` as its value
  path,    // relative to the folder of the configuration file
  url,     // http or https
};

struct Option {
  std::string_view key;       // "limits.head_bytes_max"; "*" stands for an entry point's name
  std::string_view fallback;  // the default as TOML; "" means it must be given
  std::string_view shipped;   // the value in conf/weir.toml where that differs; "" the default
  uint32_t min;               // of numbers
  uint32_t max;
  Shape shape;
  std::string_view choices;                                     // separated by |
  std::string_view help;                                        // sentences; no line breaks
  Slot (*slot)(Config& config, EntryPointConfig& entry_point);  // the second is used by entrypoints.* rows only
};

std::span<const Option> option_table();

/// "a whole number, 1 to 600", "one of off, common, json", ... for messages and help.
std::string describe_type(const Option& option);

}  // namespace weir::config

#pragma once
// How the rows of the option table are written, shorter; and the parts that the table is put together from, each in a
// file of its own. For those files only.

#include <limits>
#include <span>
#include <string_view>

#include "config/option_table.h"

namespace weir::config {

/// In this order: that of conf/weir.toml.
std::span<const Option> entry_point_options();
std::span<const Option> provider_options();
std::span<const Option> log_options();
std::span<const Option> request_options();

constexpr uint32_t kDay_ms = 86'400'000;
constexpr uint32_t kMebibyte = 1024 * 1024;
constexpr uint32_t kAnyNumber = std::numeric_limits<uint32_t>::max();

// Rows that say the same thing shorter: a text, a list, a number with its limits, one of some words.
#define SLOT(field) [](Config& c, EntryPointConfig&) -> Slot { return &c.field; }
#define ENTRY_SLOT(field) [](Config&, EntryPointConfig& e) -> Slot { return &e.field; }

constexpr Option number(std::string_view key, std::string_view fallback, uint32_t min, uint32_t max,
                        std::string_view help, Slot (*slot)(Config&, EntryPointConfig&)) {
  return {key, fallback, "", min, max, Shape::any, "", help, slot};
}
constexpr Option value(std::string_view key, std::string_view fallback, std::string_view shipped, Shape shape,
                       std::string_view help, Slot (*slot)(Config&, EntryPointConfig&)) {
  return {key, fallback, shipped, 0, 0, shape, "", help, slot};
}
constexpr Option choice(std::string_view key, std::string_view fallback, std::string_view choices,
                        std::string_view help, Slot (*slot)(Config&, EntryPointConfig&)) {
  return {key, fallback, "", 0, 0, Shape::one_of, choices, help, slot};
}

}  // namespace weir::config

#pragma once
// What client subcommands print: aligned columns and key/value lists.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weir::app {

/// Rows of cells, the first one the heading; columns two blanks apart.
std::string columns(const std::vector<std::vector<std::string>>& rows);
/// "ID    = web" lines, the equal signs below each other.
std::string key_values(const std::vector<std::pair<std::string, std::string>>& pairs);
/// The first eight characters of an id, or all of it.
std::string short_id(const std::string& id, bool whole);
/// "2026-11-21T10:00:00Z" in UTC from nanoseconds; "-" for 0.
std::string time_text(int64_t wall_ns);
/// "3m12s ago".
std::string ago_text(int64_t wall_ns);

}  // namespace weir::app

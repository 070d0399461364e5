#pragma once
// What client subcommands print: aligned columns and key/value lists.

#include <cstdint>
#include <string>
#include <string_view>
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

/// The end of a text: that many lines of it, of which the last one may be unfinished.
std::string_view last_lines(std::string_view text, uint64_t lines);
/// What a command has printed goes out. Its exit code, or 1 where not all of it could be written.
int flush_output(int code);

}  // namespace weir::app

#pragma once
// fabio's patterns for hosts and paths, as regular expressions.

#include <string>
#include <string_view>

namespace weir::routing {

/// Whether a text has any of `*?[{`, which make it a pattern.
[[nodiscard]] bool is_glob(std::string_view text);

/// What matches that text alone, to put into a regular expression.
[[nodiscard]] std::string regexp_literal(std::string_view text);

/// The pattern as an anchored RE2 text: `*` any characters, dots and slashes too, `?` one, `[a-z]` and `[!a-z]` one of
/// a class (`^` is a character in it), `{a,b}` one of some, `\` the next character as it is. "" where it is no pattern:
/// brackets that do not close.
[[nodiscard]] std::string glob_to_regexp(std::string_view glob);

}  // namespace weir::routing

#pragma once
// What a regular expression says plainly of the texts it matches, for who compares rules. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace weir::routing {

/// What is in every text that the expression matches.
struct RegexpLiterals {
  std::string prefix;             // what it begins with; "": that is not said
  std::vector<std::string> runs;  // what it holds in one piece each, the prefix too; in order
};

/// Less than there is where the expression is not plain: alternatives, groups and flags say nothing.
[[nodiscard]] RegexpLiterals literals_of_regexp(std::string_view pattern);

/// Why no host can match that expression; "": one may. A host is lower case and has no port.
[[nodiscard]] std::string why_no_host_matches(std::string_view pattern);

/// The same of paths, which begin with a slash and have no query.
[[nodiscard]] std::string why_no_path_matches(std::string_view pattern);

}  // namespace weir::routing

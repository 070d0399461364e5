#pragma once
// The short form of a rule: hosts and paths as lists. For tags and routes files.

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::routing {

/// "(Host(`a`) || Host(`b`))" of "Host" and its values; "" of none.
[[nodiscard]] std::string any_of_term(std::string_view matcher, const std::vector<std::string>& values);

/// The rule that all of the lists hold, each by one of its values; empty lists ask for nothing. An error where a value
/// is no host or path, or all lists are empty.
Result<std::string> short_rule(const std::vector<std::string>& hosts, const std::vector<std::string>& path_prefixes,
                               const std::vector<std::string>& paths);

}  // namespace weir::routing

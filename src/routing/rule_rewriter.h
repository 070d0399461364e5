#pragma once
// Other rule languages, told in ours: Traefik's of version 2, and constraints on tags. Pure.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "routing/expression.h"
#include "weir/base/result.h"

namespace weir::routing {

/// A rule of Traefik v2 (ruleSyntax=v2) as one of v3: several values to a matcher, {name:regexp} in hosts, paths and
/// queries, Headers and HeadersRegexp. Errors name the column.
Result<std::string> rule_of_v2(std::string_view text);

/// Traefik's constraints: Tag(`x`) and TagRegex(`re`), joined as matchers are. Holds or not for a list of tags.
class Constraints {
 public:
  /// "": always holds.
  static Result<Constraints> parse(std::string_view text);
  [[nodiscard]] bool hold(const std::vector<std::string>& tags) const;

 private:
  std::shared_ptr<const Expression> expression_;  // in which a tag is a header of that name; null: always
};

}  // namespace weir::routing

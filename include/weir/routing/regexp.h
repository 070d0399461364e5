#pragma once
// A compiled regular expression. Go's are RE2's, so rules written for Traefik mean the same here.

#include <memory>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace re2 {
class RE2;
}

namespace weir::routing {

/// Cheap to copy: copies share the automaton. Any thread (const); matching may allocate and takes RE2's own lock,
/// because RE2 builds its automaton while it reads. A default-made one matches nothing.
class Regexp {
 public:
  static Result<Regexp> compile(std::string_view pattern);
  /// Unanchored and case-sensitive. A byte that is no UTF-8 is any character, as in Go.
  [[nodiscard]] bool matches(std::string_view text) const;
  /// The first match, a part of `text`; nothing of length 0 at its end where there is none.
  [[nodiscard]] std::string_view find(std::string_view text) const;
  /// Every match replaced as Go's ReplaceAllString does: $1, ${1} and ${name} are groups, $$ is a dollar, and a group
  /// that is not there is "".
  [[nodiscard]] std::string replace_all(std::string_view text, std::string_view replacement) const;
  /// Equal patterns are equal.
  bool operator==(const Regexp& other) const;

 private:
  std::shared_ptr<const re2::RE2> automaton_;
};

}  // namespace weir::routing

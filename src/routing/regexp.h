#pragma once
// A compiled regular expression. Go's are RE2's, so rules written for Traefik mean the same here.

#include <memory>
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
  /// Unanchored and case-sensitive.
  [[nodiscard]] bool matches(std::string_view text) const;
  /// Equal patterns are equal.
  bool operator==(const Regexp& other) const;

 private:
  std::shared_ptr<const re2::RE2> automaton_;
};

}  // namespace weir::routing

#pragma once
// Cuts a rule's text into tokens. Private to the parser.

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::routing {

struct RuleToken {
  enum class Kind : uint8_t { name, text, open, close, comma, both, either, negate, end };
  Kind kind = Kind::end;
  std::string text = {};  // of a name; of a text, without its quotes and with its escapes resolved
  size_t column = 0;      // from 1
};

/// An error about a rule: "column 12: expected `)`".
[[nodiscard]] tl::unexpected<Error> fail_at(size_t column, const std::string& message);

class RuleLexer {
 public:
  explicit RuleLexer(std::string_view text) : text_(text) {}
  /// The next token; of kind end when there are no more, again and again.
  Result<RuleToken> next();

 private:
  Status skip_blanks();  // and comments, which are Go's
  Result<RuleToken> quoted(char quote);
  /// What stands behind a backslash, as Go reads it.
  Status append_escaped(std::string& to);
  Result<RuleToken> symbol();

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace weir::routing

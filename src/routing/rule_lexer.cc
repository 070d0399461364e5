#include "routing/rule_lexer.h"

#include "weir/base/text.h"

namespace weir::routing {

namespace {
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
}  // namespace

tl::unexpected<Error> fail_at(size_t column, const std::string& message) {
  Error error{ErrorCode::invalid, "column " + std::to_string(column) + ": " + message};
  error.column = static_cast<uint32_t>(column);
  return fail(std::move(error));
}

Result<RuleToken> RuleLexer::next() {
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  RuleToken token;
  token.column = at_ + 1;
  if (at_ == text_.size()) return token;
  char c = text_[at_];
  if (c == '`' || c == '"') return quoted(c);
  if (!is_letter(c)) return symbol();
  token.kind = RuleToken::Kind::name;
  while (at_ < text_.size() && is_letter(text_[at_])) token.text += text_[at_++];
  return token;
}

Result<RuleToken> RuleLexer::quoted(char quote) {
  RuleToken token{RuleToken::Kind::text, {}, at_ + 1};
  ++at_;
  while (at_ < text_.size() && text_[at_] != quote) {
    char c = text_[at_++];
    // Between backticks everything is literal, as in Go.
    if (quote == '"' && c == '\\') {
      char escaped = at_ < text_.size() ? text_[at_++] : '\0';
      switch (escaped) {
        case '\\':
        case '"': c = escaped; break;
        case 'n': c = '\n'; break;
        case 't': c = '\t'; break;
        case 'r': c = '\r'; break;
        default: return fail_at(at_ - 1, "unknown escape; use backticks for text with backslashes");
      }
    }
    token.text += c;
  }
  if (at_ == text_.size()) return fail_at(token.column, std::string("no closing ") + quote);
  ++at_;
  return token;
}

Result<RuleToken> RuleLexer::symbol() {
  RuleToken token{RuleToken::Kind::end, {}, at_ + 1};
  std::string_view rest = text_.substr(at_);
  size_t bytes = 1;
  switch (rest.front()) {
    case '(': token.kind = RuleToken::Kind::open; break;
    case ')': token.kind = RuleToken::Kind::close; break;
    case ',': token.kind = RuleToken::Kind::comma; break;
    case '!': token.kind = RuleToken::Kind::negate; break;
    case '&':
    case '|':
      if (rest.size() < 2 || rest[1] != rest[0]) {
        return fail_at(token.column, rest.front() == '&' ? "expected `&&`" : "expected `||`");
      }
      token.kind = rest.front() == '&' ? RuleToken::Kind::both : RuleToken::Kind::either;
      bytes = 2;
      break;
    default: return fail_at(token.column, "unexpected character");
  }
  at_ += bytes;
  return token;
}

}  // namespace weir::routing

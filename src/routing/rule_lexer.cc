#include "routing/rule_lexer.h"

#include <algorithm>
#include <charconv>

#include "weir/base/text.h"
#include "weir/base/utf8.h"

namespace weir::routing {

namespace {
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
}  // namespace

tl::unexpected<Error> fail_at(size_t column, const std::string& message) {
  Error error{ErrorCode::invalid, "column " + std::to_string(column) + ": " + message};
  error.column = static_cast<uint32_t>(column);
  return fail(std::move(error));
}

Status RuleLexer::skip_blanks() {
  while (at_ < text_.size()) {
    const std::string_view rest = text_.substr(at_);
    if (is_blank(rest.front())) {
      ++at_;
    } else if (rest.starts_with("//")) {
      at_ += std::min(rest.find('\n'), rest.size());
    } else if (rest.starts_with("/*")) {
      const size_t end = rest.find("*/", 2);
      if (end == std::string_view::npos) return fail_at(at_ + 1, "no closing */");
      at_ += end + 2;
    } else {
      break;
    }
  }
  return {};
}

Result<RuleToken> RuleLexer::next() {
  if (Status skipped = skip_blanks(); !skipped) return fail(skipped.error());
  RuleToken token;
  token.column = at_ + 1;
  if (at_ == text_.size()) return token;
  char c = text_[at_];
  if (c == '`' || c == '"') return quoted(c);
  if (!is_letter(c)) return symbol();
  token.kind = RuleToken::Kind::name;
  const size_t begin = at_;
  while (at_ < text_.size() && is_letter(text_[at_])) ++at_;
  token.text = text_.substr(begin, at_ - begin);
  return token;
}

Result<RuleToken> RuleLexer::quoted(char quote) {
  RuleToken token{RuleToken::Kind::text, {}, at_ + 1};
  ++at_;
  // Between backticks everything is literal, as in Go.
  const size_t plain = std::min(text_.find_first_of(quote == '"' ? "\"\\" : "`", at_), text_.size()) - at_;
  token.text = text_.substr(at_, plain);
  at_ += plain;
  while (at_ < text_.size() && text_[at_] != quote) {
    char c = text_[at_++];
    if (c == '\\') {
      if (Status read = append_escaped(token.text); !read) return fail(read.error());
      continue;
    }
    token.text += c;
  }
  if (at_ == text_.size()) return fail_at(token.column, std::string("no closing ") + quote);
  ++at_;
  return token;
}

Status RuleLexer::append_escaped(std::string& to) {
  // In the order of their letters: a, b, f, n, r, t, v, the backslash and the quote.
  constexpr std::string_view kLetters = "abfnrtv\\\"";
  constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\\\"";
  const size_t column = at_;
  const char letter = at_ < text_.size() ? text_[at_++] : '\0';
  if (const size_t known = kLetters.find(letter); known != std::string_view::npos) {
    to += kMeant[known];
    return {};
  }
  const bool octal = letter >= '0' && letter <= '3';
  const size_t digits = octal ? 3 : letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
  const std::string_view number = text_.substr(octal ? at_ - 1 : at_, digits);
  uint32_t code = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), code, octal ? 8 : 16);
  const bool read = digits > 0 && number.size() == digits && error == std::errc() && end == number.data() + digits;
  const bool is_byte = octal || letter == 'x';
  if (!read || code > 0x10ffff || (!is_byte && code >= 0xd800 && code < 0xe000)) {
    return fail_at(column, "unknown escape; use backticks for text with backslashes");
  }
  at_ += octal ? digits - 1 : digits;
  if (is_byte) {
    to += static_cast<char>(code);
  } else {
    append_utf8(to, code);
  }
  return {};
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

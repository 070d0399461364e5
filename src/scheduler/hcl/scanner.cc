#include "scheduler/hcl/scanner.h"

#include <utility>

#include "weir/base/utf8.h"

namespace weir::scheduler::hcl {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Bytes of UTF-8 sequences count as letters: HCL names may be written in any script.
bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool continues_name(char c) { return begins_name(c) || is_digit(c) || c == '-'; }

constexpr std::string_view kPunctuation[] = {"...", "==", "!=", "<=", ">=", "&&", "||", "=>", "{", "}",
                                             "[",   "]",  "(",  ")",  ",",  ":",  "=",  "?",  ".", "<",
                                             ">",   "+",  "-",  "*",  "/",  "%",  "!",  "~"};

}  // namespace

Token Scanner::next() {
  uint32_t before = offset_;
  if (!skip_blanks()) return invalid(before, "This comment does not end: */ is missing");
  if (offset_ >= text_.size()) return Token{TokenKind::end, offset_, offset_};
  char c = text_[offset_];
  if (c == '\n') {
    ++offset_;
    return Token{TokenKind::newline, offset_ - 1, offset_};
  }
  if (c == '"') {
    ++offset_;
    return Token{TokenKind::quote, offset_ - 1, offset_};
  }
  if (begins_name(c)) return identifier();
  if (is_digit(c)) return number();
  if (c == '<' && at(offset_ + 1) == '<') return heredoc();
  return punctuation();
}

bool Scanner::skip_blanks() {
  while (offset_ < text_.size()) {
    char c = text_[offset_];
    if (c == ' ' || c == '\t' || c == '\r') {
      ++offset_;
    } else if (c == '#' || (c == '/' && at(offset_ + 1) == '/')) {
      size_t line_end = text_.find('\n', offset_);  // the newline itself still ends the statement
      offset_ = static_cast<uint32_t>(line_end == std::string_view::npos ? text_.size() : line_end);
    } else if (c == '/' && at(offset_ + 1) == '*') {
      size_t close = text_.find("*/", offset_ + 2);
      if (close == std::string_view::npos) return false;
      offset_ = static_cast<uint32_t>(close + 2);
    } else {
      return true;
    }
  }
  return true;
}

Token Scanner::identifier() {
  uint32_t begin = offset_;
  while (offset_ < text_.size() && continues_name(text_[offset_])) {
    const size_t bytes = utf8_length(text_.substr(offset_));
    if (bytes == 0) return invalid(offset_, std::string(kNoUtf8));
    offset_ += static_cast<uint32_t>(bytes);
  }
  return Token{TokenKind::identifier, begin, offset_, std::string(source_.slice(begin, offset_))};
}

Token Scanner::number() {
  uint32_t begin = offset_;
  while (is_digit(at(offset_))) ++offset_;
  if (at(offset_) == '.' && is_digit(at(offset_ + 1))) {
    ++offset_;
    while (is_digit(at(offset_))) ++offset_;
  }
  if (at(offset_) == 'e' || at(offset_) == 'E') {
    uint32_t exponent = offset_ + 1;
    if (at(exponent) == '+' || at(exponent) == '-') ++exponent;
    if (is_digit(at(exponent))) {
      offset_ = exponent;
      while (is_digit(at(offset_))) ++offset_;
    }
  }
  if (begins_name(at(offset_))) {
    return invalid(begin, "A number ends in a letter here; put quotes around text such as \"10s\" or \"128mb\"");
  }
  return Token{TokenKind::number, begin, offset_, std::string(source_.slice(begin, offset_))};
}

Token Scanner::heredoc() {
  uint32_t begin = offset_;
  offset_ += 2;
  bool flush = at(offset_) == '-';
  if (flush) ++offset_;
  uint32_t marker = offset_;
  while (offset_ < text_.size() && continues_name(text_[offset_])) ++offset_;
  if (offset_ == marker) return invalid(begin, "A name must follow << directly, as in <<EOF");
  std::string name(source_.slice(marker, offset_));
  if (at(offset_) != '\n') return invalid(begin, "The text of <<" + name + " must begin on a new line");
  ++offset_;
  return Token{TokenKind::heredoc, begin, offset_, std::move(name), flush};
}

Token Scanner::punctuation() {
  std::string_view rest = text_.substr(offset_);
  for (std::string_view mark : kPunctuation) {
    if (!rest.starts_with(mark)) continue;
    uint32_t begin = offset_;
    offset_ += static_cast<uint32_t>(mark.size());
    return Token{TokenKind::punctuation, begin, offset_, std::string(mark)};
  }
  uint32_t begin = offset_++;
  if (rest[0] == '\'') return invalid(begin, "Single quotes do not quote here; use \"...\"");
  if (rest[0] == '\0') return invalid(begin, "A zero byte is no text");
  return invalid(begin, "Unexpected character '" + std::string(1, rest[0]) + "'");
}

Token Scanner::path_part() {
  skip_blanks();
  return identifier();
}

Token Scanner::invalid(uint32_t begin, std::string message) {
  return Token{TokenKind::invalid, begin, offset_, std::move(message)};
}

}  // namespace weir::scheduler::hcl

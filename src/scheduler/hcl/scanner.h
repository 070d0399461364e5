#pragma once
// Cuts HCL text into tokens, one at a time. Strings and heredocs are not tokens: the scanner stops after their opening
// and the parser reads the template inside, because expressions nest in it.

#include <cstdint>
#include <string>
#include <string_view>

#include "scheduler/hcl/source.h"

namespace weir::scheduler::hcl {

inline constexpr std::string_view kNoUtf8 = "These bytes are no UTF-8, in which job files are written";

enum class TokenKind : uint8_t {
  end,
  newline,
  identifier,
  number,
  quote,
  heredoc,
  punctuation,
  invalid,  // `text` is the message
};

struct Token {
  TokenKind kind = TokenKind::end;
  uint32_t begin = 0;  // offsets in the source
  uint32_t end = 0;
  std::string text = {};  // the identifier, the number, the punctuation; of a heredoc its marker
  bool flush = false;     // heredoc: `<<-`

  [[nodiscard]] bool is(std::string_view punctuation) const {
    return kind == TokenKind::punctuation && text == punctuation;
  }
};

class Scanner {
 public:
  explicit Scanner(const Source& source) : source_(source), text_(source.text()) {}

  /// The next token; blanks and comments before it are skipped. At the end of the text: `end`, again and again.
  Token next();
  /// After a '.': letters, digits, '_' and '-', so that attr.network.eth-0.0 is one path. "" when there is none.
  Token path_part();

  [[nodiscard]] uint32_t offset() const { return offset_; }
  void move_to(uint32_t offset) { offset_ = offset; }

 private:
  [[nodiscard]] char at(uint32_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
  bool skip_blanks();  // false: a comment does not end
  Token identifier();
  Token number();
  Token heredoc();
  Token punctuation();
  Token invalid(uint32_t begin, std::string message);

  const Source& source_;
  std::string_view text_;
  uint32_t offset_ = 0;
};

}  // namespace weir::scheduler::hcl

#include "config/toml_depth.h"

#include <algorithm>
#include <vector>

namespace weir::config {
namespace {

/// Goes through a text as TOML's lexer does: what is in strings and comments does not count.
class DepthScan {
 public:
  explicit DepthScan(std::string_view text) : text_(text) {}

  std::optional<TomlPlace> run() {
    while (at_ < text_.size()) {
      char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '#') {
        skip_to(std::min(text_.find('\n', at_), text_.size()));
        continue;
      }
      count(c);
      if (depth() > kTomlDepthMax) return place();
      skip_to(at_ + 1);
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] size_t depth() const { return outside_ + dots_; }

  void count(char c) {
    switch (c) {
      case '.': dots_ += in_value_ ? 0 : 1; return;
      case '=': in_value_ = true; return;
      case '\n':
      case ',': return begin();
      case '[':
      case '{':  // within the value of a dotted key
        open_.push_back(dots_);
        outside_ += dots_ + 1;
        return begin();
      case ']':
      case '}':
        if (open_.empty()) return;
        outside_ -= open_.back() + 1;
        open_.pop_back();
        return begin();
      default: return;
    }
  }

  /// A key or a value may come.
  void begin() {
    dots_ = 0;
    in_value_ = false;
  }

  void skip_string(char quote) {
    const char three[] = {quote, quote, quote};
    bool many_lines = text_.substr(at_).starts_with(std::string_view(three, 3));
    size_t at = at_ + (many_lines ? 3 : 1);
    for (; at < text_.size(); ++at) {
      if (text_[at] == '\n' && !many_lines) break;  // no string: an error of the text
      if (text_[at] == '\\' && quote == '"' && at + 1 < text_.size() && (many_lines || text_[at + 1] != '\n')) {
        ++at;
        continue;
      }
      if (text_[at] != quote) continue;
      if (!many_lines) {
        ++at;
        break;
      }
      if (!text_.substr(at).starts_with(std::string_view(three, 3))) continue;
      at += 3;
      for (int more = 0; more < 2 && at < text_.size() && text_[at] == quote; ++more) ++at;  // """a""" and up to two
      break;
    }
    skip_to(at);
  }

  void skip_to(size_t end) {
    for (; at_ < end && at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') {
        ++line_;
        line_begin_ = at_ + 1;
      }
    }
  }

  [[nodiscard]] TomlPlace place() const {
    auto letters =
        std::count_if(text_.begin() + static_cast<ptrdiff_t>(line_begin_), text_.begin() + static_cast<ptrdiff_t>(at_),
                      [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
    return {line_, static_cast<uint32_t>(letters) + 1};
  }

  std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 1;
  size_t line_begin_ = 0;
  size_t dots_ = 0;           // of the key, since the last bracket or comma
  bool in_value_ = false;     // where a dot is a number's
  size_t outside_ = 0;        // of all that is open around it
  std::vector<size_t> open_;  // what each bracket that is open has added, less itself
};

}  // namespace

std::optional<TomlPlace> too_deep(std::string_view text) { return DepthScan(text).run(); }

}  // namespace weir::config

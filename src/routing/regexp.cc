#include "weir/routing/regexp.h"

#include <re2/re2.h>

#include <algorithm>
#include <string>

#include "routing/regexp_class.h"
#include "weir/base/go_regexp.h"
#include "weir/base/utf8.h"

namespace weir::routing {

namespace {
// A pattern of 1,000 alternatives compiles to some 100 KiB; a table may hold thousands of rules.
constexpr int64_t kAutomatonBytesMax = 1 << 20;

// As Go reads a text: each byte that is no UTF-8 is U+FFFD, which `.` matches. RE2 matches nothing with such a byte.
constexpr std::string_view kUnreadable = "\xef\xbf\xbd";

size_t valid_bytes(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = utf8_length(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

/// A text as expressions see it. One that is UTF-8, as nearly all are, is seen where it lies.
class SeenText {
 public:
  explicit SeenText(std::string_view sent) : sent_(sent), is_made_(valid_bytes(sent) < sent.size()) {
    for (std::string_view rest = is_made_ ? sent : std::string_view(); !rest.empty();) {
      const size_t valid = valid_bytes(rest);
      made_ += rest.substr(0, valid);
      rest.remove_prefix(valid);
      if (rest.empty()) break;
      made_ += kUnreadable;
      rest.remove_prefix(1);
    }
  }

  [[nodiscard]] std::string_view text() const { return is_made_ ? std::string_view(made_) : sent_; }
  /// What was sent of a part of text().
  [[nodiscard]] std::string_view sent(size_t begin, size_t end) const {
    const size_t from = place(begin);
    return sent_.substr(from, place(end) - from);
  }

 private:
  [[nodiscard]] size_t place(size_t seen) const {
    if (!is_made_) return seen;
    size_t at = 0;
    for (size_t passed = 0; passed < seen && at < sent_.size();) {
      const size_t length = utf8_length(sent_.substr(at));
      passed += length > 0 ? length : kUnreadable.size();
      at += length > 0 ? length : 1;
    }
    return at;
  }

  std::string_view sent_;
  bool is_made_ = false;
  std::string made_;
};

/// (?<name>…), which Go takes and RE2 of Debian 12 does not know yet, is (?P<name>…).
std::string with_named_groups(std::string_view pattern) {
  if (pattern.find("(?<") == std::string_view::npos) return std::string(pattern);
  std::string out;
  for (size_t at = 0; at < pattern.size();) {
    const std::string_view rest = pattern.substr(at);
    if (rest.starts_with("(?<")) {
      out += "(?P<";
      at += 3;
      continue;
    }
    size_t end = at + 1;
    if (rest.starts_with("\\Q")) {
      end = std::min(pattern.find("\\E", at), pattern.size());
    } else if (rest.front() == '\\') {
      end = std::min(at + 2, pattern.size());
    } else if (rest.front() == '[') {
      end = class_end(pattern, at);
    }
    out += pattern.substr(at, end - at);
    at = end;
  }
  return out;
}

}  // namespace

Result<Regexp> Regexp::compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kAutomatonBytesMax);
  auto automaton = std::make_shared<const re2::RE2>(with_named_groups(pattern), options);
  if (!automaton->ok()) return fail(ErrorCode::invalid, "bad regular expression: " + automaton->error());
  Regexp out;
  out.automaton_ = std::move(automaton);
  return out;
}

// Two words in braces: RE2 takes its own StringPiece on Debian 12 and absl::string_view on 13, neither a std one.
bool Regexp::matches(std::string_view text) const {
  if (automaton_ == nullptr) return false;
  const SeenText sent(text);
  const std::string_view seen = sent.text();
  return re2::RE2::PartialMatch({seen.data(), seen.size()}, *automaton_);
}

std::string_view Regexp::find(std::string_view text) const {
  re2::StringPiece match[1];  // absl::string_view on Debian 13
  const SeenText sent(text);
  const std::string_view seen = sent.text();
  if (automaton_ == nullptr ||
      !automaton_->Match({seen.data(), seen.size()}, 0, seen.size(), re2::RE2::UNANCHORED, match, 1)) {
    return text.substr(text.size());
  }
  const auto begin = static_cast<size_t>(match[0].data() - seen.data());
  return sent.sent(begin, begin + match[0].size());
}

std::string Regexp::replace_all(std::string_view text, std::string_view replacement) const {
  if (automaton_ == nullptr) return std::string(text);
  const SeenText sent(text);
  const std::string_view seen = sent.text();
  auto sent_of = [&](const re2::StringPiece& part) {
    const auto begin = static_cast<size_t>(part.data() - seen.data());
    return sent.sent(begin, begin + part.size());
  };
  const RegexpReplacement pieces(replacement, *automaton_);
  std::string out;
  size_t copied = 0;  // of what is seen
  for_each_match(*automaton_, seen, [&](const RegexpGroups& groups) {
    const auto begin = static_cast<size_t>(groups[0].data() - seen.data());
    out += sent.sent(copied, begin);
    copied = begin + groups[0].size();
    pieces.append(groups, sent_of, out);
    return true;
  });
  return out += sent.sent(copied, seen.size());
}

bool Regexp::operator==(const Regexp& other) const {
  if (automaton_ == other.automaton_) return true;
  return automaton_ != nullptr && other.automaton_ != nullptr && automaton_->pattern() == other.automaton_->pattern();
}

}  // namespace weir::routing

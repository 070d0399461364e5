#include "weir/routing/regexp.h"

#include <re2/re2.h>

#include <algorithm>
#include <vector>

#include "weir/base/text.h"
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

/// Where the class ends that begins at `at`; the pattern's end where it does not.
size_t class_end(std::string_view pattern, size_t at) {
  at += pattern.substr(at).starts_with("[^") ? 2 : 1;
  if (at < pattern.size() && pattern[at] == ']') ++at;  // the first one is a member
  while (at < pattern.size() && pattern[at] != ']') {
    const size_t named_end = pattern.substr(at).starts_with("[:") ? pattern.find(":]", at + 2) : std::string_view::npos;
    at = named_end != std::string_view::npos ? named_end + 2 : at + (pattern[at] == '\\' ? 2 : 1);
  }
  return std::min(at + 1, pattern.size());
}

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

namespace {

using re2::StringPiece;  // its own on Debian 12, absl::string_view on 13

// Not into the middle of a character of UTF-8.
size_t next_character(std::string_view text, size_t at) {
  for (++at; at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;) ++at;
  return at;
}

bool is_word(char c) { return (c >= '0' && c <= '9') || c == '_' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'); }

/// A replacement, piece by piece: text, or the name of a group.
struct Piece {
  std::string_view text;
  bool group = false;
};

// Go's Regexp.Expand. A dollar that begins nothing stands for itself.
std::vector<Piece> split_replacement(std::string_view text) {
  std::vector<Piece> out;
  while (!text.empty()) {
    size_t dollar = text.find('$');
    if (dollar != 0) {
      out.push_back({text.substr(0, dollar)});
      text.remove_prefix(std::min(dollar, text.size()));
      continue;
    }
    bool braced = text.substr(1).starts_with('{');
    size_t begin = braced ? 2 : 1;
    size_t end = begin;
    while (end < text.size() && is_word(text[end])) ++end;
    bool named = end > begin && (!braced || (end < text.size() && text[end] == '}'));
    if (named) {
      out.push_back({text.substr(begin, end - begin), true});
      text.remove_prefix(end + (braced ? 1 : 0));
    } else {
      out.push_back({text.substr(0, 1)});
      text.remove_prefix(text.substr(1).starts_with('$') ? 2 : 1);
    }
  }
  return out;
}

}  // namespace

int Regexp::group_of(std::string_view name) const {
  if (auto number = parse_u64(name)) {
    return *number <= static_cast<uint64_t>(automaton_->NumberOfCapturingGroups()) ? static_cast<int>(*number) : -1;
  }
  const auto& names = automaton_->NamedCapturingGroups();
  auto found = names.find(std::string(name));
  return found != names.end() ? found->second : -1;
}

std::string_view Regexp::find(std::string_view text) const {
  StringPiece match[1];
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
  const std::vector<Piece> pieces = split_replacement(replacement);
  std::vector<StringPiece> groups(static_cast<size_t>(automaton_->NumberOfCapturingGroups()) + 1);
  std::string out;
  size_t copied = 0;  // of what is seen
  size_t at = 0;      // where the next match may begin
  size_t last_end = seen.size() + 1;
  while (at <= seen.size() && automaton_->Match({seen.data(), seen.size()}, at, seen.size(), re2::RE2::UNANCHORED,
                                                groups.data(), static_cast<int>(groups.size()))) {
    auto begin = static_cast<size_t>(groups[0].data() - seen.data());
    size_t end = begin + groups[0].size();
    // An empty match right behind another is none.
    if (begin != end || begin != last_end) {
      out += sent.sent(copied, begin);
      copied = end;
      for (const Piece& piece : pieces) {
        if (!piece.group) {
          out += piece.text;
          continue;
        }
        int number = group_of(piece.text);
        if (number < 0) continue;
        const StringPiece& group = groups[static_cast<size_t>(number)];
        if (group.data() == nullptr) continue;
        const auto from = static_cast<size_t>(group.data() - seen.data());
        out += sent.sent(from, from + group.size());
      }
    }
    last_end = end;
    at = end > begin ? end : next_character(seen, end);
  }
  return out += sent.sent(std::min(copied, seen.size()), seen.size());
}

bool Regexp::operator==(const Regexp& other) const {
  if (automaton_ == other.automaton_) return true;
  return automaton_ != nullptr && other.automaton_ != nullptr && automaton_->pattern() == other.automaton_->pattern();
}

}  // namespace weir::routing

#include "weir/routing/regexp.h"

#include <re2/re2.h>

#include <algorithm>
#include <vector>

#include "weir/base/text.h"

namespace weir::routing {

namespace {
// A pattern of 1,000 alternatives compiles to some 100 KiB; a table may hold thousands of rules.
constexpr int64_t kAutomatonBytesMax = 1 << 20;
}  // namespace

Result<Regexp> Regexp::compile(std::string_view pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kAutomatonBytesMax);
  auto automaton = std::make_shared<const re2::RE2>(std::string(pattern), options);
  if (!automaton->ok()) return fail(ErrorCode::invalid, "bad regular expression: " + automaton->error());
  Regexp out;
  out.automaton_ = std::move(automaton);
  return out;
}

// Two words in braces: RE2 takes its own StringPiece on Debian 12 and absl::string_view on 13, neither a std one.
bool Regexp::matches(std::string_view text) const {
  return automaton_ != nullptr && re2::RE2::PartialMatch({text.data(), text.size()}, *automaton_);
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
  if (automaton_ == nullptr ||
      !automaton_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::UNANCHORED, match, 1)) {
    return text.substr(text.size());
  }
  return {match[0].data(), match[0].size()};
}

std::string Regexp::replace_all(std::string_view text, std::string_view replacement) const {
  if (automaton_ == nullptr) return std::string(text);
  const std::vector<Piece> pieces = split_replacement(replacement);
  std::vector<StringPiece> groups(static_cast<size_t>(automaton_->NumberOfCapturingGroups()) + 1);
  std::string out;
  size_t copied = 0;  // of the text
  size_t at = 0;      // where the next match may begin
  size_t last_end = text.size() + 1;
  while (at <= text.size() && automaton_->Match({text.data(), text.size()}, at, text.size(), re2::RE2::UNANCHORED,
                                                groups.data(), static_cast<int>(groups.size()))) {
    auto begin = static_cast<size_t>(groups[0].data() - text.data());
    size_t end = begin + groups[0].size();
    // An empty match right behind another is none.
    if (begin != end || begin != last_end) {
      out += text.substr(copied, begin - copied);
      copied = end;
      for (const Piece& piece : pieces) {
        if (!piece.group) {
          out += piece.text;
          continue;
        }
        int number = group_of(piece.text);
        if (number < 0) continue;
        const StringPiece& group = groups[static_cast<size_t>(number)];
        if (group.data() != nullptr) out.append(group.data(), group.size());
      }
    }
    last_end = end;
    at = end > begin ? end : next_character(text, end);
  }
  return out += text.substr(std::min(copied, text.size()));
}

bool Regexp::operator==(const Regexp& other) const {
  if (automaton_ == other.automaton_) return true;
  return automaton_ != nullptr && other.automaton_ != nullptr && automaton_->pattern() == other.automaton_->pattern();
}

}  // namespace weir::routing

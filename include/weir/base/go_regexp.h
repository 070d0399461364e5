#pragma once
// Finding and replacing by RE2 as Go's regexp does both: what people write for Traefik and Nomad is meant that way.
// Whoever includes this links RE2.

#include <re2/re2.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/text.h"

namespace weir {

/// Of one match: the whole, then its groups. Views of what is searched; no data where a group has no part in it.
using RegexpGroups = std::vector<re2::StringPiece>;

/// Calls back for each match in the order they stand, until that says false. An empty match right behind another is
/// none, and none begins within a character of UTF-8.
template <typename OnMatch>
void for_each_match(const re2::RE2& pattern, std::string_view text, OnMatch on_match) {
  RegexpGroups groups(static_cast<size_t>(pattern.NumberOfCapturingGroups()) + 1);
  size_t at = 0;  // where the next match may begin
  size_t last_end = text.size() + 1;
  // Two words in braces: RE2 takes its own StringPiece on Debian 12 and absl::string_view on 13, neither a std one.
  while (at <= text.size() && pattern.Match({text.data(), text.size()}, at, text.size(), re2::RE2::UNANCHORED,
                                            groups.data(), static_cast<int>(groups.size()))) {
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = begin + groups[0].size();
    if ((begin != end || begin != last_end) && !on_match(groups)) return;
    last_end = at = end;
    if (begin != end) continue;
    for (++at; at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;) ++at;
  }
}

/// What stands in a match's place, by Go's Regexp.Expand: $1, ${1}, $name and ${name} are groups (nothing where there
/// is none), $$ is a dollar, and a dollar that begins nothing stands for itself. Lives no longer than its text.
class RegexpReplacement {
 public:
  RegexpReplacement(std::string_view text, const re2::RE2& pattern) {
    while (!text.empty()) {
      const size_t dollar = text.find('$');
      if (dollar != 0) {
        pieces_.push_back({text.substr(0, dollar)});
        text.remove_prefix(std::min(dollar, text.size()));
        continue;
      }
      const bool braced = text.substr(1).starts_with('{');
      const size_t begin = braced ? 2 : 1;
      size_t end = begin;
      while (end < text.size() && is_word(text[end])) ++end;
      const bool named = end > begin && (!braced || (end < text.size() && text[end] == '}'));
      if (named) {
        if (int group = group_of(text.substr(begin, end - begin), pattern); group >= 0) pieces_.push_back({{}, group});
        text.remove_prefix(end + (braced ? 1 : 0));
      } else {
        pieces_.push_back({text.substr(0, 1)});
        text.remove_prefix(text.substr(1).starts_with('$') ? 2 : 1);
      }
    }
  }

  /// `text_of` says what a group of this match stands for: a StringPiece -> std::string_view.
  template <typename TextOf>
  void append(const RegexpGroups& groups, TextOf text_of, std::string& out) const {
    for (const Piece& piece : pieces_) {
      if (piece.group < 0) {
        out += piece.text;
      } else if (const auto& group = groups[static_cast<size_t>(piece.group)]; group.data() != nullptr) {
        out += text_of(group);
      }
    }
  }

 private:
  struct Piece {
    std::string_view text;
    int group = -1;  // else the group of that number
  };

  static bool is_word(char c) {
    return (c >= '0' && c <= '9') || c == '_' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
  }
  static int group_of(std::string_view name, const re2::RE2& pattern) {
    if (auto number = parse_u64(name)) {
      return *number <= static_cast<uint64_t>(pattern.NumberOfCapturingGroups()) ? static_cast<int>(*number) : -1;
    }
    const auto& names = pattern.NamedCapturingGroups();
    auto found = names.find(std::string(name));
    return found != names.end() ? found->second : -1;
  }

  std::vector<Piece> pieces_;
};

}  // namespace weir

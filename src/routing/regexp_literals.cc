#include "routing/regexp_literals.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "routing/regexp_class.h"

namespace weir::routing {

namespace {

bool is_punctuation(char c) {
  const auto byte = static_cast<unsigned char>(c);
  const bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return byte > ' ' && byte < 0x7f && !word;
}

/// Reads one expression. Used once.
class Reader {
 public:
  explicit Reader(std::string_view pattern) : pattern_(pattern) {}

  /// Nothing where it is not plain.
  std::optional<RegexpLiterals> read() {
    anchored_ = pattern_.starts_with('^');
    at_ = anchored_ ? 1 : 0;
    bool plain = true;
    while (plain && at_ < pattern_.size()) plain = read_atom();
    if (!plain) return std::nullopt;
    end_run();
    return std::move(out_);
  }

 private:
  // An atom and what says how often it stands there. False where nothing is known of the whole.
  bool read_atom() {
    std::optional<char> literal;
    const char c = pattern_[at_];
    if (c == '|' || c == ')') return false;
    if (c == '(') {
      if (!skip_group()) return false;
    } else if (c == '[') {
      at_ = class_end(pattern_, at_);
    } else if (c == '\\') {
      if (at_ + 1 >= pattern_.size()) return false;
      const char escaped = pattern_[at_ + 1];
      const bool is_class = std::string_view("dDwWsSbB").find(escaped) != std::string_view::npos;
      if (!is_class && !is_punctuation(escaped)) return false;
      if (!is_class) literal = escaped;
      at_ += 2;
    } else {
      const bool is_plain = static_cast<unsigned char>(c) < 0x80 && c != '.' && c != '^' && c != '$';
      if (is_plain) literal = c;
      ++at_;
    }
    const bool repeated =
        at_ < pattern_.size() && std::string_view("?*+{").find(pattern_[at_]) != std::string_view::npos;
    if (literal && (!repeated || pattern_[at_] == '+')) run_ += *literal;
    if (repeated && !skip_repetition()) return false;
    if (!literal || repeated) end_run();
    return true;
  }

  bool skip_repetition() {
    if (pattern_[at_] == '{') {
      at_ = pattern_.find_first_not_of("0123456789,", at_ + 1);
      if (at_ == std::string_view::npos || pattern_[at_] != '}') return false;  // a brace is a brace then
    }
    ++at_;
    const bool reluctant = at_ < pattern_.size() && pattern_[at_] == '?';
    if (reluctant) ++at_;
    return true;
  }

  // What is in it may be of any kind, so nothing is taken from it. Flags may be for what follows.
  bool skip_group() {
    size_t depth = 0;
    while (at_ < pattern_.size()) {
      const std::string_view rest = pattern_.substr(at_);
      const bool has_flags =
          rest.starts_with("(?") && !rest.starts_with("(?:") && !rest.starts_with("(?P<") && !rest.starts_with("(?<");
      if (has_flags || rest.starts_with("\\Q")) return false;
      if (rest.front() == '[') {
        at_ = class_end(pattern_, at_);
        continue;
      }
      if (rest.front() == '(') ++depth;
      if (rest.front() == ')') --depth;
      at_ += rest.front() == '\\' ? 2 : 1;
      if (depth == 0) return true;
    }
    return false;
  }

  void end_run() {
    const bool is_first = std::exchange(begins_, false);
    if (run_.empty()) return;
    if (is_first && anchored_) out_.prefix = run_;
    out_.runs.push_back(std::exchange(run_, {}));
  }

  std::string_view pattern_;
  size_t at_ = 0;
  bool anchored_ = false;
  bool begins_ = true;  // nothing stands before the run
  std::string run_;
  RegexpLiterals out_;
};

/// "web:8080": behind letters that no IPv6 address has.
bool names_port(std::string_view run) {
  const size_t colon = run.find(':');
  if (colon == std::string_view::npos) return false;
  return std::any_of(run.begin(), run.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return c > 'f' && c <= 'z'; });
}

}  // namespace

RegexpLiterals literals_of_regexp(std::string_view pattern) {
  return Reader(pattern).read().value_or(RegexpLiterals());
}

std::string why_no_host_matches(std::string_view pattern) {
  for (const std::string& run : literals_of_regexp(pattern).runs) {
    const bool has_upper = std::any_of(run.begin(), run.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (has_upper) return "HostRegexp asks for \"" + run + "\", and hosts are compared in lower case";
    if (names_port(run)) return "HostRegexp asks for \"" + run + "\", and hosts are compared without their port";
  }
  return "";
}

std::string why_no_path_matches(std::string_view pattern) {
  const RegexpLiterals literals = literals_of_regexp(pattern);
  const std::string& prefix = literals.prefix;
  // "*" is asked for by OPTIONS.
  const bool no_path = !prefix.empty() && prefix.front() != '/' && prefix != "*";
  if (no_path) return "PathRegexp asks for a path that begins with \"" + prefix + "\", and paths begin with /";
  for (const std::string& run : literals.runs) {
    if (run.find('?') != std::string::npos) return "PathRegexp asks for \"" + run + "\", and a path has no query";
  }
  return "";
}

}  // namespace weir::routing

#include "routing/glob.h"

namespace weir::routing {

namespace {

void append_literal(std::string& out, char c) {
  constexpr std::string_view kSpecial = "\\.+*?()|[]{}^$";
  if (kSpecial.find(c) != std::string_view::npos) out += '\\';
  out += c;
}

// The class that begins behind `[` at `at`; moves `at` behind its `]`. False where there is none.
bool append_class(std::string& out, std::string_view glob, size_t& at) {
  size_t close = glob.find(']', at + 1);
  if (close == std::string_view::npos) return false;
  std::string_view inside = glob.substr(at, close - at);
  out += '[';
  if (inside.front() == '!') {
    out += '^';
    inside.remove_prefix(1);
  }
  if (inside.empty()) return false;
  for (char c : inside) {
    if (c == '\\' || c == '[' || c == '^' || c == '&' || c == '~') out += '\\';
    out += c;
  }
  out += ']';
  at = close + 1;
  return true;
}

}  // namespace

bool is_glob(std::string_view text) { return text.find_first_of("*?[{") != std::string_view::npos; }

std::string regexp_literal(std::string_view text) {
  std::string out;
  for (char c : text) append_literal(out, c);
  return out;
}

std::string glob_to_regexp(std::string_view glob) {
  std::string out = "^";
  size_t depth = 0;  // of braces
  for (size_t at = 0; at < glob.size();) {
    char c = glob[at++];
    if (c == '*') {
      out += ".*";
    } else if (c == '?') {
      out += '.';
    } else if (c == '[') {
      if (!append_class(out, glob, at)) return "";
    } else if (c == '{') {
      ++depth;
      out += "(?:";
    } else if (c == '}' && depth > 0) {
      --depth;
      out += ')';
    } else if (c == ',' && depth > 0) {
      out += '|';
    } else if (c == '\\' && at < glob.size()) {
      append_literal(out, glob[at++]);
    } else {
      append_literal(out, c);
    }
  }
  return depth == 0 ? out + "$" : "";
}

}  // namespace weir::routing

#include "routing/default_rule.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "weir/base/text.h"
#include "weir/routing/regexp.h"

namespace weir::routing {
namespace {

using Texts = std::vector<std::string>;

constexpr size_t kExpandedBytesMax = 16 * 1024;
constexpr size_t kNestedMax = 16;

tl::unexpected<Error> bad(const std::string& message) { return fail(ErrorCode::invalid, "default rule: " + message); }

std::string truth(bool value) { return value ? "true" : "false"; }
/// What Go writes of a part that is not there (`._2`): no path and no host is called so.
constexpr const char* kNoValue = "<no value>";

bool is_true(std::string_view value) { return !value.empty() && value != "false" && value != kNoValue; }

// ---- Functions: the last argument is what a pipe hands over, as in sprig ----

struct Function {
  std::string_view name;
  size_t arguments_min;
  size_t arguments_max;
  std::string (*call)(const Texts& arguments);
};

std::string cut(const Texts& a, bool from_end) {
  const std::string& part = a[0];
  const std::string& text = a[1];
  if (!part.empty() && from_end && text.ends_with(part)) return text.substr(0, text.size() - part.size());
  if (!part.empty() && !from_end && text.starts_with(part)) return text.substr(part.size());
  return text;
}

std::string truncated(const Texts& a) {
  const auto count = parse_i64(a[0]).value_or(0);
  const auto size = static_cast<int64_t>(a[1].size());
  if (count >= 0) return a[1].substr(0, static_cast<size_t>(std::min(count, size)));
  return a[1].substr(static_cast<size_t>(std::max<int64_t>(size + count, 0)));
}

std::string printed(const Texts& a) {
  std::string out;
  size_t next = 1;
  for (size_t i = 0; i < a[0].size(); ++i) {
    if (a[0][i] != '%' || i + 1 == a[0].size()) {
      out += a[0][i];
      continue;
    }
    const char verb = a[0][++i];
    if (verb == '%') out += '%';
    if ((verb == 's' || verb == 'v' || verb == 'd') && next < a.size()) out += a[next++];
    if (verb == 'q' && next < a.size()) out += "\"" + a[next++] + "\"";
  }
  return out;
}

std::string first_true(const Texts& a, bool wanted) {
  for (const std::string& one : a) {
    if (is_true(one) == wanted) return one;
  }
  return a.back();
}

std::string without_blanks(std::string text) {
  std::erase_if(text, is_blank);
  return text;
}

// A list is kept as the text of its elements, with this between them.
constexpr char kBetween = '\x1f';

Texts elements_of(std::string_view list) {
  Texts out;
  for (std::string_view one : split(list, kBetween)) out.emplace_back(one);
  return out;
}

std::optional<std::string> element_at(std::string_view list, const std::string& place) {
  Texts elements = elements_of(list);
  const auto at = parse_u64(place);
  if (!at || *at >= elements.size()) return std::nullopt;
  return std::move(elements[*at]);
}

std::string split_by(const Texts& a) { return a[0].empty() ? a[1] : replace_all(a[1], a[0], std::string(1, kBetween)); }

std::string part_of(const Texts& a) {
  const auto size = static_cast<int64_t>(a[2].size());
  const int64_t begin = std::clamp<int64_t>(parse_i64(a[0]).value_or(0), 0, size);
  const int64_t end = parse_i64(a[1]).value_or(0);
  const bool to_end = end < 0 || end > size;
  return a[2].substr(static_cast<size_t>(begin),
                     static_cast<size_t>(std::max<int64_t>((to_end ? size : end) - begin, 0)));
}

std::string trimmed_of(const Texts& a) {
  const size_t begin = a[1].find_first_not_of(a[0]);
  return begin == std::string::npos ? "" : a[1].substr(begin, a[1].find_last_not_of(a[0]) + 1 - begin);
}

/// sprig's regex functions are silent about an expression that is none; the rule that comes of it is seldom one.
std::string by_expression(const Texts& a, std::string (*made)(const Regexp& pattern, const Texts& a)) {
  auto pattern = Regexp::compile(a[0]);
  return pattern ? made(*pattern, a) : "";
}

constexpr size_t kAny = 64;
constexpr Function kFunctions[] = {
    {"normalize", 1, 1, [](const Texts& a) { return normalize_name(a[0]); }},
    {"lower", 1, 1, [](const Texts& a) { return to_lower(a[0]); }},
    {"upper", 1, 1, [](const Texts& a) { return to_upper(a[0]); }},
    {"trim", 1, 1, [](const Texts& a) { return std::string(trim(a[0])); }},
    {"nospace", 1, 1, [](const Texts& a) { return without_blanks(a[0]); }},
    {"trimPrefix", 2, 2, [](const Texts& a) { return cut(a, false); }},
    {"trimSuffix", 2, 2, [](const Texts& a) { return cut(a, true); }},
    {"replace", 3, 3, [](const Texts& a) { return a[0].empty() ? a[2] : replace_all(a[2], a[0], a[1]); }},
    {"trunc", 2, 2, truncated},
    {"default", 1, 2, [](const Texts& a) { return a.size() == 2 && !a[1].empty() ? a[1] : a[0]; }},
    {"coalesce", 1, kAny, [](const Texts& a) { return first_true(a, true); }},
    {"ternary", 3, 3, [](const Texts& a) { return is_true(a[2]) ? a[0] : a[1]; }},
    {"contains", 2, 2, [](const Texts& a) { return truth(a[1].find(a[0]) != std::string::npos); }},
    {"hasPrefix", 2, 2, [](const Texts& a) { return truth(a[1].starts_with(a[0])); }},
    {"hasSuffix", 2, 2, [](const Texts& a) { return truth(a[1].ends_with(a[0])); }},
    {"eq", 2, kAny, [](const Texts& a) { return truth(std::find(a.begin() + 1, a.end(), a[0]) != a.end()); }},
    {"ne", 2, 2, [](const Texts& a) { return truth(a[0] != a[1]); }},
    {"not", 1, 1, [](const Texts& a) { return truth(!is_true(a[0])); }},
    {"and", 1, kAny, [](const Texts& a) { return first_true(a, false); }},
    {"or", 1, kAny, [](const Texts& a) { return first_true(a, true); }},
    {"empty", 1, 1, [](const Texts& a) { return truth(a[0].empty()); }},
    {"quote", 1, 1, [](const Texts& a) { return "\"" + a[0] + "\""; }},
    {"substr", 3, 3, part_of},
    {"trimAll", 2, 2, trimmed_of},
    {"split", 2, 2, split_by},
    {"splitList", 2, 2, split_by},
    {"first", 1, 1, [](const Texts& a) { return elements_of(a[0]).front(); }},
    {"last", 1, 1, [](const Texts& a) { return elements_of(a[0]).back(); }},
    {"join", 2, 2, [](const Texts& a) { return join(elements_of(a[1]), a[0]); }},
    {"regexMatch", 2, 2,
     [](const Texts& a) {
       return by_expression(a, [](const Regexp& pattern, const Texts& b) { return truth(pattern.matches(b[1])); });
     }},
    {"regexFind", 2, 2,
     [](const Texts& a) {
       return by_expression(a, [](const Regexp& pattern, const Texts& b) { return std::string(pattern.find(b[1])); });
     }},
    {"regexReplaceAll", 3, 3,
     [](const Texts& a) {
       return by_expression(a, [](const Regexp& pattern, const Texts& b) { return pattern.replace_all(b[1], b[2]); });
     }},
    {"print", 1, kAny, [](const Texts& a) { return join(a, ""); }},
    {"printf", 1, kAny, printed},
};

Result<std::string> call_function(std::string_view name, const Texts& arguments) {
  const auto* found =
      std::find_if(std::begin(kFunctions), std::end(kFunctions), [&](const Function& one) { return one.name == name; });
  if (found == std::end(kFunctions)) {
    Texts known = {"index"};
    for (const Function& one : kFunctions) known.emplace_back(one.name);
    return bad("unknown function \"" + std::string(name) + "\"; known are " + join(known, ", "));
  }
  if (arguments.size() < found->arguments_min || arguments.size() > found->arguments_max) {
    return bad("wrong number of values for " + std::string(name));
  }
  return found->call(arguments);
}

// ---- Expressions ----

// What stands in one action: words, texts, parentheses and pipes. Used once.
class Pipeline {
 public:
  Pipeline(std::string_view text, const RuleSubject& subject) : rest_(trim(text)), subject_(subject) {}

  Result<std::string> evaluate() {
    auto value = pipes();
    if (!value) return value;
    if (!rest_.empty()) return bad("unexpected \"" + std::string(rest_) + "\"");
    if (!missing_.empty()) return fail(ErrorCode::not_found, "default rule: " + missing_);
    return value;
  }

 private:
  Result<std::string> pipes() {
    std::optional<std::string> handed_over;
    while (true) {
      auto value = command(handed_over);
      if (!value) return value;
      skip_blanks();
      if (!rest_.starts_with('|')) return value;
      rest_.remove_prefix(1);
      handed_over = std::move(*value);
    }
  }

  // A value, or a function and its arguments.
  Result<std::string> command(const std::optional<std::string>& handed_over) {
    skip_blanks();
    const bool is_call =
        !rest_.empty() && ((rest_[0] >= 'a' && rest_[0] <= 'z') || (rest_[0] >= 'A' && rest_[0] <= 'Z'));
    if (!is_call) {
      if (handed_over) return bad("a pipe leads to a function");
      return term();
    }
    const std::string name(word());
    if (name == "true" || name == "false") return name;
    skip_blanks();
    const bool of_labels = name == "index" && rest_.starts_with(".Labels");
    if (of_labels) word();
    Texts arguments;
    bool decided = false;  // and, or: Go leaves what follows alone
    for (skip_blanks(); !rest_.empty() && rest_[0] != '|' && rest_[0] != ')'; skip_blanks()) {
      const std::string missing = missing_;
      auto argument = term();
      if (!argument) return argument;
      if (decided) missing_ = missing;
      decided = decided || (name == "or" && is_true(*argument)) || (name == "and" && !is_true(*argument));
      arguments.push_back(said(std::move(*argument)));
    }
    if (handed_over) arguments.push_back(said(*handed_over));
    if (name == "index" && !of_labels && arguments.size() == 2) return indexed(arguments[0], arguments[1]);
    if (name == "index" && !of_labels) return bad("index is for .Labels, or for one place of a list");
    if (!of_labels) return call_function(name, arguments);
    if (arguments.size() != 1) return bad("index .Labels takes one key");
    auto found = subject_.labels.find(arguments[0]);
    return found != subject_.labels.end() ? found->second : std::string();
  }

  /// As functions get it.
  static std::string said(std::string value) { return value == kNoValue ? std::string() : value; }

  // As in Go a place that is not there spoils the rule: with nothing in its place it could match what it must not.
  std::string indexed(const std::string& list, const std::string& place) {
    if (auto found = element_at(list, place)) return *found;
    const size_t size = elements_of(list).size();
    missing_ = "index " + place + " of a list of " + std::to_string(size) + (size == 1 ? " element" : " elements");
    return "";
  }

  Result<std::string> term() {
    skip_blanks();
    if (rest_.empty()) return bad("nothing between {{ and }}");
    if (rest_[0] == '"' || rest_[0] == '`') return text(rest_[0]);
    if (rest_[0] == '(') {
      if (++nested_ > kNestedMax) return bad("nested too deep");
      rest_.remove_prefix(1);
      auto inner = pipes();
      if (!inner) return inner;
      skip_blanks();
      if (!rest_.starts_with(')')) return bad("expected )");
      rest_.remove_prefix(1);
      if (!rest_.starts_with("._")) return inner;
      rest_.remove_prefix(2);
      return element_at(*inner, std::string(word())).value_or(kNoValue);
    }
    const std::string name(word());
    if (name == ".Name") return subject_.name;
    if (name == "true" || name == "false" || parse_i64(name)) return name;
    if (name.empty()) return bad("unexpected \"" + std::string(rest_) + "\"");
    return bad("unknown value " + name + "; known are .Name and index .Labels \"key\"");
  }

  Result<std::string> text(char quote) {
    std::string out;
    for (size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == quote) {
        rest_.remove_prefix(i + 1);
        return out;
      }
      const bool escape = quote == '"' && rest_[i] == '\\' && i + 1 < rest_.size();
      out += escape ? rest_[++i] : rest_[i];
    }
    return bad("a text that does not end");
  }

  std::string_view word() {
    const size_t end = rest_.find_first_of(" \t\r\n|()\"`");
    const std::string_view out = rest_.substr(0, end);
    rest_.remove_prefix(out.size());
    return out;
  }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  std::string_view rest_;
  const RuleSubject& subject_;
  size_t nested_ = 0;
  std::string missing_;  // the place of a list that is not there and was asked for
};

// ---- Templates ----

// One {{ if }} that is open.
struct Choice {
  bool taken = false;    // one of its branches was
  bool writing = false;  // the branch we are in is
  bool outer = false;    // what stands around it is
};

// Used once.
class Expansion {
 public:
  explicit Expansion(const RuleSubject& subject) : subject_(subject) {}

  Result<std::string> run(std::string_view text) {
    while (true) {
      const size_t open = text.find("{{");
      std::string_view plain = text.substr(0, open);
      const bool trims_before = open != std::string_view::npos && text.substr(open + 2).starts_with("- ");
      if (trims_before) plain = plain.substr(0, plain.find_last_not_of(" \t\r\n") + 1);
      write(plain);
      if (open == std::string_view::npos) break;
      const size_t close = text.find("}}", open);
      if (close == std::string_view::npos) return bad("{{ without }}");
      std::string_view action = text.substr(open + 2, close - open - 2);
      text.remove_prefix(close + 2);
      if (trims_before) action.remove_prefix(1);
      if (action.ends_with(" -")) {
        action.remove_suffix(1);
        text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
      }
      if (Status done = act(trim(action)); !done) return fail(done.error());
    }
    if (!choices_.empty()) return bad("{{ if }} without {{ end }}");
    if (out_.size() > kExpandedBytesMax) return bad("its result is too long");
    return std::move(out_);
  }

 private:
  /// What is not `asked` for is read all the same, so that it is known to be well formed; it misses nothing.
  [[nodiscard]] Result<std::string> evaluate(std::string_view text, bool asked) const {
    auto value = Pipeline(text, subject_).evaluate();
    const bool missing = !value && value.error().code == ErrorCode::not_found;
    return missing && !asked ? std::string() : std::move(value);
  }
  [[nodiscard]] bool writing() const { return choices_.empty() || choices_.back().writing; }
  void write(std::string_view text) {
    if (writing()) out_ += text;
  }

  Status act(std::string_view action) {
    if (action.starts_with("/*") && action.ends_with("*/")) return {};
    if (action.starts_with("if ")) {
      if (choices_.size() == kNestedMax) return bad("nested too deep");
      choices_.push_back({false, false, writing()});
      return enter(action.substr(3));
    }
    const bool of_choice = action == "end" || action == "else" || action.starts_with("else ");
    if (of_choice && choices_.empty()) return bad("{{ " + std::string(action) + " }} without {{ if }}");
    if (action == "end") {
      choices_.pop_back();
      return {};
    }
    if (action == "else") return enter("true");
    if (action.starts_with("else if ")) return enter(action.substr(8));
    auto value = evaluate(action, writing());
    if (!value) return fail(value.error());
    write(*value);
    return {};
  }

  Status enter(std::string_view condition) {
    Choice& choice = choices_.back();
    const bool asked = choice.outer && !choice.taken;
    auto value = evaluate(condition, asked);
    if (!value) return fail(value.error());
    choice.writing = asked && is_true(*value);
    choice.taken = choice.taken || choice.writing;
    return {};
  }

  const RuleSubject& subject_;
  std::string out_;
  std::vector<Choice> choices_;
};

}  // namespace

std::string normalize_name(std::string_view name) {
  std::string out;
  bool gap = false;
  for (char c : name) {
    char lower = ascii_lower(c);
    bool kept = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    if (kept) {
      if (gap && !out.empty()) out += '-';
      out += c;
    }
    gap = !kept;
  }
  return out;
}

Result<std::string> expand_default_rule(std::string_view rule_template, const RuleSubject& subject) {
  return Expansion(subject).run(rule_template);
}

}  // namespace weir::routing

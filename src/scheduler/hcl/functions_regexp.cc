// Functions with regular expressions, which are Go's: RE2. See functions.h.

#include <re2/re2.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "scheduler/hcl/functions.h"
#include "scheduler/hcl/limits.h"

namespace weir::scheduler::hcl {
namespace {

using Groups = std::vector<re2::StringPiece>;  // the first is the whole match

/// In the order they stand, as Go finds them: an empty one does not follow another at once. Until `on_match` says no.
void for_each_match(const RE2& pattern, std::string_view text, const std::function<bool(const Groups&)>& on_match) {
  Groups groups(static_cast<size_t>(pattern.NumberOfCapturingGroups()) + 1);
  const re2::StringPiece all(text.data(), text.size());
  size_t before = std::string_view::npos;  // where the last one ended
  for (size_t at = 0; at <= text.size();) {
    bool found = pattern.Match(all, at, text.size(), RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size()));
    if (!found) return;
    auto begin = static_cast<size_t>(groups[0].data() - text.data());
    size_t end = begin + groups[0].size();
    bool again = begin == end && begin == before;
    if (!again && !on_match(groups)) return;
    before = end;
    if (end > at) {
      at = end;
      continue;
    }
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  }
}

Value text_of(const re2::StringPiece& group) {
  return group.data() == nullptr ? Value() : Value(std::string(group.data(), group.size()));
}

/// The text where there are no groups, an object where they have names, else a list.
Value value_of(const RE2& pattern, const Groups& groups) {
  if (groups.size() == 1) return text_of(groups[0]);
  if (!pattern.NamedCapturingGroups().empty()) {
    Value::Object out;
    for (const auto& [name, number] : pattern.NamedCapturingGroups()) {
      out[name] = text_of(groups[static_cast<size_t>(number)]);
    }
    return Value(std::move(out));
  }
  Value::List out;
  for (size_t i = 1; i < groups.size(); ++i) out.push_back(text_of(groups[i]));
  return Value(std::move(out));
}

/// Compiled, with the text it is for.
struct Search {
  std::unique_ptr<RE2> pattern;
  std::string text;
};

Result<Search> search(const Arguments& arguments, size_t pattern_at, size_t text_at) {
  auto pattern = text_argument(arguments, pattern_at);
  if (!pattern) return fail(pattern.error());
  auto text = text_argument(arguments, text_at);
  if (!text) return fail(text.error());
  auto compiled = std::make_unique<RE2>(*pattern, RE2::Quiet);
  if (!compiled->ok()) return fail(ErrorCode::invalid, "the regular expression: " + compiled->error());
  return Search{std::move(compiled), std::move(*text)};
}

Result<Value> regex(const Arguments& arguments) {
  auto it = search(arguments, 0, 1);
  if (!it) return fail(it.error());
  std::optional<Value> found;
  for_each_match(*it->pattern, it->text, [&](const Groups& groups) {
    found = value_of(*it->pattern, groups);
    return false;
  });
  if (!found) return fail(ErrorCode::invalid, "the regular expression matches no part of the text");
  return std::move(*found);
}

Result<Value> regexall(const Arguments& arguments) {
  auto it = search(arguments, 0, 1);
  if (!it) return fail(it.error());
  Value::List found;
  for_each_match(*it->pattern, it->text, [&](const Groups& groups) {
    found.push_back(value_of(*it->pattern, groups));
    return found.size() <= kListItemsMax;
  });
  if (found.size() > kListItemsMax) return fail(ErrorCode::too_large, "the result has too many items");
  return Value(std::move(found));
}

bool in_name(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// $1, ${1}, $name and ${name}, of groups that are there; $$ is a dollar.
void append_expanded(const RE2& pattern, const Groups& groups, std::string_view replacement, std::string& out) {
  while (!replacement.empty()) {
    size_t dollar = replacement.find('$');
    out.append(replacement.substr(0, dollar));
    if (dollar == std::string_view::npos) return;
    replacement.remove_prefix(dollar + 1);
    if (replacement.starts_with('$')) {
      out += '$';
      replacement.remove_prefix(1);
      continue;
    }
    bool braced = replacement.starts_with('{');
    size_t begin = braced ? 1 : 0;
    size_t end = begin;
    while (end < replacement.size() && in_name(replacement[end])) ++end;
    if (end == begin || (braced && (end == replacement.size() || replacement[end] != '}'))) {
      out += '$';  // names nothing
      continue;
    }
    std::string name(replacement.substr(begin, end - begin));
    replacement.remove_prefix(end + (braced ? 1 : 0));
    size_t number = groups.size();
    if (name.find_first_not_of("0123456789") == std::string::npos) {
      number = name.size() < 4 ? static_cast<size_t>(std::stoi(name)) : groups.size();
    } else if (auto named = pattern.NamedCapturingGroups().find(name); named != pattern.NamedCapturingGroups().end()) {
      number = static_cast<size_t>(named->second);
    }
    if (number < groups.size() && groups[number].data() != nullptr) {
      out.append(groups[number].data(), groups[number].size());
    }
  }
}

Result<Value> regex_replace(const Arguments& arguments) {
  auto it = search(arguments, 1, 0);
  if (!it) return fail(it.error());
  auto replacement = text_argument(arguments, 2);
  if (!replacement) return fail(replacement.error());
  std::string out;
  size_t copied = 0;
  for_each_match(*it->pattern, it->text, [&](const Groups& groups) {
    auto begin = static_cast<size_t>(groups[0].data() - it->text.data());
    out.append(it->text, copied, begin - copied);
    append_expanded(*it->pattern, groups, *replacement, out);
    copied = begin + groups[0].size();
    return out.size() <= kTextBytesMax;
  });
  out.append(it->text, copied);
  if (auto fits = within_text_limit(out.size()); !fits) return fail(fits.error());
  return Value(std::move(out));
}

constexpr Function kFunctions[] = {
    {"regex", 2, 2, regex},
    {"regexall", 2, 2, regexall},
    {"regex_replace", 3, 3, regex_replace},
};

}  // namespace

std::span<const Function> regexp_functions() { return kFunctions; }

}  // namespace weir::scheduler::hcl

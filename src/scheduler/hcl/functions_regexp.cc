// Functions with regular expressions, which are Go's: RE2. See functions.h.

#include <re2/re2.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "scheduler/hcl/functions.h"
#include "scheduler/hcl/limits.h"
#include "weir/base/go_regexp.h"

namespace weir::scheduler::hcl {
namespace {

Value text_of(const re2::StringPiece& group) {
  return group.data() == nullptr ? Value() : Value(std::string(group.data(), group.size()));
}

/// The text where there are no groups, an object where they have names, else a list.
Value value_of(const RE2& pattern, const RegexpGroups& groups) {
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
  for_each_match(*it->pattern, it->text, [&](const RegexpGroups& groups) {
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
  for_each_match(*it->pattern, it->text, [&](const RegexpGroups& groups) {
    found.push_back(value_of(*it->pattern, groups));
    return found.size() <= kListItemsMax;
  });
  if (found.size() > kListItemsMax) return fail(ErrorCode::too_large, "the result has too many items");
  return Value(std::move(found));
}

Result<Value> regex_replace(const Arguments& arguments) {
  auto it = search(arguments, 1, 0);
  if (!it) return fail(it.error());
  auto replacement = text_argument(arguments, 2);
  if (!replacement) return fail(replacement.error());
  const RegexpReplacement pieces(*replacement, *it->pattern);
  auto text_of_group = [](const re2::StringPiece& group) { return std::string_view(group.data(), group.size()); };
  std::string out;
  size_t copied = 0;
  for_each_match(*it->pattern, it->text, [&](const RegexpGroups& groups) {
    auto begin = static_cast<size_t>(groups[0].data() - it->text.data());
    out.append(it->text, copied, begin - copied);
    pieces.append(groups, text_of_group, out);
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

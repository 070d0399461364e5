#include "scheduler/plan/constraint.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "scheduler/plan/version.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

std::optional<double> parse_decimal(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename T>
int order(const T& a, const T& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

/// As whole numbers if both are, else as decimals if both are, else as text.
int compare_values(std::string_view left, std::string_view right) {
  auto left_integer = parse_i64(left);
  auto right_integer = parse_i64(right);
  if (left_integer && right_integer) return order(*left_integer, *right_integer);
  auto left_decimal = parse_decimal(left);
  auto right_decimal = parse_decimal(right);
  if (left_decimal && right_decimal) return order(*left_decimal, *right_decimal);
  return order(left, right);
}

bool contains_all(std::string_view left, std::string_view right, bool any) {
  auto have = split_list(left);
  auto want = split_list(right);
  auto has = [&](std::string_view item) { return std::find(have.begin(), have.end(), item) != have.end(); };
  return any ? std::any_of(want.begin(), want.end(), has) : std::all_of(want.begin(), want.end(), has);
}

bool pattern_matches(std::string_view text, std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  RE2 expression(re2::StringPiece(pattern.data(), pattern.size()), options);
  return expression.ok() && RE2::PartialMatch({text.data(), text.size()}, expression);
}

const std::string* find(const TextMap& map, std::string_view key) {
  auto it = map.find(std::string(key));
  return it == map.end() ? nullptr : &it->second;
}

}  // namespace

std::optional<std::string> resolve_target(std::string_view target, const Node& node) {
  if (!target.starts_with("${") || !target.ends_with('}')) return std::string(target);
  std::string_view name = target.substr(2, target.size() - 3);
  if (name == "node.unique.id") return node.id;
  if (name == "node.datacenter") return node.datacenter;
  if (name == "node.unique.name") return node.name;
  if (name == "node.class") return node.node_class;
  if (name == "node.pool") return node.node_pool;
  if (name == "node.region") return "global";
  const std::string* value = nullptr;
  if (name.starts_with("attr.")) value = find(node.attributes, name.substr(5));
  if (name.starts_with("meta.")) value = find(node.meta, name.substr(5));
  if (value == nullptr) return std::nullopt;
  return *value;
}

bool constraint_holds(std::string_view left, std::string_view operand, std::string_view right, const Node& node) {
  if (operand == "distinct_hosts" || operand == "distinct_property") return true;
  auto l = resolve_target(left, node);
  auto r = resolve_target(right, node);
  if (operand == "is_set") return l.has_value();
  if (operand == "is_not_set") return !l.has_value();
  if (operand == "!=" || operand == "not") return l != r;
  if (!l || !r) return false;
  if (operand == "=" || operand == "==" || operand == "is" || operand.empty()) return *l == *r;
  if (operand == "<") return compare_values(*l, *r) < 0;
  if (operand == "<=") return compare_values(*l, *r) <= 0;
  if (operand == ">") return compare_values(*l, *r) > 0;
  if (operand == ">=") return compare_values(*l, *r) >= 0;
  if (operand == "regexp") return pattern_matches(*l, *r);
  if (operand == "version") return version_meets(*l, *r, false).value_or(false);
  if (operand == "semver") return version_meets(*l, *r, true).value_or(false);
  if (operand == "set_contains" || operand == "set_contains_all") return contains_all(*l, *r, false);
  if (operand == "set_contains_any") return contains_all(*l, *r, true);
  return false;
}

bool glob_matches(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = std::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string constraint_text(const Constraint& constraint) {
  if (constraint.operand == "distinct_hosts") return "distinct_hosts";
  std::string text = constraint.l_target + " " + constraint.operand;
  if (!constraint.r_target.empty()) text += " " + constraint.r_target;
  return text;
}

}  // namespace weir::scheduler

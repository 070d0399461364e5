#include "registry/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <span>

#include "registry/filter_parser.h"
#include "weir/base/go_bool.h"
#include "weir/base/text.h"

namespace weir::registry {

using Op = FilterOperator;
using Selector = std::span<const std::string>;

/// One node of the compiled tree.
struct Filter::Node {
  FilterExpression::Kind kind = FilterExpression::Kind::match;
  std::unique_ptr<Node> left;
  std::unique_ptr<Node> right;
  std::vector<std::string> selector;
  Op op = Op::equal;
  std::string text;
  int64_t number = 0;
  bool flag = false;
  std::unique_ptr<re2::RE2> pattern;

  [[nodiscard]] bool keeps(const FilterValue& row) const;
  [[nodiscard]] bool match(const FilterValue& value, Selector rest) const;
  [[nodiscard]] bool match_text(std::string_view value) const;
  [[nodiscard]] bool match_list(const std::vector<std::string>& list) const;
  [[nodiscard]] bool match_keys(bool found, bool empty) const;
  // A map without the key: only positive statements are false, and oddly both forms of "matches" are true.
  [[nodiscard]] bool match_missing() const { return op != Op::equal && op != Op::in && op != Op::is_not_empty; }
};

namespace {

const FilterValue* find_member(const FilterValue::Members& members, std::string_view name) {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

enum class Shape : uint8_t { invalid, text, number, flag, list, keys, objects, object };

/// What a selector points at in rows like the sample.
Shape shape_of(const FilterValue& sample, Selector selector) {
  if (const auto* object = std::get_if<FilterValue::Object>(&sample.value)) {
    if (selector.empty()) return Shape::object;
    const FilterValue* member = find_member(object->members, selector.front());
    return member == nullptr ? Shape::invalid : shape_of(*member, selector.subspan(1));
  }
  if (const auto* map = std::get_if<FilterValue::ObjectMap>(&sample.value)) {
    return selector.empty() ? Shape::keys : shape_of(map->sample.front(), selector.subspan(1));
  }
  if (const auto* list = std::get_if<FilterValue::ObjectList>(&sample.value)) {
    return selector.empty() ? Shape::objects : shape_of(list->sample.front(), selector);
  }
  if (std::holds_alternative<const StringMap*>(sample.value)) {
    if (selector.empty()) return Shape::keys;
    return selector.size() == 1 ? Shape::text : Shape::invalid;
  }
  if (!selector.empty()) return Shape::invalid;
  if (std::holds_alternative<std::string_view>(sample.value)) return Shape::text;
  if (std::holds_alternative<int64_t>(sample.value)) return Shape::number;
  if (std::holds_alternative<bool>(sample.value)) return Shape::flag;
  return Shape::list;
}

bool allows(Shape shape, Op op) {
  bool compares = op == Op::equal || op == Op::not_equal;
  bool searches = op == Op::in || op == Op::not_in;
  bool is_empty = op == Op::is_empty || op == Op::is_not_empty;
  switch (shape) {
    case Shape::text: return !is_empty;
    case Shape::number:
    case Shape::flag: return compares;
    case Shape::list:
    case Shape::keys: return searches || is_empty;
    case Shape::objects: return is_empty;
    case Shape::object:
    case Shape::invalid: return false;
  }
  return false;
}

Error cannot_build(const std::string& why) {
  return {ErrorCode::invalid, "Failed to create boolean expression evaluator: " + why};
}

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

/// In the words of Go's regexp, which is the same engine: "missing closing ): `(`".
std::string pattern_error(const re2::RE2& pattern) {
  std::string what = pattern.error().substr(0, pattern.error().rfind(": " + pattern.error_arg()));
  if (what == "missing )") what = "missing closing )";
  return what + ": `" + pattern.error_arg() + "`";
}

}  // namespace

Filter::Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

Result<Filter> Filter::compile(std::string_view text, const FilterValue& sample) {
  Filter filter;
  if (text.empty()) return filter;
  Result<std::unique_ptr<FilterExpression>> expression = parse_filter(text);
  if (!expression) return fail(cannot_build(expression.error().message));
  Result<std::unique_ptr<Node>> root = build(**expression, sample);
  if (!root) return fail(cannot_build(root.error().message));
  filter.root_ = std::move(*root);
  return filter;
}

Result<std::unique_ptr<Filter::Node>> Filter::build(const FilterExpression& expression, const FilterValue& sample) {
  auto node = std::make_unique<Node>();
  node->kind = expression.kind;
  if (expression.kind == FilterExpression::Kind::match) {
    if (Status done = check_match(*node, expression, sample); !done) return fail(done.error());
    return node;
  }
  Result<std::unique_ptr<Node>> left = build(*expression.left, sample);
  if (!left) return left;
  node->left = std::move(*left);
  if (!expression.right) return node;
  Result<std::unique_ptr<Node>> right = build(*expression.right, sample);
  if (!right) return right;
  node->right = std::move(*right);
  return node;
}

Status Filter::check_match(Node& node, const FilterExpression& match, const FilterValue& sample) {
  node.selector = match.selector;
  node.op = match.op;
  node.text = match.value;
  std::string name = join(match.selector, ".");
  Shape shape = shape_of(sample, match.selector);
  if (shape == Shape::invalid) return fail(ErrorCode::invalid, "Selector " + quoted(name) + " is not valid");
  if (!allows(shape, match.op)) {
    return fail(ErrorCode::invalid,
                "Invalid match operator " + quoted(std::string(to_string(match.op))) + " for selector " + quoted(name));
  }
  auto cannot_coerce = [&](const char* parser) {
    return fail(ErrorCode::invalid, "Failed to coerce value " + quoted(match.value) + " for selector " + quoted(name) +
                                        ": strconv." + parser + ": parsing " + quoted(match.value) +
                                        ": invalid syntax");
  };
  if (shape == Shape::number) {
    std::optional<int64_t> number = parse_i64(match.value);
    if (!number) return cannot_coerce("ParseInt");
    node.number = *number;
  }
  if (shape == Shape::flag) {
    std::optional<bool> flag = parse_go_bool(match.value);
    if (!flag) return cannot_coerce("ParseBool");
    node.flag = *flag;
  }
  if (match.op == Op::matches || match.op == Op::not_matches) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    node.pattern = std::make_unique<re2::RE2>(match.value, options);
    if (!node.pattern->ok()) {
      return fail(ErrorCode::invalid, "Failed to compile regular expression " + quoted(match.value) +
                                          ": error parsing regexp: " + pattern_error(*node.pattern));
    }
  }
  return {};
}

bool Filter::keeps(const FilterValue& row) const { return !root_ || root_->keeps(row); }

bool Filter::Node::keeps(const FilterValue& row) const {
  switch (kind) {
    case FilterExpression::Kind::match: return match(row, selector);
    case FilterExpression::Kind::conjunction: return left->keeps(row) && right->keeps(row);
    case FilterExpression::Kind::disjunction: return left->keeps(row) || right->keeps(row);
    case FilterExpression::Kind::negation: return !left->keeps(row);
  }
  return false;
}

bool Filter::Node::match(const FilterValue& value, Selector rest) const {
  if (const auto* object = std::get_if<FilterValue::Object>(&value.value)) {
    const FilterValue* member = find_member(object->members, rest.front());
    return member != nullptr && match(*member, rest.subspan(1));
  }
  if (const auto* map = std::get_if<FilterValue::ObjectMap>(&value.value)) {
    if (rest.empty()) return match_keys(find_member(map->members, text) != nullptr, map->members.empty());
    const FilterValue* member = find_member(map->members, rest.front());
    return member == nullptr ? match_missing() : match(*member, rest.subspan(1));
  }
  if (const auto* list = std::get_if<FilterValue::ObjectList>(&value.value)) {
    if (rest.empty()) return match_keys(false, list->items.empty());
    return std::ranges::any_of(list->items, [&](const FilterValue& item) { return match(item, rest); });
  }
  if (const auto* map = std::get_if<const StringMap*>(&value.value)) {
    if (rest.empty()) return match_keys((*map)->contains(text), (*map)->empty());
    auto at = (*map)->find(rest.front());
    return at == (*map)->end() ? match_missing() : match_text(at->second);
  }
  if (const auto* words = std::get_if<const std::vector<std::string>*>(&value.value)) return match_list(**words);
  if (const auto* flag_value = std::get_if<bool>(&value.value)) return (*flag_value == flag) == (op == Op::equal);
  if (const auto* number_value = std::get_if<int64_t>(&value.value))
    return (*number_value == number) == (op == Op::equal);
  return match_text(std::get<std::string_view>(value.value));
}

bool Filter::Node::match_text(std::string_view value) const {
  switch (op) {
    case Op::equal: return value == text;
    case Op::not_equal: return value != text;
    case Op::in: return value.find(text) != std::string_view::npos;
    case Op::not_in: return value.find(text) == std::string_view::npos;
    case Op::matches: return re2::RE2::PartialMatch({value.data(), value.size()}, *pattern);
    case Op::not_matches: return !re2::RE2::PartialMatch({value.data(), value.size()}, *pattern);
    case Op::is_empty: return value.empty();
    case Op::is_not_empty: return !value.empty();
  }
  return false;
}

bool Filter::Node::match_list(const std::vector<std::string>& list) const {
  return match_keys(std::ranges::find(list, text) != list.end(), list.empty());
}

bool Filter::Node::match_keys(bool found, bool empty) const {
  switch (op) {
    case Op::in: return found;
    case Op::not_in: return !found;
    case Op::is_empty: return empty;
    case Op::is_not_empty: return !empty;
    case Op::equal:
    case Op::not_equal:
    case Op::matches:
    case Op::not_matches: return false;
  }
  return false;
}

}  // namespace weir::registry

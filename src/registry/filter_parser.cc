#include "registry/filter_parser.h"

#include "registry/json_value.h"
#include "weir/base/text.h"

namespace weir::registry {
namespace {

constexpr std::string_view kWantsExpression = R"("(", "-", "0", "\"", "`", "not", [ \t\r\n], [1-9] or [a-zA-Z])";
constexpr std::string_view kWantsValue = R"("-", "0", "\"", "`", [ \t\r\n], [1-9] or [a-zA-Z])";
constexpr std::string_view kWantsMoreSelector = R"("!=", ".", "==", "[", [ \t\r\n] or [a-zA-Z0-9_])";
constexpr std::string_view kWantsOperator = R"("!=", "==", "contains", "in", "is", "matches", "not" or [ \t\r\n])";
constexpr std::string_view kWantsEnd = R"("and", "or", [ \t\r\n] or EOF)";
constexpr std::string_view kWantsSpace = R"([ \t\r\n])";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

using Tree = std::unique_ptr<FilterExpression>;

/// A value, or the selector that it may also be.
struct Operand {
  std::string text;
  std::vector<std::string> selector;  // empty for what can only be a value
};

class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : text_(text) {}

  Result<Tree> parse() {
    skip_space();
    Result<Tree> tree = parse_or(0);
    if (!tree) return tree;
    skip_space();
    if (at_ < text_.size()) return fail(no_match(text_[at_ - 1] == ')' ? kWantsSpace : kWantsEnd));
    return tree;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool skip_space() {
    size_t start = at_;
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    return at_ > start;
  }
  /// Eats the word if it stands here and is followed by what cannot belong to it.
  bool eat_word(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    char next = at_ + word.size() < text_.size() ? text_[at_ + word.size()] : ' ';
    if (is_letter(next) || is_digit(next) || next == '_' || next == '.' || next == '[') return false;
    at_ += word.size();
    return true;
  }

  [[nodiscard]] std::string place(size_t at) const {
    return "1:" + std::to_string(at + 1) + " (" + std::to_string(at) + "): ";
  }
  [[nodiscard]] Error no_match(std::string_view expected) const {
    return {ErrorCode::invalid, place(at_) + "no match found, expected: " + std::string(expected)};
  }
  [[nodiscard]] Error rule_failed(std::string_view rule, std::string_view what, size_t at) const {
    return {ErrorCode::invalid, place(at) + "rule \"" + std::string(rule) + "\": " + std::string(what)};
  }

  static Tree join(FilterExpression::Kind kind, Tree left, Tree right) {
    auto tree = std::make_unique<FilterExpression>();
    tree->kind = kind;
    tree->left = std::move(left);
    tree->right = std::move(right);
    return tree;
  }

  // A chain of one word operator over what `next` reads.
  Result<Tree> parse_chain(std::string_view word, FilterExpression::Kind kind,
                           Result<Tree> (FilterParser::*next)(size_t), size_t depth) {
    Result<Tree> left = (this->*next)(depth);
    while (left) {
      size_t before = at_;
      if (!skip_space() || !eat_word(word)) {
        at_ = before;
        return left;
      }
      if (!skip_space() || at_ == text_.size()) return fail(no_match(kWantsSpace));
      Result<Tree> right = (this->*next)(depth);
      if (!right) return right;
      left = join(kind, std::move(*left), std::move(*right));
    }
    return left;
  }
  Result<Tree> parse_or(size_t depth) {
    return parse_chain("or", FilterExpression::Kind::disjunction, &FilterParser::parse_and, depth);
  }
  Result<Tree> parse_and(size_t depth) {
    return parse_chain("and", FilterExpression::Kind::conjunction, &FilterParser::parse_not, depth);
  }

  Result<Tree> parse_not(size_t depth) {
    if (depth > kFilterDepthMax) return fail(ErrorCode::too_large, "the filter is nested too deeply");
    size_t before = at_;
    if (eat_word("not") && skip_space()) {
      Result<Tree> operand = parse_not(depth + 1);
      if (!operand) return operand;
      return join(FilterExpression::Kind::negation, std::move(*operand), nullptr);
    }
    at_ = before;
    if (peek() != '(') return parse_match();
    ++at_;
    skip_space();
    Result<Tree> inner = parse_or(depth + 1);
    if (!inner) return inner;
    skip_space();
    if (peek() != ')') return fail(no_match(R"x(")", "and", "or" or [ \t\r\n])x"));
    ++at_;
    return inner;
  }

  Result<Tree> parse_match() {
    Result<Operand> first = parse_operand(kWantsExpression);
    if (!first) return fail(first.error());
    bool spaced = skip_space();
    auto match = std::make_unique<FilterExpression>();
    if (!first->selector.empty() && (peek() == '=' || peek() == '!')) {
      match->op = peek() == '=' ? FilterOperator::equal : FilterOperator::not_equal;
      if (at_ + 1 >= text_.size() || text_[at_ + 1] != '=')
        return fail(no_match(spaced ? kWantsOperator : kWantsMoreSelector));
      at_ += 2;
      skip_space();
      return finish_with_value(std::move(match), std::move(*first));
    }
    if (!spaced) return fail(no_match(first->selector.empty() ? kWantsSpace : kWantsMoreSelector));
    bool negated = false;
    if (eat_word("not")) {
      negated = true;
      if (!skip_space()) return fail(no_match(kWantsSpace));
    }
    if (eat_word("in")) return finish_in(std::move(match), std::move(first->text), negated);
    if (first->selector.empty()) return fail(no_match(R"("in", "not" or [ \t\r\n])"));
    if (!negated && eat_word("is")) return finish_is(std::move(match), std::move(*first));
    if (eat_word("contains")) {
      match->op = negated ? FilterOperator::not_in : FilterOperator::in;
    } else if (eat_word("matches")) {
      match->op = negated ? FilterOperator::not_matches : FilterOperator::matches;
    } else {
      return fail(no_match(kWantsOperator));
    }
    if (!skip_space()) return fail(no_match(kWantsSpace));
    return finish_with_value(std::move(match), std::move(*first));
  }

  Result<Tree> finish_with_value(Tree match, Operand first) {
    match->selector = std::move(first.selector);
    Result<Operand> value = parse_operand(kWantsValue);
    if (!value) return fail(value.error());
    match->value = std::move(value->text);
    return match;
  }

  Result<Tree> finish_in(Tree match, std::string value, bool negated) {
    match->op = negated ? FilterOperator::not_in : FilterOperator::in;
    match->value = std::move(value);
    if (!skip_space() || at_ == text_.size()) return fail(no_match(kWantsSpace));
    size_t start = at_;
    Result<Operand> selector = parse_operand("[a-zA-Z]");
    if (!selector || selector->selector.empty()) return fail(rule_failed("match", "Invalid selector", start));
    match->selector = std::move(selector->selector);
    return match;
  }

  Result<Tree> finish_is(Tree match, Operand first) {
    match->op = FilterOperator::is_empty;
    if (!skip_space()) return fail(no_match(kWantsSpace));
    if (eat_word("not")) {
      match->op = FilterOperator::is_not_empty;
      if (!skip_space()) return fail(no_match(kWantsSpace));
    }
    if (!eat_word("empty")) return fail(no_match(R"("empty", "not" or [ \t\r\n])"));
    match->selector = std::move(first.selector);
    return match;
  }

  Result<Operand> parse_operand(std::string_view expected) {
    if (is_letter(peek())) return parse_selector();
    if (peek() == '"' || peek() == '`') return parse_string();
    if (peek() == '-' || is_digit(peek())) return parse_number();
    return fail(no_match(expected));
  }

  std::string parse_identifier() {
    size_t start = at_;
    while (is_letter(peek()) || is_digit(peek()) || peek() == '_') ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  Result<Operand> parse_selector() {
    size_t start = at_;
    Operand operand;
    operand.selector.push_back(parse_identifier());
    while (true) {
      if (peek() == '.' && at_ + 1 < text_.size() && is_letter(text_[at_ + 1])) {
        ++at_;
        operand.selector.push_back(parse_identifier());
      } else if (peek() == '[') {
        size_t bracket = ++at_;
        skip_space();
        if (peek() != '"' && peek() != '`') return fail(rule_failed("index", "Invalid index", bracket));
        Result<Operand> index = parse_string();
        if (!index) return index;
        skip_space();
        if (peek() != ']') return fail(rule_failed("index", "Unclosed index expression", at_));
        ++at_;
        operand.selector.push_back(std::move(index->text));
      } else {
        break;
      }
    }
    operand.text = text_.substr(start, at_ - start);
    return operand;
  }

  Result<Operand> parse_string() {
    char quote = text_[at_];
    size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return fail(rule_failed("string", "Unterminated string literal", text_.size()));
    Operand operand;
    operand.text = text_.substr(at_ + 1, end - at_ - 1);
    if (quote == '"') {
      // Go's escapes are JSON's but for rare ones, which stay as written.
      Result<JsonValue> unescaped = JsonValue::parse("\"" + operand.text + "\"");
      if (unescaped) operand.text = std::move(unescaped->text);
    }
    at_ = end + 1;
    return operand;
  }

  Result<Operand> parse_number() {
    size_t start = at_;
    if (peek() == '-') ++at_;
    bool leading_zero = peek() == '0';
    size_t digits = at_;
    while (is_digit(peek())) ++at_;
    if (leading_zero && at_ > digits + 1) return fail(rule_failed("number", "Invalid number literal", digits + 1));
    if (at_ == digits) return fail(rule_failed("number", "Invalid number literal", at_));
    if (peek() == '.') {
      size_t point = at_++;
      while (is_digit(peek())) ++at_;
      if (at_ == point + 1) return fail(rule_failed("number", "Invalid number literal", at_));
    }
    bool ended = at_ == text_.size() || is_blank(peek()) || peek() == ')';
    if (!ended) return fail(rule_failed("number", "Invalid number literal", at_));
    Operand operand;
    operand.text = text_.substr(start, at_ - start);
    return operand;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::string_view to_string(FilterOperator op) {
  switch (op) {
    case FilterOperator::equal: return "Equal";
    case FilterOperator::not_equal: return "Not Equal";
    case FilterOperator::in: return "In";
    case FilterOperator::not_in: return "Not In";
    case FilterOperator::is_empty: return "Is Empty";
    case FilterOperator::is_not_empty: return "Is Not Empty";
    case FilterOperator::matches: return "Matches";
    case FilterOperator::not_matches: return "Not Matches";
  }
  return "";
}

Result<Tree> parse_filter(std::string_view text) {
  if (text.size() > kFilterBytesMax) {
    return fail(ErrorCode::too_large, "the filter is longer than " + std::to_string(kFilterBytesMax) + " bytes");
  }
  return FilterParser(text).parse();
}

}  // namespace weir::registry

// parse_expression: a recursive descent over
//   either := both { "||" both }    both := one { "&&" one }    one := "!" one | "(" either ")" | name "(" texts ")"

#include <algorithm>
#include <utility>

#include "routing/expression.h"
#include "routing/predicate_parser.h"
#include "routing/rule_lexer.h"

namespace weir::routing {

namespace {

class RuleParser {
 public:
  explicit RuleParser(std::string_view text) : lexer_(text) {}

  Result<Expression> parse() {
    if (auto first = advance(); !first) return fail(first.error());
    auto rule = parse_either();
    if (!rule) return rule;
    if (token_.kind != RuleToken::Kind::end) return fail_at(token_.column, "expected `&&`, `||` or the end");
    return rule;
  }

 private:
  Status advance() {
    auto token = lexer_.next();
    if (!token) return fail(token.error());
    token_ = std::move(*token);
    return {};
  }

  Status expect(RuleToken::Kind kind, const char* message) {
    if (token_.kind != kind) return fail_at(token_.column, message);
    return advance();
  }

  Result<Expression> parse_either() {
    return parse_chain(RuleToken::Kind::either, Expression::Kind::disjunction, &RuleParser::parse_both);
  }
  Result<Expression> parse_both() {
    return parse_chain(RuleToken::Kind::both, Expression::Kind::conjunction, &RuleParser::parse_one);
  }

  Result<Expression> parse_chain(RuleToken::Kind separator, Expression::Kind kind,
                                 Result<Expression> (RuleParser::*parse_operand)()) {
    auto first = (this->*parse_operand)();
    if (!first || token_.kind != separator) return first;
    Expression out{kind, {}, {}};
    out.operands.reserve(2);
    out.operands.push_back(std::move(*first));
    while (token_.kind == separator) {
      if (auto moved = advance(); !moved) return fail(moved.error());
      auto operand = (this->*parse_operand)();
      if (!operand) return operand;
      out.operands.push_back(std::move(*operand));
    }
    return out;
  }

  Result<Expression> parse_one() {
    if (token_.kind == RuleToken::Kind::name) return parse_matcher();
    if (token_.kind != RuleToken::Kind::negate && token_.kind != RuleToken::Kind::open) {
      return fail_at(token_.column, "expected a matcher, `!` or `(`");
    }
    if (depth_ == kRuleDepthMax) {
      return fail_at(token_.column, "nested deeper than " + std::to_string(kRuleDepthMax));
    }
    ++depth_;
    auto inner = token_.kind == RuleToken::Kind::negate ? parse_negation() : parse_group();
    --depth_;
    return inner;
  }

  Result<Expression> parse_negation() {
    if (auto moved = advance(); !moved) return fail(moved.error());
    auto operand = parse_one();
    if (!operand) return operand;
    Expression out{Expression::Kind::negation, {}, {}};
    out.operands.push_back(std::move(*operand));
    return out;
  }

  Result<Expression> parse_group() {
    if (auto moved = advance(); !moved) return fail(moved.error());
    auto inner = parse_either();
    if (!inner) return inner;
    if (auto closed = expect(RuleToken::Kind::close, "expected `)`"); !closed) return fail(closed.error());
    return inner;
  }

  Result<Expression> parse_matcher() {
    if (++matchers_ > kRuleMatchersMax) {
      return fail_at(token_.column, "more than " + std::to_string(kRuleMatchersMax) + " matchers");
    }
    RuleToken name = token_;
    if (auto moved = advance(); !moved) return fail(moved.error());
    if (auto opened = expect(RuleToken::Kind::open, "expected `(`"); !opened) return fail(opened.error());
    std::vector<RuleToken> arguments;
    while (token_.kind != RuleToken::Kind::close) {
      if (!arguments.empty()) {
        if (auto comma = expect(RuleToken::Kind::comma, "expected `,` or `)`"); !comma) return fail(comma.error());
        if (token_.kind == RuleToken::Kind::close) break;  // Go takes a comma behind the last one
      }
      if (token_.kind != RuleToken::Kind::text) {
        return fail_at(token_.column, "expected a value in backticks or double quotes");
      }
      arguments.push_back(std::move(token_));
      if (auto moved = advance(); !moved) return fail(moved.error());
    }
    if (auto moved = advance(); !moved) return fail(moved.error());
    return parse_predicate(name, arguments);
  }

  RuleLexer lexer_;
  RuleToken token_;
  size_t depth_ = 0;
  size_t matchers_ = 0;
};

}  // namespace

Result<Expression> parse_expression(std::string_view text) {
  if (text.size() > kRuleBytesMax) {
    return fail_at(kRuleBytesMax + 1, "a rule has at most " + std::to_string(kRuleBytesMax) + " bytes");
  }
  return RuleParser(text).parse();
}

}  // namespace weir::routing

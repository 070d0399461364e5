// Expressions: a Pratt parser. See parser.h.

#include <algorithm>
#include <charconv>
#include <utility>

#include "scheduler/hcl/limits.h"
#include "scheduler/hcl/parser.h"
#include "weir/base/text.h"

namespace weir::scheduler::hcl {
namespace {

ExpressionPtr make(ExpressionKind kind, uint32_t begin) {
  auto expression = std::make_unique<Expression>();
  expression->kind = kind;
  expression->begin = begin;
  return expression;
}

/// How tightly an operator binds; 0 for what is no operator.
int binding(const Token& token) {
  if (token.kind != TokenKind::punctuation) return 0;
  const std::string& op = token.text;
  if (op == "||") return 1;
  if (op == "&&") return 2;
  if (op == "==" || op == "!=") return 3;
  if (op == "<" || op == ">" || op == "<=" || op == ">=") return 4;
  if (op == "+" || op == "-") return 5;
  if (op == "*" || op == "/" || op == "%") return 6;
  return 0;
}

/// Newlines mean nothing until this dies.
class NewlineRule {
 public:
  NewlineRule(bool& skip, bool value) : skip_(skip), before_(std::exchange(skip, value)) {}
  ~NewlineRule() { skip_ = before_; }
  NewlineRule(const NewlineRule&) = delete;
  NewlineRule& operator=(const NewlineRule&) = delete;

 private:
  bool& skip_;
  bool before_;
};

}  // namespace

ExpressionPtr Parser::expression() {
  if (++depth_ > kNestingDepthMax) return fail_expression(peek().begin, "This expression is nested too deeply");
  ExpressionPtr result = binary(1);
  if (result && peek().is("?")) {
    take();
    auto choice = make(ExpressionKind::conditional, result->begin);
    choice->children.push_back(std::move(result));
    choice->children.push_back(expression());
    if (!choice->children.back() || !expect(":", "between the two results of a condition")) return nullptr;
    choice->children.push_back(expression());
    if (!choice->children.back()) return nullptr;
    uint32_t end = choice->children.back()->end;
    result = finish(std::move(choice), end);
  }
  --depth_;
  return error_ ? nullptr : std::move(result);
}

ExpressionPtr Parser::binary(int binds_at_least) {
  ExpressionPtr left = unary();
  while (left) {
    int binds = binding(peek());
    if (binds < binds_at_least || binds == 0) break;
    auto operation = make(ExpressionKind::binary, left->begin);
    operation->name = take().text;
    operation->children.push_back(std::move(left));
    operation->children.push_back(binary(binds + 1));
    if (!operation->children.back()) return nullptr;
    uint32_t end = operation->children.back()->end;
    left = finish(std::move(operation), end);
  }
  return left;
}

ExpressionPtr Parser::unary() {
  const Token& token = peek();
  if (!token.is("-") && !token.is("!")) return postfix();
  if (++depth_ > kNestingDepthMax) return fail_expression(token.begin, "This expression is nested too deeply");
  Token op = take();
  auto operation = make(ExpressionKind::unary, op.begin);
  operation->name = op.text;
  operation->children.push_back(unary());
  --depth_;
  if (!operation->children.back()) return nullptr;
  uint32_t end = operation->children.back()->end;
  return finish(std::move(operation), end);
}

ExpressionPtr Parser::postfix() {
  ExpressionPtr base = primary();
  if (!base || (!peek().is(".") && !peek().is("["))) return base;
  auto path = make(ExpressionKind::path, base->begin);
  path->children.push_back(std::move(base));
  while (peek().is(".") || peek().is("[")) {
    if (peek().is(".") ? !path_step(*path) : !bracket_step(*path)) return nullptr;
  }
  uint32_t end = path->end;
  return finish(std::move(path), end);
}

bool Parser::path_step(Expression& path) {
  take();  // .
  Token part = scanner_.path_part();
  if (part.kind == TokenKind::invalid) return fail(part.begin, part.text);
  PathStep step{PathStep::Kind::attribute, part.text, nullptr, part.begin};
  path.end = part.end;
  if (part.text.empty()) {
    Token star = take();
    if (!star.is("*")) return fail(star.begin, "A name must follow the dot, not " + describe(star));
    step.kind = PathStep::Kind::attribute_splat;
    path.end = star.end;
  }
  path.steps.push_back(std::move(step));
  return true;
}

bool Parser::bracket_step(Expression& path) {
  Token open = take();
  NewlineRule rule(skip_newlines_, true);
  PathStep step{PathStep::Kind::index, "", nullptr, open.begin};
  if (peek().is("*")) {
    take();
    step.kind = PathStep::Kind::splat;
  } else {
    step.index = expression();
    if (!step.index) return false;
  }
  path.end = peek().end;
  path.steps.push_back(std::move(step));
  return expect("]", "after an index");
}

ExpressionPtr Parser::primary() {
  Token token = take();
  if (error_) return nullptr;
  switch (token.kind) {
    case TokenKind::number: return number(token);
    case TokenKind::quote: return quoted(token);
    case TokenKind::heredoc: return heredoc(token);
    case TokenKind::identifier: return name_or_call(token);
    case TokenKind::punctuation:
    case TokenKind::end:
    case TokenKind::newline:
    case TokenKind::invalid: break;
  }
  if (token.is("[")) return list(token);
  if (token.is("{")) return object(token);
  if (token.is("(")) {
    NewlineRule rule(skip_newlines_, true);
    ExpressionPtr inner = expression();
    if (!inner || !expect(")", "after this expression")) return nullptr;
    return inner;
  }
  return fail_expression(token.begin, "Expected a value, not " + describe(token));
}

ExpressionPtr Parser::number(const Token& token) {
  auto literal = make(ExpressionKind::literal, token.begin);
  literal->end = token.end;
  if (auto whole = parse_i64(token.text)) {
    literal->value = Value(*whole);
    return literal;
  }
  double value = 0;
  auto [stop, failure] = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
  if (failure != std::errc() || stop != token.text.data() + token.text.size()) {
    return fail_expression(token.begin, "The number " + token.text + " is out of range");
  }
  literal->value = Value::number(value);
  return literal;
}

ExpressionPtr Parser::name_or_call(const Token& token) {
  auto literal = make(ExpressionKind::literal, token.begin);
  literal->end = token.end;
  if (token.text == "true" || token.text == "false") {
    literal->value = Value(token.text == "true");
    return literal;
  }
  if (token.text == "null") return literal;
  if (peek().is("(")) return call(token);
  literal->kind = ExpressionKind::name;
  literal->name = token.text;
  return literal;
}

ExpressionPtr Parser::call(const Token& name) {
  take();  // (
  NewlineRule rule(skip_newlines_, true);
  auto call = make(ExpressionKind::call, name.begin);
  call->name = name.text;
  while (!peek().is(")")) {
    call->children.push_back(expression());
    if (!call->children.back()) return nullptr;
    if (peek().is("...")) {
      take();
      call->spread = true;
      break;
    }
    if (!peek().is(",")) break;
    take();
  }
  uint32_t end = peek().end;
  if (!expect(")", "after the arguments of " + name.text + "()")) return nullptr;
  return finish(std::move(call), end);
}

ExpressionPtr Parser::list(const Token& open) {
  NewlineRule rule(skip_newlines_, true);
  if (peek().kind == TokenKind::identifier && peek().text == "for") return for_list(open);
  auto list = make(ExpressionKind::list, open.begin);
  while (!peek().is("]")) {
    if (error_) return nullptr;
    if (peek().is(".") && source_.slice(open.begin - std::min(open.begin, 1U), open.begin) == "[") {
      return fail_expression(open.begin, "[[ ]] of another template tool must be rendered before this file is read");
    }
    list->children.push_back(expression());
    if (!list->children.back()) return nullptr;
    if (!peek().is(",")) break;
    take();
  }
  uint32_t end = peek().end;
  if (!expect("]", "or a comma in a list")) return nullptr;
  return finish(std::move(list), end);
}

ExpressionPtr Parser::object(const Token& open) {
  NewlineRule rule(skip_newlines_, false);
  auto object = make(ExpressionKind::object, open.begin);
  while (true) {
    while (peek().kind == TokenKind::newline) take();
    if (peek().is("}") || error_) break;
    if (object->children.empty() && peek().kind == TokenKind::identifier && peek().text == "for")
      return for_object(open);
    object->children.push_back(object_key());
    if (!object->children.back()) return nullptr;
    Token assign = take();
    if (!assign.is("=") && !assign.is(":")) {
      return fail_expression(assign.begin, "Expected = after a key of this object, not " + describe(assign));
    }
    object->children.push_back(expression());
    if (!object->children.back()) return nullptr;
    const Token& after = peek();
    if (after.is(",")) {
      take();
    } else if (after.kind != TokenKind::newline && !after.is("}")) {
      return fail_expression(after.begin, "Expected a comma, a new line or } in this object, not " + describe(after));
    }
  }
  uint32_t end = peek().end;
  if (!expect("}", "at the end of an object")) return nullptr;
  return finish(std::move(object), end);
}

ExpressionPtr Parser::object_key() {
  const Token& token = peek();
  if (token.is("(")) return primary();
  if (token.kind != TokenKind::identifier && token.kind != TokenKind::number) return expression();
  Token name = take();
  auto key = make(ExpressionKind::literal, name.begin);
  key->end = name.end;
  key->value = Value(name.text);
  return key;
}

bool Parser::for_intro(Expression& loop) {
  take();  // for
  Token first = take();
  if (first.kind != TokenKind::identifier)
    return fail(first.begin, "A name must follow \"for\", not " + describe(first));
  loop.name = first.text;
  if (peek().is(",")) {
    take();
    Token second = take();
    if (second.kind != TokenKind::identifier) return fail(second.begin, "Expected the second name of \"for\" here");
    loop.second_name = second.text;
  }
  Token in = take();
  if (in.kind != TokenKind::identifier || in.text != "in")
    return fail(in.begin, "Expected \"in\", not " + describe(in));
  loop.children.push_back(expression());
  return loop.children.back() != nullptr;
}

ExpressionPtr Parser::for_list(const Token& open) {
  auto loop = make(ExpressionKind::for_list, open.begin);
  if (!for_intro(*loop) || !expect(":", "after the collection of \"for\"")) return nullptr;
  loop->children.push_back(expression());
  if (!loop->children.back()) return nullptr;
  if (peek().kind == TokenKind::identifier && peek().text == "if") {
    take();
    loop->children.push_back(expression());
    if (!loop->children.back()) return nullptr;
  }
  uint32_t end = peek().end;
  if (!expect("]", "at the end of this \"for\"")) return nullptr;
  return finish(std::move(loop), end);
}

ExpressionPtr Parser::for_object(const Token& open) {
  NewlineRule rule(skip_newlines_, true);
  auto loop = make(ExpressionKind::for_object, open.begin);
  if (!for_intro(*loop) || !expect(":", "after the collection of \"for\"")) return nullptr;
  loop->children.push_back(expression());
  if (!loop->children.back() || !expect("=>", "between key and value of this \"for\"")) return nullptr;
  loop->children.push_back(expression());
  if (!loop->children.back()) return nullptr;
  if (peek().is("...")) {
    take();
    loop->spread = true;
  }
  if (peek().kind == TokenKind::identifier && peek().text == "if") {
    take();
    loop->children.push_back(expression());
    if (!loop->children.back()) return nullptr;
  }
  uint32_t end = peek().end;
  if (!expect("}", "at the end of this \"for\"")) return nullptr;
  return finish(std::move(loop), end);
}

ExpressionPtr Parser::finish(ExpressionPtr expression, uint32_t end) {
  expression->end = end;
  int deepest = 0;
  for (const ExpressionPtr& child : expression->children) deepest = std::max(deepest, child->depth);
  for (const PathStep& step : expression->steps) {
    if (step.index) deepest = std::max(deepest, step.index->depth);
  }
  expression->depth = deepest + 1;
  if (expression->depth > kNestingDepthMax) {
    return fail_expression(expression->begin, "This expression is nested too deeply or has too many operators");
  }
  return expression;
}

}  // namespace weir::scheduler::hcl

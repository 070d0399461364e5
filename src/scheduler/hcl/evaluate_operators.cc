// Operators and conditions. See evaluator.h.

#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "scheduler/hcl/evaluator.h"
#include "weir/base/text.h"

namespace weir::scheduler::hcl {
namespace {

bool is_whole(const Value& left, const Value& right) { return left.is_integer() && right.is_integer(); }

/// HCL's numbers have 150 digits, and 0.1 + 0.2 is 0.3: a result that is the double beside a short decimal fraction is
/// that fraction. People write fewer than 12 digits, and of others one in thousands is taken for short.
double without_noise(double value) {
  char text[32];
  constexpr int kDigits = 12;
  auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, kDigits - 1).ptr;
  double rounded = value;
  std::from_chars(text, end, rounded);
  bool close = std::fabs(rounded - value) <= 2 * std::numeric_limits<double>::epsilon() * std::fabs(value);
  return close ? rounded : value;
}

}  // namespace

Result<Value> Evaluator::unary(Place expression, const Scope* scope) {
  const Expression& operand = *expression.children[0];
  if (expression.name == "!") {
    auto value = condition(operand, scope);
    return value ? Result<Value>(Value(!*value)) : fail(value.error());
  }
  auto value = evaluate(operand, scope);
  if (!value) return value;
  auto number = number_of(*value, operand);
  return number ? Result<Value>(Value::number(-*number)) : fail(number.error());
}

Result<Value> Evaluator::binary(Place expression, const Scope* scope) {
  const std::string& op = expression.name;
  if (op == "&&" || op == "||") {
    auto left = condition(*expression.children[0], scope);
    if (!left) return fail(left.error());
    if (*left == (op == "||")) return Value(*left);
    auto right = condition(*expression.children[1], scope);
    return right ? Result<Value>(Value(*right)) : fail(right.error());
  }
  auto left = evaluate(*expression.children[0], scope);
  if (!left) return left;
  auto right = evaluate(*expression.children[1], scope);
  if (!right) return right;
  if (op == "==") return Value(*left == *right);
  if (op == "!=") return Value(!(*left == *right));
  return arithmetic(expression, *left, *right);
}

Result<Value> Evaluator::arithmetic(Place expression, const Value& left, const Value& right) {
  auto a = number_of(left, *expression.children[0]);
  if (!a) return fail(a.error());
  auto b = number_of(right, *expression.children[1]);
  if (!b) return fail(b.error());
  const std::string& op = expression.name;
  if (op == "<") return Value(*a < *b);
  if (op == ">") return Value(*a > *b);
  if (op == "<=") return Value(*a <= *b);
  if (op == ">=") return Value(*a >= *b);
  if ((op == "/" || op == "%") && *b == 0) return fail_at(expression.children[1]->begin, "Division by zero");
  int64_t exact = 0;
  // Whole numbers beyond 2^53 stay exact where they can.
  if (is_whole(left, right)) {
    int64_t x = left.as_integer();
    int64_t y = right.as_integer();
    if (op == "+" && !__builtin_add_overflow(x, y, &exact)) return Value(exact);
    if (op == "-" && !__builtin_sub_overflow(x, y, &exact)) return Value(exact);
    if (op == "*" && !__builtin_mul_overflow(x, y, &exact)) return Value(exact);
    if (op == "%" && y != -1) return Value(x % y);
  }
  double result = op == "+"   ? *a + *b
                  : op == "-" ? *a - *b
                  : op == "*" ? *a * *b
                  : op == "/" ? *a / *b
                              : std::fmod(*a, *b);
  if (!std::isfinite(result)) return fail_at(expression.begin, "The result is out of range");
  return Value::number(without_noise(result));
}

Result<Value> Evaluator::conditional(Place expression, const Scope* scope) {
  auto holds = condition(*expression.children[0], scope);
  if (!holds) return fail(holds.error());
  return evaluate(*expression.children[*holds ? 1 : 2], scope);
}

Result<bool> Evaluator::condition(Place expression, const Scope* scope) {
  auto value = evaluate(expression, scope);
  if (!value) return fail(value.error());
  if (value->is_bool()) return value->as_bool();
  if (*value == Value("true")) return true;
  if (*value == Value("false")) return false;
  return fail_at(expression.begin, "Expected true or false here, not a " + std::string(value->kind()));
}

Result<double> Evaluator::number_of(const Value& value, Place expression) {
  if (value.is_number()) return value.as_number();
  if (value.is_string()) {
    const std::string& text = value.as_string();
    double number = 0;
    auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    bool is_all = failure == std::errc() && stop == text.data() + text.size() && std::isfinite(number);
    if (is_all) return number;
    if (text.starts_with("${")) {
      return fail_at(expression.begin, text + " is only known when the task runs: it cannot be used in arithmetic");
    }
  }
  return fail_at(expression.begin, "Expected a number here, not a " + std::string(value.kind()));
}

}  // namespace weir::scheduler::hcl

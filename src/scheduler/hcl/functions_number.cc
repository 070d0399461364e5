// Functions on numbers, and the plain conversions. See functions.h.

#include <algorithm>
#include <charconv>
#include <cmath>

#include "scheduler/hcl/functions.h"

namespace weir::scheduler::hcl {
namespace {

/// min() and max(): which one is taken.
template <typename Better>
Result<Value> extreme(const Arguments& arguments, Better better) {
  size_t best = 0;
  for (size_t i = 0; i < arguments.size(); ++i) {
    auto number = number_argument(arguments, i);
    if (!number) return fail(number.error());
    if (better(*number, *number_argument(arguments, best))) best = i;
  }
  return Value::number(*number_argument(arguments, best));
}

Result<Value> min_call(const Arguments& arguments) { return extreme(arguments, std::less<double>()); }
Result<Value> max_call(const Arguments& arguments) { return extreme(arguments, std::greater<double>()); }

template <double (*Round)(double)>
Result<Value> rounded(const Arguments& arguments) {
  auto number = number_argument(arguments, 0);
  return number ? Result<Value>(Value::number(Round(*number))) : fail(number.error());
}

double ceil_of(double value) { return std::ceil(value); }
double floor_of(double value) { return std::floor(value); }
double abs_of(double value) { return std::fabs(value); }
double sign_of(double value) { return value < 0 ? -1 : value > 0 ? 1 : 0; }

Result<Value> parseint(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  if (!text) return fail(text.error());
  auto base = whole_argument(arguments, 1);
  if (!base) return fail(base.error());
  if (*base < 2 || *base > 36) return fail(ErrorCode::invalid, "the base must be 2 to 36");
  int64_t value = 0;
  const std::string_view digits = *text;
  const char* end = digits.data() + digits.size();
  auto [stop, failure] = std::from_chars(digits.data(), end, value, static_cast<int>(*base));
  if (failure != std::errc() || stop != end) {
    return fail(ErrorCode::invalid, "\"" + *text + "\" is no number in base " + std::to_string(*base));
  }
  return Value(value);
}

Result<Value> tonumber(const Arguments& arguments) {
  auto number = number_argument(arguments, 0);
  return number ? Result<Value>(Value::number(*number)) : fail(number.error());
}

Result<Value> tostring(const Arguments& arguments) {
  auto text = text_argument(arguments, 0);
  return text ? Result<Value>(Value(*text)) : fail(text.error());
}

Result<Value> tobool(const Arguments& arguments) {
  if (arguments[0].is_bool()) return arguments[0];
  if (arguments[0] == Value("true")) return Value(true);
  if (arguments[0] == Value("false")) return Value(false);
  return bad_argument(0, "true or false", arguments[0]);
}

Result<Value> pow_call(const Arguments& arguments) {
  auto base = number_argument(arguments, 0);
  if (!base) return fail(base.error());
  auto exponent = number_argument(arguments, 1);
  if (!exponent) return fail(exponent.error());
  double result = std::pow(*base, *exponent);
  if (!std::isfinite(result)) return fail(ErrorCode::invalid, "the result is out of range");
  return Value::number(result);
}

Result<Value> log_call(const Arguments& arguments) {
  auto number = number_argument(arguments, 0);
  if (!number) return fail(number.error());
  auto base = number_argument(arguments, 1);
  if (!base) return fail(base.error());
  // Go's logarithm is not the C library's: now and then a unit in the last place lies between them.
  double result = std::log(*number) / std::log(*base);
  if (!std::isfinite(result)) return fail(ErrorCode::invalid, "the result is out of range");
  return Value::number(result);
}

constexpr Function kFunctions[] = {
    {"min", 1, Function::kAnyCount, min_call},
    {"max", 1, Function::kAnyCount, max_call},
    {"ceil", 1, 1, rounded<ceil_of>},
    {"floor", 1, 1, rounded<floor_of>},
    {"abs", 1, 1, rounded<abs_of>},
    {"signum", 1, 1, rounded<sign_of>},
    {"pow", 2, 2, pow_call},
    {"log", 2, 2, log_call},
    {"parseint", 2, 2, parseint},
    {"tonumber", 1, 1, tonumber},
    {"tostring", 1, 1, tostring},
    {"tobool", 1, 1, tobool},
};

}  // namespace

std::span<const Function> number_functions() { return kFunctions; }

}  // namespace weir::scheduler::hcl

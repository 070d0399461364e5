#pragma once
// Expressions as a job file named "x" would have them, with four variables.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scheduler/hcl/evaluator.h"
#include "scheduler/hcl/parser.h"

namespace weir::scheduler::hcl {

inline Result<Value> evaluated(std::string_view text) {
  Source source("x", text);
  auto expression = parse_expression(source);
  if (!expression) return fail(expression.error());
  Names names;
  names.variables["name"] = Value("web");
  names.variables["count"] = Value(3);
  names.variables["list"] = Value(Value::List{Value("a"), Value("b")});
  names.variables["map"] = Value(Value::Object{{"k", Value(1)}, {"inner", Value(Value::Object{{"x", Value(2)}})}});
  FileAccess files;
  return Evaluator(source, names, files).evaluate(**expression);
}

/// The value, or the error as text.
inline Value value_of(std::string_view text) {
  auto value = evaluated(text);
  return value ? *value : Value("error " + value.error().text());
}

inline std::string error_of(std::string_view text) {
  auto value = evaluated(text);
  return value ? "no error" : value.error().text();
}

inline Value list(std::vector<Value> items) { return Value(std::move(items)); }

}  // namespace weir::scheduler::hcl

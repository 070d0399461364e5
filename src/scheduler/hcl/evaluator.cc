#include "scheduler/hcl/evaluator.h"

#include <algorithm>
#include <utility>

#include "scheduler/hcl/limits.h"
#include "weir/base/text.h"

namespace weir::scheduler::hcl {

Result<Value> Evaluator::evaluate(const Expression& expression, const Scope* scope) {
  if (++depth_ > kEvaluationDepthMax) {
    --depth_;
    return fail_at(expression.begin, "This refers to too many others in a row");
  }
  Result<Value> value = dispatch(expression, scope);
  --depth_;
  if (!value) return value;
  if (auto charged = charge(*value, expression.begin); !charged) return fail(charged.error());
  return value;
}

Result<Value> Evaluator::dispatch(Place expression, const Scope* scope) {
  switch (expression.kind) {
    case ExpressionKind::literal: return expression.value;
    case ExpressionKind::name: return name(expression, scope);
    case ExpressionKind::path: return path(expression, scope);
    case ExpressionKind::text: return text(expression, scope);
    case ExpressionKind::list: return list(expression, scope);
    case ExpressionKind::object: return object(expression, scope);
    case ExpressionKind::call: return call(expression, scope);
    case ExpressionKind::unary: return unary(expression, scope);
    case ExpressionKind::binary: return binary(expression, scope);
    case ExpressionKind::conditional: return conditional(expression, scope);
    case ExpressionKind::for_list: return for_list(expression, scope);
    case ExpressionKind::for_object: return for_object(expression, scope);
    case ExpressionKind::interpolation:
    case ExpressionKind::directive_if:
    case ExpressionKind::directive_for: break;  // only as parts of a text
  }
  auto part = text_part(expression, scope);
  if (!part) return fail(part.error());
  return Value(std::move(*part));
}

namespace {

const Scope* find_in_scope(const Scope* scope, std::string_view name) {
  while (scope != nullptr && scope->name != name) scope = scope->outer;
  return scope;
}

}  // namespace

Result<Value> Evaluator::name(Place expression, const Scope* scope) {
  if (const Scope* found = find_in_scope(scope, expression.name)) return *found->value;
  if (is_foreign(expression, scope)) {
    return Value("${" + std::string(source_.slice(expression.begin, expression.end)) + "}");
  }
  return fail_at(expression.begin, "A name must follow: " + expression.name + ".NAME");
}

bool Evaluator::is_foreign(Place expression, const Scope* scope) const {
  if (expression.kind == ExpressionKind::path) return is_foreign(*expression.children[0], scope);
  return expression.kind == ExpressionKind::name && expression.name != "var" && expression.name != "local" &&
         find_in_scope(scope, expression.name) == nullptr;
}

Result<Value> Evaluator::path(Place expression, const Scope* scope) {
  const Expression& base = *expression.children[0];
  if (is_foreign(base, scope)) {
    return Value("${" + std::string(source_.slice(expression.begin, expression.end)) + "}");
  }
  bool is_ours = base.kind == ExpressionKind::name && find_in_scope(scope, base.name) == nullptr;
  if (!is_ours) {
    auto value = evaluate(base, scope);
    return value ? follow(std::move(*value), expression, {0, expression.steps.size()}, scope) : value;
  }
  const PathStep& first = expression.steps[0];
  std::string wanted = first.name;
  if (first.kind == PathStep::Kind::index) {
    auto key = evaluate(*first.index, scope);
    if (!key) return key;
    wanted = key->to_text();
  }
  if (wanted.empty()) return fail_at(first.begin, "A name must follow: " + base.name + ".NAME");
  auto value = base.name == "var" ? variable(wanted, base.begin) : local(wanted, base.begin);
  if (!value) return value;
  if (auto charged = charge(*value, base.begin); !charged)
    return fail(charged.error());  // copied, whatever is used of it
  return follow(std::move(*value), expression, {1, expression.steps.size()}, scope);
}

Result<Value> Evaluator::follow(Value value, Place path, Steps steps, const Scope* scope) {
  for (size_t step = steps.begin; step < steps.end; ++step) {
    const PathStep& next = path.steps[step];
    if (next.kind == PathStep::Kind::splat) return splat(value, path, {step + 1, steps.end}, scope);
    if (next.kind == PathStep::Kind::attribute_splat) {
      Steps attributes{step + 1, step + 1};
      while (attributes.end < steps.end && path.steps[attributes.end].kind == PathStep::Kind::attribute) {
        ++attributes.end;
      }
      auto members = splat(value, path, attributes, scope);
      if (!members) return members;
      value = std::move(*members);
      step = attributes.end - 1;
      continue;
    }
    Result<Value> key = Value(next.name);
    if (next.kind == PathStep::Kind::index) key = evaluate(*next.index, scope);
    if (!key) return key;
    auto member = index(value, *key, next.begin);
    if (!member) return member;
    value = std::move(*member);
  }
  return value;
}

Result<Value> Evaluator::splat(const Value& value, Place path, Steps steps, const Scope* scope) {
  Value::List single;
  if (!value.is_list() && !value.is_null()) single.push_back(value);
  Value::List out;
  for (const Value& item : value.is_list() ? value.as_list() : single) {
    auto member = follow(item, path, steps, scope);
    if (!member) return member;
    out.push_back(std::move(*member));
  }
  return Value(std::move(out));
}

Result<Value> Evaluator::index(const Value& value, const Value& key, uint32_t offset) {
  if (value.is_object()) {
    if (const Value* member = value.find(key.to_text())) return *member;
    return fail_at(offset, "This object has no \"" + key.to_text() + "\"");
  }
  if (value.is_list()) {
    auto position = parse_u64(key.to_text());
    if (position && *position < value.as_list().size()) return value.as_list()[*position];
    return fail_at(offset,
                   "This list of " + std::to_string(value.as_list().size()) + " has no item \"" + key.to_text() + "\"");
  }
  return fail_at(offset, "A " + std::string(value.kind()) + " has no parts");
}

Result<Value> Evaluator::variable(const std::string& variable, uint32_t offset) {
  auto found = names_.variables.find(variable);
  if (found != names_.variables.end()) return found->second;
  return fail_at(offset,
                 "The variable \"" + variable + "\" is not declared: no variable \"" + variable + "\" { } here");
}

Result<Value> Evaluator::local(const std::string& local, uint32_t offset) {
  auto found = names_.locals.find(local);
  if (found == names_.locals.end()) return fail_at(offset, "There is no local \"" + local + "\" in a locals { } block");
  Names::Local& entry = found->second;
  if (entry.state == Names::Local::State::known) return entry.value;
  if (entry.state == Names::Local::State::reading) {
    return fail_at(entry.expression->begin, "The local \"" + local + "\" refers to itself");
  }
  entry.state = Names::Local::State::reading;
  auto value = evaluate(*entry.expression);
  if (!value) {
    entry.state = Names::Local::State::unread;
    return value;
  }
  // Locals can wrap each other, so their depth is not bounded by that of one expression.
  if (value_depth(*value) > kNestingDepthMax)
    return fail_at(entry.expression->begin, "This value is nested too deeply");
  entry.value = *value;
  entry.state = Names::Local::State::known;
  return value;
}

Status Evaluator::evaluate_locals() {
  for (auto& [name, entry] : names_.locals) {
    if (auto value = local(name, entry.expression->begin); !value) return fail(value.error());
  }
  return {};
}

Result<Value> Evaluator::list(Place expression, const Scope* scope) {
  Value::List out;
  for (const ExpressionPtr& item : expression.children) {
    auto value = evaluate(*item, scope);
    if (!value) return value;
    out.push_back(std::move(*value));
  }
  return Value(std::move(out));
}

Result<Value> Evaluator::object(Place expression, const Scope* scope) {
  Value::Object out;
  for (size_t i = 0; i + 1 < expression.children.size(); i += 2) {
    auto key = evaluate(*expression.children[i], scope);
    if (!key) return key;
    if (key->is_list() || key->is_object() || key->is_null()) {
      return fail_at(expression.children[i]->begin, "A " + std::string(key->kind()) + " cannot be a key");
    }
    auto value = evaluate(*expression.children[i + 1], scope);
    if (!value) return value;
    out[key->to_text()] = std::move(*value);
  }
  return Value(std::move(out));
}

Result<Value> Evaluator::call(Place expression, const Scope* scope) {
  if (expression.name == "try" || expression.name == "can") return attempt(expression, scope);
  const Function* function = find_function(expression.name);
  if (function == nullptr) {
    std::string hint = expression.name == "env" ? "; give the value by a variable and NOMAD_VAR_name" : "";
    return fail_at(expression.begin, "There is no function named \"" + expression.name + "\"" + hint);
  }
  std::vector<Value> values;
  for (size_t i = 0; i < expression.children.size(); ++i) {
    auto value = evaluate(*expression.children[i], scope);
    if (!value) return value;
    bool spreads = expression.spread && i + 1 == expression.children.size();
    if (spreads && !value->is_list()) return fail_at(expression.children[i]->begin, "Only a list can be spread by ...");
    if (spreads) {
      for (Value& item : value->as_list()) values.push_back(std::move(item));
    } else {
      values.push_back(std::move(*value));
    }
  }
  bool too_many = function->arguments_max != Function::kAnyCount && values.size() > function->arguments_max;
  if (values.size() < function->arguments_min || too_many) {
    return fail_at(expression.begin, expression.name + "() takes " + (too_many ? "at most " : "at least ") +
                                         std::to_string(too_many ? function->arguments_max : function->arguments_min) +
                                         " arguments, not " + std::to_string(values.size()));
  }
  auto result = function->call(Arguments{values, files_});
  if (!result) return fail_at(expression.begin, expression.name + "(): " + result.error().message);
  return result;
}

/// try(a, b, ...): the first that can be evaluated. can(a): whether it can.
Result<Value> Evaluator::attempt(Place expression, const Scope* scope) {
  bool asks = expression.name == "can";
  if (expression.children.empty() || (asks && expression.children.size() > 1)) {
    return fail_at(expression.begin, asks ? "can() takes one argument" : "try() needs an argument");
  }
  for (const ExpressionPtr& candidate : expression.children) {
    auto value = evaluate(*candidate, scope);
    if (value) return asks ? Value(true) : std::move(*value);
  }
  return asks ? Result<Value>(Value(false))
              : fail_at(expression.begin, "try(): none of its arguments can be evaluated");
}

Status Evaluator::charge(const Value& value, uint32_t offset) {
  bytes_ += value_bytes(value);
  if (bytes_ > kEvaluatedBytesMax) return fail_at(offset, "The values in this file get too large");
  return {};
}

size_t value_bytes(const Value& value) {
  size_t bytes = sizeof(Value);
  if (value.is_string()) bytes += value.as_string().size();
  if (value.is_list()) {
    for (const Value& item : value.as_list()) bytes += value_bytes(item);
  }
  if (value.is_object()) {
    for (const auto& [key, member] : value.as_object()) bytes += key.size() + value_bytes(member);
  }
  return bytes;
}

int value_depth(const Value& value) {
  int deepest = 0;
  if (value.is_list()) {
    for (const Value& item : value.as_list()) deepest = std::max(deepest, value_depth(item));
  }
  if (value.is_object()) {
    for (const auto& [key, member] : value.as_object()) deepest = std::max(deepest, value_depth(member));
  }
  return deepest + 1;
}

tl::unexpected<Error> Evaluator::fail_at(uint32_t offset, std::string message) const {
  return fail(source_.error_at(offset, std::move(message)));
}

}  // namespace weir::scheduler::hcl

#pragma once
// Expressions to values.

#include <map>
#include <string>
#include <string_view>

#include "scheduler/hcl/functions.h"
#include "scheduler/hcl/source.h"
#include "scheduler/hcl/syntax.h"
#include "weir/base/result.h"
#include "weir/scheduler/value.h"

namespace weir::scheduler::hcl {

/// What var.* and local.* mean. Locals are evaluated when first asked for, so they may refer to each other in any
/// order.
struct Names {
  struct Local {
    enum class State : uint8_t { unread, reading, known };
    const Expression* expression = nullptr;
    State state = State::unread;
    Value value = {};
  };
  std::map<std::string, Value, std::less<>> variables;
  std::map<std::string, Local, std::less<>> locals;
};

/// Names of `for`, innermost first.
struct Scope {
  const Scope* outer = nullptr;
  std::string_view name;
  const Value* value = nullptr;
};

/// One source's expressions. All other names than var, local and those in scope are not errors: they become the text
/// ${name} as it stands in the source, for the agent to replace.
class Evaluator {
 public:
  /// All outlive this. `names` is written to only to remember the values of locals.
  Evaluator(const Source& source, Names& names, const FileAccess& files)
      : source_(source), names_(names), files_(files) {}

  Result<Value> evaluate(const Expression& expression, const Scope* scope = nullptr);
  /// All of them, used or not: a wrong local is an error.
  Status evaluate_locals();

 private:
  using Place = const Expression&;

  // evaluator.cc
  Result<Value> dispatch(Place expression, const Scope* scope);
  Result<Value> name(Place expression, const Scope* scope);
  Result<Value> path(Place expression, const Scope* scope);
  /// Of a path: from one on, before another.
  struct Steps {
    size_t begin;
    size_t end;
  };
  Result<Value> follow(Value value, Place path, Steps steps, const Scope* scope);
  Result<Value> splat(const Value& value, Place path, Steps steps, const Scope* scope);
  Result<Value> index(const Value& value, const Value& key, uint32_t offset);
  Result<Value> variable(const std::string& variable, uint32_t offset);
  Result<Value> local(const std::string& local, uint32_t offset);
  bool is_foreign(Place expression, const Scope* scope) const;
  Result<Value> list(Place expression, const Scope* scope);
  Result<Value> object(Place expression, const Scope* scope);
  Result<Value> call(Place expression, const Scope* scope);
  Result<Value> attempt(Place expression, const Scope* scope);
  Status charge(const Value& value, uint32_t offset);

  // evaluate_operators.cc
  Result<Value> unary(Place expression, const Scope* scope);
  Result<Value> binary(Place expression, const Scope* scope);
  Result<Value> arithmetic(Place expression, const Value& left, const Value& right);
  Result<Value> conditional(Place expression, const Scope* scope);
  Result<bool> condition(Place expression, const Scope* scope);
  Result<double> number_of(const Value& value, Place expression);

  // evaluate_loops.cc
  Result<Value> text(Place expression, const Scope* scope);
  Result<std::string> text_part(Place part, const Scope* scope);
  Result<std::string> directive_if(Place part, const Scope* scope);
  Result<std::string> directive_for(Place part, const Scope* scope);
  Result<Value> for_list(Place expression, const Scope* scope);
  Result<Value> for_object(Place expression, const Scope* scope);
  template <typename Visit>
  Status each(Place loop, const Scope* scope, Visit visit);

  [[nodiscard]] tl::unexpected<Error> fail_at(uint32_t offset, std::string message) const;

  const Source& source_;
  Names& names_;
  const FileAccess& files_;
  int depth_ = 0;
  size_t bytes_ = 0;  // made so far; at most kEvaluatedBytesMax
};

/// How much there is of a value: its text and its items. For limits.
size_t value_bytes(const Value& value);
/// 1 for a text, 2 for a list of texts, ...
int value_depth(const Value& value);

}  // namespace weir::scheduler::hcl

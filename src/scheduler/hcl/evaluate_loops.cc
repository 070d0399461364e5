// Texts with ${ } and %{ } in them, and `for`. See evaluator.h.

#ifdef __GNUC__
// gcc 12 at -O3 takes the moved-from alternatives of std::variant for uninitialised ones (gcc bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <utility>

#include "scheduler/hcl/evaluator.h"
#include "scheduler/hcl/limits.h"

namespace weir::scheduler::hcl {

Result<Value> Evaluator::text(Place expression, const Scope* scope) {
  if (expression.wraps) {  // "${x}" alone keeps the type of x
    const Expression& part = *expression.children[0];
    if (is_foreign(*part.children[0], scope)) return Value(source_.slice(part.begin, part.end));
    return evaluate(*part.children[0], scope);
  }
  std::string out;
  for (const ExpressionPtr& part : expression.children) {
    auto piece = text_part(*part, scope);
    if (!piece) return fail(piece.error());
    if (out.size() + piece->size() > kTextBytesMax) return fail_at(part->begin, "This text gets too long");
    out += *piece;
  }
  return Value(std::move(out));
}

Result<std::string> Evaluator::text_part(Place part, const Scope* scope) {
  if (part.kind == ExpressionKind::literal) return part.value.as_string();
  if (part.kind == ExpressionKind::directive_if) return directive_if(part, scope);
  if (part.kind == ExpressionKind::directive_for) return directive_for(part, scope);
  const Expression& inner = *part.children[0];
  if (is_foreign(inner, scope)) return std::string(source_.slice(part.begin, part.end));
  auto value = evaluate(inner, scope);
  if (!value) return fail(value.error());
  if (value->is_list() || value->is_object() || value->is_null()) {
    return fail_at(inner.begin,
                   "A " + std::string(value->kind()) + " cannot stand within a text; try jsonencode() or join()");
  }
  return value->to_text();
}

Result<std::string> Evaluator::directive_if(Place part, const Scope* scope) {
  auto holds = condition(*part.children[0], scope);
  if (!holds) return fail(holds.error());
  size_t branch = *holds ? 1 : 2;
  if (branch >= part.children.size()) return "";
  auto value = evaluate(*part.children[branch], scope);
  if (!value) return fail(value.error());
  return value->to_text();
}

/// Calls visit(scope with the loop's names) for each item; objects go by key.
template <typename Visit>
Status Evaluator::each(Place loop, const Scope* scope, Visit visit) {
  auto collection = evaluate(*loop.children[0], scope);
  if (!collection) return fail(collection.error());
  if (!collection->is_list() && !collection->is_object()) {
    return fail_at(loop.children[0]->begin,
                   "\"for\" needs a list or an object, not a " + std::string(collection->kind()));
  }
  bool has_key = !loop.second_name.empty();
  auto once = [&](const Value& key, const Value& value) {
    Scope outer{scope, loop.name, &key};
    Scope inner{has_key ? &outer : scope, has_key ? loop.second_name : loop.name, &value};
    return visit(&inner);
  };
  if (collection->is_object()) {
    for (const auto& [key, value] : collection->as_object()) {
      if (auto done = once(Value(key), value); !done) return done;
    }
    return {};
  }
  for (size_t i = 0; i < collection->as_list().size(); ++i) {
    if (auto done = once(Value(static_cast<int64_t>(i)), collection->as_list()[i]); !done) return done;
  }
  return {};
}

Result<std::string> Evaluator::directive_for(Place part, const Scope* scope) {
  std::string out;
  Status done = each(part, scope, [&](const Scope* inner) -> Status {
    auto value = evaluate(*part.children[1], inner);
    if (!value) return fail(value.error());
    out += value->to_text();
    if (out.size() > kTextBytesMax) return fail_at(part.begin, "This text gets too long");
    return {};
  });
  if (!done) return fail(done.error());
  return out;
}

Result<Value> Evaluator::for_list(Place expression, const Scope* scope) {
  Value::List out;
  Status done = each(expression, scope, [&](const Scope* inner) -> Status {
    if (expression.children.size() > 2) {
      auto keep = condition(*expression.children[2], inner);
      if (!keep) return fail(keep.error());
      if (!*keep) return {};
    }
    auto value = evaluate(*expression.children[1], inner);
    if (!value) return fail(value.error());
    out.push_back(std::move(*value));
    if (out.size() > kListItemsMax) return fail_at(expression.begin, "This list gets too long");
    return {};
  });
  if (!done) return fail(done.error());
  return Value(std::move(out));
}

Result<Value> Evaluator::for_object(Place expression, const Scope* scope) {
  Value::Object out;
  Status done = each(expression, scope, [&](const Scope* inner) -> Status {
    if (expression.children.size() > 3) {
      auto keep = condition(*expression.children[3], inner);
      if (!keep) return fail(keep.error());
      if (!*keep) return {};
    }
    auto key = evaluate(*expression.children[1], inner);
    if (!key) return fail(key.error());
    auto value = evaluate(*expression.children[2], inner);
    if (!value) return fail(value.error());
    std::string name = key->to_text();
    if (expression.spread) {
      Value& group = out.try_emplace(name, Value(Value::List{})).first->second;
      group.as_list().push_back(std::move(*value));
      return {};
    }
    if (!out.try_emplace(name, std::move(*value)).second) {
      return fail_at(expression.children[1]->begin,
                     "The key \"" + name + "\" comes twice; \"...\" would collect its values");
    }
    return {};
  });
  if (!done) return fail(done.error());
  // In place: gcc 12 at -O3 takes the move of a Value for a read of what was never written (-Wmaybe-uninitialized).
  return Result<Value>(tl::in_place, std::move(out));
}

}  // namespace weir::scheduler::hcl

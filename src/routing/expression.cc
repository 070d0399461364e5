#include "routing/expression.h"

#include <algorithm>

namespace weir::routing {

bool holds(const Expression& expression, const RequestView& request) {
  auto operand_holds = [&](const Expression& operand) { return holds(operand, request); };
  const auto& operands = expression.operands;
  switch (expression.kind) {
    case Expression::Kind::always: return true;
    case Expression::Kind::never: return false;
    case Expression::Kind::predicate: return holds(expression.predicate, request);
    case Expression::Kind::negation: return !holds(operands.front(), request);
    case Expression::Kind::conjunction: return std::all_of(operands.begin(), operands.end(), operand_holds);
    case Expression::Kind::disjunction: return std::any_of(operands.begin(), operands.end(), operand_holds);
  }
  return false;
}

size_t count_predicates(const Expression& expression) {
  size_t count = expression.kind == Expression::Kind::predicate ? 1 : 0;
  for (const Expression& operand : expression.operands) count += count_predicates(operand);
  return count;
}

}  // namespace weir::routing

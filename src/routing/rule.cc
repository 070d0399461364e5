#include "routing/rule.h"

#include "routing/place.h"

namespace weir::routing {

namespace {

// False when the residuals take more than a rule may have.
bool append_alternatives(const Expression& expression, std::vector<Place> places, std::vector<Alternative>& out) {
  size_t residual_predicates = 0;
  std::shared_ptr<const Expression> shared;  // neighbours mostly have the same residual
  for (Place& place : places) {
    Expression residual = reduce(expression, place);
    if (residual.kind == Expression::Kind::never) continue;
    if (residual.kind == Expression::Kind::always) {
      out.push_back({std::move(place.host), std::move(place.path), nullptr});
      continue;
    }
    if (shared == nullptr || *shared != residual) {
      residual_predicates += count_predicates(residual);
      if (residual_predicates > kRuleResidualPredicatesMax) return false;
      shared = std::make_shared<const Expression>(std::move(residual));
    }
    out.push_back({std::move(place.host), std::move(place.path), shared});
  }
  return true;
}

}  // namespace

Result<std::shared_ptr<const Rule>> compile_rule(std::string_view text) {
  auto expression = parse_expression(text);
  if (!expression) return fail(expression.error());
  auto rule = std::make_shared<Rule>();
  if (auto place = only_place(*expression)) {
    rule->alternatives.push_back({std::move(place->host), std::move(place->path), nullptr});
    return std::shared_ptr<const Rule>(std::move(rule));
  }
  if (!append_alternatives(*expression, cover(*expression, kRuleAlternativesMax), rule->alternatives)) {
    rule->alternatives.clear();
    rule->alternatives.push_back({{}, {}, std::make_shared<const Expression>(std::move(*expression))});
  }
  return std::shared_ptr<const Rule>(std::move(rule));
}

}  // namespace weir::routing

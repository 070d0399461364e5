// The blocks constraint, affinity and spread. See jobspec_blocks.h.

#include <utility>

#include "scheduler/jobspec_blocks.h"

namespace weir::scheduler {
namespace {

using Labels = BodyReader::Labels;

/// attribute/operator/value, or one of the shorthands that name the operator: version = ">= 1.2".
void read_comparison(BodyReader& body, std::string& left, std::string& operand, std::string& right) {
  body.text("attribute", left);
  body.text("operator", operand);
  body.text("value", right);
  for (const char* shorthand :
       {"version", "semver", "regexp", "set_contains", "set_contains_any", "set_contains_all"}) {
    bool is_given = body.has(shorthand);
    body.text(shorthand, right);
    if (is_given) operand = shorthand;
  }
}

}  // namespace

void read_constraints(BodyReader& body, std::vector<Constraint>& constraints) {
  body.blocks("constraint", "Constraints", 0, [&](BodyReader& inner, const Labels&) {
    Constraint constraint;
    read_comparison(inner, constraint.l_target, constraint.operand, constraint.r_target);
    bool is_distinct = false;
    inner.boolean("distinct_hosts", is_distinct);
    if (is_distinct) constraint.operand = "distinct_hosts";
    bool is_property = inner.has("distinct_property");
    inner.text("distinct_property", constraint.l_target);
    if (is_property) constraint.operand = "distinct_property";
    inner.finish();
    bool is_switched_off = inner.has("distinct_hosts") && !is_distinct && constraint.l_target.empty();
    if (is_switched_off) return;
    if (constraint.operand.empty()) constraint.operand = "=";
    constraints.push_back(std::move(constraint));
  });
}

void read_affinities(BodyReader& body, std::vector<Affinity>& affinities) {
  body.blocks("affinity", "Affinities", 0, [&](BodyReader& inner, const Labels&) {
    Affinity affinity;
    read_comparison(inner, affinity.l_target, affinity.operand, affinity.r_target);
    inner.whole("weight", affinity.weight);
    inner.finish();
    if (affinity.operand.empty()) affinity.operand = "=";
    affinities.push_back(std::move(affinity));
  });
}

void read_spreads(BodyReader& body, std::vector<Spread>& spreads) {
  body.blocks("spread", "Spreads", 0, [&](BodyReader& inner, const Labels&) {
    Spread spread;
    inner.text("attribute", spread.attribute);
    inner.whole("weight", spread.weight);
    inner.blocks("target", "SpreadTarget", 1, [&](BodyReader& target_body, const Labels& labels) {
      SpreadTarget target{labels[0]};
      target_body.text("value", target.value);
      target_body.whole("percent", target.percent);
      target_body.finish();
      spread.targets.push_back(std::move(target));
    });
    inner.finish();
    spreads.push_back(std::move(spread));
  });
}

}  // namespace weir::scheduler

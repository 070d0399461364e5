#pragma once
// The meaning of Name(`value`, …) in a rule. Private to the parser.

#include <vector>

#include "routing/expression.h"
#include "routing/rule_lexer.h"

namespace weir::routing {

/// A predicate, or `always` for Host(`*`). Errors name the column of the argument that is wrong.
Result<Expression> parse_predicate(const RuleToken& name, const std::vector<RuleToken>& arguments);

}  // namespace weir::routing

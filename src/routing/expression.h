#pragma once
// A rule as a tree of matchers. Values; pure.

#include <cstdint>
#include <string_view>
#include <vector>

#include "routing/predicate.h"
#include "weir/base/result.h"

namespace weir::routing {

struct Expression {
  enum class Kind : uint8_t { always, never, predicate, negation, conjunction, disjunction };

  Kind kind = Kind::always;
  Predicate predicate = {};               // of kind predicate
  std::vector<Expression> operands = {};  // one of a negation; two or more of a conjunction or disjunction

  bool operator==(const Expression&) const = default;
};

constexpr size_t kRuleBytesMax = 16 * 1024;  // some 500 hosts of 30 bytes
constexpr size_t kRuleDepthMax = 32;         // nested parentheses and negations: bounds every recursion over the tree
constexpr size_t kRuleMatchersMax = 1024;

/// Reads Traefik v3's rule language. The error says where: "column 12: expected `)`"; columns count bytes from 1.
Result<Expression> parse_expression(std::string_view text);

/// Allocates nothing, but for regular expressions.
[[nodiscard]] bool holds(const Expression& expression, const RequestView& request);

/// How many predicates it has.
[[nodiscard]] size_t count_predicates(const Expression& expression);

}  // namespace weir::routing

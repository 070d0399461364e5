#pragma once
// A rule in the form the matcher indexes: alternatives, each a place (hosts and paths) and what is left to check there.

#include <compare>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "routing/expression.h"
#include "weir/base/result.h"

namespace weir::routing {

/// Which hosts an alternative is for.
struct HostKey {
  enum class Kind : uint8_t { any, exact, wildcard, suffix };
  Kind kind = Kind::any;
  std::string name = {};  // of a wildcard and a suffix: what stands behind "*." and "**."
  auto operator<=>(const HostKey&) const = default;
};

/// Which paths: those that begin with `text` ("" = all), or that path alone.
struct PathKey {
  std::string text = {};
  bool exact = false;
  auto operator<=>(const PathKey&) const = default;
};

/// Where host and path fit the keys, the rule is `residual`, no more and no less.
struct Alternative {
  HostKey host;
  PathKey path;
  std::shared_ptr<const Expression> residual;  // null: nothing is left to check
};

/// A rule holds exactly where one of its alternatives does. Immutable; shared between tables.
struct Rule {
  std::vector<Alternative> alternatives;  // no two with the same keys; none at all: the rule can never hold
};

constexpr size_t kRuleAlternativesMax = 1024;
// Over all alternatives of one rule: bounds its memory (a predicate takes some 200 bytes).
constexpr size_t kRuleResidualPredicatesMax = 16 * 1024;

/// Parses and normalises. A rule beyond the limits of normalising becomes one alternative for all hosts and paths with
/// the whole rule as its residual: it matches as it should, only not by the index.
Result<std::shared_ptr<const Rule>> compile_rule(std::string_view text);

}  // namespace weir::routing

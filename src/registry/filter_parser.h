#pragma once
// The filter language's grammar: text to tree. What selectors mean is filter.h's business.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::registry {

enum class FilterOperator : uint8_t { equal, not_equal, in, not_in, is_empty, is_not_empty, matches, not_matches };
/// "Not Equal": as errors name it.
std::string_view to_string(FilterOperator op);

/// A node of the tree: and, or and not over matches.
struct FilterExpression {
  enum class Kind : uint8_t { match, conjunction, disjunction, negation };
  Kind kind = Kind::match;
  std::unique_ptr<FilterExpression> left;  // the operand of a negation
  std::unique_ptr<FilterExpression> right;
  std::vector<std::string> selector;  // of a match
  FilterOperator op = FilterOperator::equal;
  std::string value;
};

inline constexpr size_t kFilterBytesMax = 8192;
inline constexpr size_t kFilterDepthMax = 64;

/// Error texts name the place as the original's generated parser does: `1:22 (21): no match found, expected: [
/// \t\r\n]`.
Result<std::unique_ptr<FilterExpression>> parse_filter(std::string_view text);

}  // namespace weir::registry

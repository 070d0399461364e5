#pragma once
// Constraints and affinities against one node. Pure.

#include <optional>
#include <string>
#include <string_view>

#include "weir/scheduler/job.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

/// "${attr.kernel.name}" -> "linux"; a text without "${" stands for itself; nothing when the node has no such value.
std::optional<std::string> resolve_target(std::string_view target, const Node& node);

/// Any operand but distinct_hosts and distinct_property, which need the other allocations: those hold here.
/// An unknown operand, a malformed pattern or version never holds.
bool constraint_holds(std::string_view left, std::string_view operand, std::string_view right, const Node& node);
inline bool constraint_holds(const Constraint& constraint, const Node& node) {
  return constraint_holds(constraint.l_target, constraint.operand, constraint.r_target, node);
}

/// "dc*" against "dc1": '*' is any run of characters.
bool glob_matches(std::string_view pattern, std::string_view text);

/// "${attr.kernel.name} = linux": the key under which a filtered node is counted.
std::string constraint_text(const Constraint& constraint);

}  // namespace weir::scheduler

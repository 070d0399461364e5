#pragma once
// What looks wrong in a set of routes that are each by themselves right: for `weir route lint` and the admin API.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/routing/table.h"

namespace weir::routing {

/// One thing to look at. `note` is often meant so; the others hardly ever are.
struct LintFinding {
  enum class Kind : uint8_t {
    never_holds,     // no request can match the rule
    shadowed,        // others take every request that it could have
    equal_priority,  // with another router for the same requests: the provider or the name decides
    entry_point,     // it names one that does not exist
    note,            // it and another one match some of the same requests, and neither is a part of the other
  };
  Kind kind = Kind::note;
  std::string router;
  std::string other;   // the other router; "" none
  std::string reason;  // for a person
  std::string origin;  // where the router is defined: "routes.d/a.toml:3:1"
};
std::string_view to_string(LintFinding::Kind kind);

constexpr size_t kLintFindingsMax = 1000;  // of notes, and of all else; what comes after is not listed

/// Pure. Sorted by router. What it finds is so: regular expressions are asked about the hosts and paths that others
/// name, and compared by what they plainly begin with; else they and other conditions that cannot be compared count as
/// different, so it may miss some. Tombstones and routers that have a problem are not looked at.
/// Where very many routers share a place only some pairs are compared. `comparisons` (or null) gets how many were.
std::vector<LintFinding> lint(const RoutingTable& table, uint64_t* comparisons = nullptr);

/// Routers that name entry points which are none of `known`: they answer on the others only, or nowhere. Pure; sorted
/// by router. With none known there is nothing to compare with.
std::vector<LintFinding> find_unknown_entry_points(const RoutingTable& table, const std::vector<std::string>& known);

}  // namespace weir::routing

#pragma once
// Why a request goes where it goes: for `weir route explain` and the admin API. Not for the hot path.

#include <string>
#include <vector>

#include "weir/routing/table.h"

namespace weir::routing {

/// One router whose rule holds for the request.
struct RouteCandidate {
  enum class Verdict : uint8_t {
    wins,
    lower_priority,  // the winner's priority is higher
    lower_provider,  // equal priority; the winner's provider comes first
    later_name,      // equal priority and provider rank; the winner's name sorts first
    tombstone,       // equal priority; its service is gone and the winner's is not
    entry_point,     // does not listen on this entry point
    needs_tls,       // answers on TLS connections only
    needs_plain,     // answers on connections without TLS only
  };
  const Router* router = nullptr;  // lives as long as the table
  Verdict verdict = Verdict::wins;
  std::string reason;  // the same for a person: "priority 12 is lower than 30 of api@file"
};
std::string_view to_string(RouteCandidate::Verdict verdict);

struct RouteExplanation {
  const Router* winner = nullptr;          // null: 404
  std::vector<RouteCandidate> candidates;  // the winner first, then by rank; those that are not admitted last
};
/// Pure. Agrees with table.match(request) on the winner.
RouteExplanation explain(const RoutingTable& table, const RequestView& request);

}  // namespace weir::routing

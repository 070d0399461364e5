#include "weir/routing/explain.h"

#include "routing/matcher.h"

namespace weir::routing {

namespace {

using Verdict = RouteCandidate::Verdict;

RouteCandidate not_admitted(const Router& router, const RequestView& request) {
  if (router.tls && !request.tls) return {&router, Verdict::needs_tls, "answers on TLS connections only"};
  if (router.plain && request.tls) return {&router, Verdict::needs_plain, "answers on connections without TLS only"};
  std::string reason = "does not listen on entry point \"" + std::string(request.entry_point) + "\"";
  return {&router, Verdict::entry_point, std::move(reason)};
}

RouteCandidate loser(const Router& router, const Router& winner) {
  if (router.priority != winner.priority) {
    return {&router, Verdict::lower_priority,
            "priority " + std::to_string(router.priority) + " is lower than " + std::to_string(winner.priority) +
                " of " + winner.name};
  }
  std::string tie = "priority " + std::to_string(router.priority) + " as " + winner.name + ", ";
  if (router.definition->path_order != PathOrder::none) {
    return {&router, Verdict::later_name, tie + "which comes first by the order of fabio's paths"};
  }
  if (router.tombstone && !winner.tombstone) {
    return {&router, Verdict::tombstone, tie + "and its own service is gone"};
  }
  if (provider_of(router) != provider_of(winner)) {
    return {&router, Verdict::lower_provider, tie + "whose provider comes first"};
  }
  return {&router, Verdict::later_name, tie + "whose name sorts first"};
}

}  // namespace

std::string_view to_string(RouteCandidate::Verdict verdict) {
  switch (verdict) {
    case Verdict::wins: return "wins";
    case Verdict::lower_priority: return "lower_priority";
    case Verdict::lower_provider: return "lower_provider";
    case Verdict::later_name: return "later_name";
    case Verdict::entry_point: return "entry_point";
    case Verdict::needs_tls: return "needs_tls";
    case Verdict::needs_plain: return "needs_plain";
    case Verdict::tombstone: return "tombstone";
  }
  return "unknown";
}

RouteExplanation explain(const RoutingTable& table, const RequestView& request) {
  RouteExplanation out;
  if (table.matcher_ == nullptr) return out;
  std::vector<RouteCandidate> not_asked;
  for (const Router* router : table.matcher_->find_all(request, *table.slots_)) {
    if (!admits(*router, request)) {
      not_asked.push_back(not_admitted(*router, request));
    } else if (out.winner == nullptr) {
      out.winner = router;
      out.candidates.push_back({router, Verdict::wins, "the highest rank of all whose rule holds"});
    } else {
      out.candidates.push_back(loser(*router, *out.winner));
    }
  }
  out.candidates.insert(out.candidates.end(), not_asked.begin(), not_asked.end());
  return out;
}

}  // namespace weir::routing

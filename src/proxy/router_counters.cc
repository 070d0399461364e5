#include "proxy/router_counters.h"

namespace weir::proxy {

RouterCounters::Place& RouterCounters::place_of(const routing::Router& router) {
  if (router.slot >= by_slot_.size()) by_slot_.resize(router.slot + size_t{1});
  Place& place = by_slot_[router.slot];
  if (place.router_id == router.id) return place;
  RouterStats& stats = by_name_[router.name];
  stats.service = router.service->name;
  place = {router.id, &stats, nullptr};
  return place;
}

void RouterCounters::count(const routing::Router& router, const RequestOutcome& outcome) {
  Place& place = place_of(router);
  RequestStats& stats = place.stats->requests;
  stats.count(outcome);
  place.series = stats.series.data();
}

void RouterCounters::count_tls(const routing::Router& router, std::string_view version, std::string_view cipher) {
  place_of(router).stats->requests.count_tls(version, cipher);
}

void RouterCounters::forget_unnamed(const routing::RoutingTable& table) {
  by_slot_.clear();
  std::erase_if(by_name_, [&](const auto& entry) { return table.routers().find(entry.first) == nullptr; });
}

void RouterCounters::clear() {
  by_slot_ = {};
  by_name_.clear();
}

void RouterCounters::add_to(Stats& out) const {
  for (const auto& [name, stats] : by_name_) out.routers[name].merge(stats);
}

}  // namespace weir::proxy

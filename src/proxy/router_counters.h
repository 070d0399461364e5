#pragma once
// What a worker counts of each router.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weir/base/prefetch.h"
#include "weir/proxy/stats.h"
#include "weir/routing/table.h"

namespace weir::proxy {

/// By name for whoever collects, by slot for who counts. Of a thousand routers one's lie in no near cache, and each of
/// the three reads that lead to them would be waited for: so who is going to count says so before. A worker's own.
class RouterCounters {
 public:
  /// A request has been routed.
  void prefetch_place(const routing::Router& router) const {
    if (router.slot < by_slot_.size()) prefetch(&by_slot_[router.slot]);
  }
  /// Its answer has begun.
  void prefetch_series(const routing::Router& router) const {
    if (router.slot >= by_slot_.size()) return;
    prefetch(by_slot_[router.slot].stats);
    prefetch(by_slot_[router.slot].series);
  }
  void count(const routing::Router& router, const RequestOutcome& outcome);
  void count_tls(const routing::Router& router, std::string_view version, std::string_view cipher);
  /// Of routers the table does not name.
  void forget_unnamed(const routing::RoutingTable& table);
  void clear();
  void add_to(Stats& out) const;

 private:
  struct Place {
    uint64_t router_id = 0;  // 0: nobody's
    RouterStats* stats = nullptr;
    const void* series = nullptr;  // where they were when one was last counted: for prefetching only
  };
  Place& place_of(const routing::Router& router);
  std::unordered_map<std::string, RouterStats> by_name_;
  std::vector<Place> by_slot_;
};

}  // namespace weir::proxy

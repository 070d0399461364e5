#pragma once
// What a worker counts of each router.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "weir/proxy/stats.h"
#include "weir/routing/table.h"

namespace weir::proxy {

/// By name for whoever collects, by slot for who counts. A worker's own.
class RouterCounters {
 public:
  /// The router's, made where it is new.
  RouterStats& of(const routing::Router& router);
  /// Of routers the table does not name.
  void forget_unnamed(const routing::RoutingTable& table);
  void clear();
  void add_to(Stats& out) const;

 private:
  struct Place {
    uint64_t router_id = 0;  // 0: nobody's
    RouterStats* stats = nullptr;
  };
  std::unordered_map<std::string, RouterStats> by_name_;
  std::vector<Place> by_slot_;
};

}  // namespace weir::proxy

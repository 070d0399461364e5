#pragma once
// What a worker keeps of a service over all tables.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/upstream_pool.h"
#include "weir/proxy/stats.h"
#include "weir/routing/load_balancer.h"
#include "weir/routing/table.h"

namespace weir::proxy {

/// A table that a worker has, and how many exchanges look at it. A plain count: one thread.
struct PinnedTable {
  std::shared_ptr<const routing::RoutingTable> table;  // null before the first one
  uint32_t pins = 0;
};

/// A service's balancer and its endpoints' states. Found by name, so it survives every change of the table; brought up
/// to date when the first request after a change asks for it. Owned by its Worker; never moves.
struct ServiceState {
  ServiceState(std::shared_ptr<const routing::Service> first, UpstreamPool& pool, uint64_t seed);
  /// Takes over a new version: endpoints that stay keep their state, the balancer goes on where it stood.
  void update(std::shared_ptr<const routing::Service> next, UpstreamPool& pool);
  void begin(EndpointState& endpoint);
  void end(EndpointState& endpoint);
  /// In parallel to the endpoints; kept only for strategies that look at it.
  [[nodiscard]] std::span<const uint32_t> in_flight() const { return in_flight_; }

  std::shared_ptr<const routing::Service> service;
  routing::Balancer balancer;
  std::vector<EndpointState*> endpoints;  // in parallel to service->endpoints; the pool owns them
  RequestStats stats;
  uint32_t users = 0;  // exchanges that refer to it

 private:
  void collect(UpstreamPool& pool);
  void adjust(const EndpointState& endpoint);
  std::vector<uint32_t> in_flight_;
};

}  // namespace weir::proxy

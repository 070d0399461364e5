#pragma once
// What a worker keeps of a service over all tables.

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "proxy/retry_budget.h"
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

/// The endpoints one request has tried. By state, since their places in the service move when the table changes.
class TriedEndpoints {
 public:
  void add(const EndpointState& endpoint) { endpoints_[size_++ % endpoints_.size()] = &endpoint; }
  void remove(const EndpointState* endpoint);
  [[nodiscard]] bool contains(const EndpointState& endpoint) const;
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return size_ >= endpoints_.size(); }

 private:
  std::array<const EndpointState*, routing::ExcludedSet::kEndpointsMax> endpoints_{};  // compared, never followed
  size_t size_ = 0;
};

/// A service's balancer and its endpoints' states. Found by name, so it survives every change of the table; brought up
/// to date when the first request after a change asks for it. Owned by its Worker; never moves.
struct ServiceState {
  ServiceState(std::shared_ptr<const routing::Service> first, UpstreamPool& pool, uint64_t seed);
  /// Takes over a new version: endpoints that stay keep their state, the balancer goes on where it stood.
  void update(std::shared_ptr<const routing::Service> next, UpstreamPool& pool);
  /// The endpoint for the next attempt, or nullptr when none is left.
  [[nodiscard]] EndpointState* pick(const TriedEndpoints& tried);
  void begin(EndpointState& endpoint);
  void end(EndpointState& endpoint);

  std::shared_ptr<const routing::Service> service;
  routing::Balancer balancer;
  std::vector<EndpointState*> endpoints;  // in parallel to service->endpoints; the pool owns them
  RetryBudget retry_budget;
  ServiceStats stats;
  uint32_t users = 0;  // exchanges that refer to it

 private:
  void collect(UpstreamPool& pool);
  void adjust(const EndpointState& endpoint);
  std::vector<uint32_t> in_flight_;  // in parallel to the endpoints; kept only for strategies that look at it
};

}  // namespace weir::proxy

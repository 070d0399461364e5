#pragma once
// What a worker keeps of a service over all tables.

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/retry_budget.h"
#include "proxy/sticky_sessions.h"
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
  /// `its_number`: never 0, and no other service's of this worker.
  ServiceState(std::shared_ptr<const routing::Service> first, UpstreamPool& pool, uint64_t seed, uint32_t its_number);
  /// Takes over a new version: endpoints that stay keep their state, the balancer goes on where it stood.
  void update(std::shared_ptr<const routing::Service> next, UpstreamPool& pool);
  /// The endpoint that a request's cookie names, or nullptr where there is no such, or it may not be asked now.
  [[nodiscard]] EndpointState* find_kept(std::span<const http::Header> request) const {
    return sticky_ != nullptr ? find_named(request) : nullptr;
  }
  /// What Set-Cookie tells a client that has this endpoint from now on; "": its service keeps nobody.
  [[nodiscard]] std::string_view set_cookie(const EndpointState& endpoint) const {
    return sticky_ != nullptr ? cookie_naming(endpoint) : std::string_view();
  }
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
  const uint32_t number;

 private:
  void collect(UpstreamPool& pool);
  void adjust(const EndpointState& endpoint);
  [[nodiscard]] EndpointState* find_named(std::span<const http::Header> request) const;
  [[nodiscard]] std::string_view cookie_naming(const EndpointState& endpoint) const;
  [[nodiscard]] size_t place_of(const EndpointState& endpoint) const;
  std::unique_ptr<const StickySessions> sticky_;  // null: it keeps nobody
  std::vector<uint32_t> in_flight_;  // in parallel to the endpoints; kept only for strategies that look at it
};

}  // namespace weir::proxy

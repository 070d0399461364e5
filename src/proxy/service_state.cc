#include "proxy/service_state.h"

#include <algorithm>
#include <utility>

namespace weir::proxy {

void TriedEndpoints::remove(const EndpointState* endpoint) {
  for (const EndpointState*& tried : endpoints_) {
    if (tried == endpoint) tried = nullptr;
  }
}

bool TriedEndpoints::contains(const EndpointState& endpoint) const {
  return std::find(endpoints_.begin(), endpoints_.end(), &endpoint) != endpoints_.end();
}

ServiceState::ServiceState(std::shared_ptr<const routing::Service> first, UpstreamPool& pool, uint64_t seed)
    : service(std::move(first)), balancer(*service, seed) {
  collect(pool);
}

void ServiceState::update(std::shared_ptr<const routing::Service> next, UpstreamPool& pool) {
  service = std::move(next);
  balancer = routing::Balancer(*service, balancer.position());
  collect(pool);
}

void ServiceState::collect(UpstreamPool& pool) {
  endpoints.clear();
  in_flight_.clear();
  for (const routing::Endpoint& endpoint : service->endpoints) {
    endpoints.push_back(&pool.endpoint(endpoint));
    if (service->strategy == "p2c") in_flight_.push_back(endpoints.back()->in_flight);
  }
}

EndpointState* ServiceState::pick(const TriedEndpoints& tried) {
  routing::ExcludedSet excluded;
  for (size_t i = 0; !tried.empty() && i < endpoints.size(); ++i) {
    if (tried.contains(*endpoints[i])) excluded.add(i);
  }
  size_t chosen = balancer.pick(in_flight_, excluded);
  return chosen == routing::Balancer::npos ? nullptr : endpoints[chosen];
}

void ServiceState::begin(EndpointState& endpoint) {
  ++endpoint.in_flight;
  adjust(endpoint);
}

void ServiceState::end(EndpointState& endpoint) {
  --endpoint.in_flight;
  adjust(endpoint);
}

void ServiceState::adjust(const EndpointState& endpoint) {
  if (in_flight_.empty()) return;
  auto at = std::find(endpoints.begin(), endpoints.end(), &endpoint);
  if (at != endpoints.end()) in_flight_[static_cast<size_t>(at - endpoints.begin())] = endpoint.in_flight;
}

}  // namespace weir::proxy

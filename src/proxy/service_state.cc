#include "proxy/service_state.h"

#include <algorithm>
#include <utility>

namespace weir::proxy {

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

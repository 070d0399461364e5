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

ServiceState::ServiceState(std::shared_ptr<const routing::Service> first, UpstreamPool& pool, uint64_t seed,
                           uint32_t its_number)
    : service(std::move(first)), balancer(*service, seed), number(its_number) {
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
  sticky_.reset();
  if (service->sticky) sticky_ = std::make_unique<const StickySessions>(*service);
  for (const routing::Endpoint& endpoint : service->endpoints) {
    endpoints.push_back(&pool.endpoint(endpoint));
    static_cast<void>(endpoints.back()->requests_of(number));  // it has a series from here on
    if (service->strategy == "p2c") in_flight_.push_back(endpoints.back()->in_flight);
  }
}

EndpointState* ServiceState::find_named(std::span<const http::Header> request) const {
  const size_t place = sticky_->find(request);
  if (place == StickySessions::npos) return nullptr;
  const routing::Endpoint& endpoint = service->endpoints[place];
  return endpoint.live && endpoint.weight > 0 ? endpoints[place] : nullptr;
}

std::string_view ServiceState::cookie_naming(const EndpointState& endpoint) const {
  const size_t place = place_of(endpoint);
  return place < endpoints.size() ? sticky_->set_cookie(place) : std::string_view();
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
  const size_t place = place_of(endpoint);
  if (place < endpoints.size()) in_flight_[place] = endpoint.in_flight;
}

// endpoints.size() where a newer table has it no more.
size_t ServiceState::place_of(const EndpointState& endpoint) const {
  return static_cast<size_t>(std::find(endpoints.begin(), endpoints.end(), &endpoint) - endpoints.begin());
}

}  // namespace weir::proxy

#include "proxy/upstream_pool.h"

#include <algorithm>
#include <utility>

#include "weir/base/check.h"

namespace weir::proxy {

// ---- The pool ----

UpstreamPool::UpstreamPool(event::Loop& loop, const config::Config& config) : loop_(loop), config_(config) {
  limits_.head_bytes_max = config.limits.head_bytes_max;
  limits_.headers_max = config.limits.headers_max;
}

EndpointState& UpstreamPool::endpoint(const routing::Endpoint& wanted) {
  auto found = endpoints_.find(wanted.id);
  if (found != endpoints_.end()) return *found->second;
  auto made = std::make_unique<EndpointState>();
  made->id = wanted.id;
  made->host = wanted.host;
  made->port = wanted.port;
  if (auto literal = IpAddress::parse(wanted.host)) made->addresses.push_back(*literal);
  return *endpoints_.emplace(wanted.id, std::move(made)).first->second;
}

http::H1ClientSession* UpstreamPool::take_idle(EndpointState& endpoint) {
  if (endpoint.idle.empty()) return nullptr;
  UpstreamConnection* connection = endpoint.idle.back();
  endpoint.idle.pop_back();
  return &connection->take();
}

void UpstreamPool::connect(EndpointState& endpoint, UpstreamWaiter& waiter) {
  connections_.push_front(std::make_unique<UpstreamConnection>(*this, endpoint, waiter));
  UpstreamConnection& made = *connections_.front();
  made.place = connections_.begin();
  made.open();
}

void UpstreamPool::forget_unless(const std::function<bool(const EndpointState&)>& wanted) {
  for (auto& [id, endpoint] : endpoints_) {
    if (wanted(*endpoint)) continue;
    while (!endpoint->idle.empty()) endpoint->idle.back()->close();
  }
  std::erase_if(endpoints_, [&](const auto& entry) {
    const EndpointState& endpoint = *entry.second;
    bool used = endpoint.in_flight > 0 || std::any_of(connections_.begin(), connections_.end(), [&](const auto& connection) {
      return connection->serves(endpoint);
    });
    return !used && !wanted(endpoint);
  });
}

void UpstreamPool::add_stats(Stats& out, const std::function<std::string(const EndpointState&)>& service_of) const {
  for (const auto& [id, endpoint] : endpoints_) {
    EndpointStats stats = endpoint->stats;
    stats.idle_connections = endpoint->idle.size();
    stats.in_flight = endpoint->in_flight;
    out.endpoints[{service_of(*endpoint), id}].merge(stats);
  }
}

// ---- One connection ----

UpstreamConnection::UpstreamConnection(UpstreamPool& pool, EndpointState& endpoint, UpstreamWaiter& waiter)
    : pool_(pool), endpoint_(endpoint), waiter_(&waiter) {
  waiter.connection_ = this;
}

void UpstreamConnection::open() {
  ++endpoint_.stats.connects;
  set_deadline(pool_.loop_, pool_.config_.timeouts.connect_ms);
  if (!endpoint_.addresses.empty()) return connect();
  lookup_.emplace(pool_.loop_, endpoint_.host, [this](Result<std::vector<IpAddress>> addresses) {
    if (!addresses) {
      fail_waiter(addresses.error());
      return close();
    }
    endpoint_.addresses = std::move(*addresses);
    connect();
  });
}

void UpstreamConnection::connect() {
  IpAddress ip = endpoint_.addresses[endpoint_.next_address++ % endpoint_.addresses.size()];
  session_.emplace(pool_.loop_, SocketAddress{ip, endpoint_.port}, *this, pool_.limits_);
}

void UpstreamConnection::on_session_connected(http::H1ClientSession& session) {
  clear_deadline();
  if (waiter_ == nullptr) return on_session_idle(session);
  UpstreamWaiter* waiter = std::exchange(waiter_, nullptr);
  waiter->connection_ = nullptr;
  waiter->on_upstream_ready(session);
}

void UpstreamConnection::on_session_idle(http::H1ClientSession&) {
  idle_ = true;
  endpoint_.idle.push_back(this);
  set_deadline(pool_.loop_, pool_.config_.timeouts.upstream_idle_ms);
  // The oldest goes: the newest is the least likely to be closed by the other side.
  if (endpoint_.idle.size() > pool_.config_.limits.upstream_idle_per_endpoint_max) endpoint_.idle.front()->close();
}

http::H1ClientSession& UpstreamConnection::take() {
  ASSERT(idle_);
  idle_ = false;
  clear_deadline();
  return *session_;
}

void UpstreamConnection::on_session_closed(http::H1ClientSession& session, const Error& reason) {
  if (session.requests() == 0) {
    ++endpoint_.stats.connect_failures;
    // A name may have moved: the next connection looks it up again.
    if (!IpAddress::parse(endpoint_.host)) endpoint_.addresses.clear();
    fail_waiter(reason);
  }
  close();
}

void UpstreamConnection::on_deadline() {
  if (!idle_) {
    ++endpoint_.stats.connect_failures;
    fail_waiter(Error{ErrorCode::timeout, "connect: no connection in time"});
  }
  close();
}

void UpstreamConnection::fail_waiter(const Error& error) {
  UpstreamWaiter* waiter = std::exchange(waiter_, nullptr);
  if (waiter == nullptr) return;
  waiter->connection_ = nullptr;
  waiter->on_upstream_unavailable(error);
}

void UpstreamConnection::close() {
  if (std::exchange(closed_, true)) return;
  if (idle_) std::erase(endpoint_.idle, this);
  clear_deadline();
  auto self = std::move(*place);
  pool_.connections_.erase(place);
  pool_.loop_.destroy_later(std::move(self));
}

void UpstreamWaiter::stop_waiting() {
  if (auto* connection = std::exchange(connection_, nullptr)) connection->forget_waiter();
}

}  // namespace weir::proxy

#include "proxy/upstream_pool.h"

#include <algorithm>
#include <utility>

#include "proxy/protocols.h"
#include "proxy/proxy_error.h"
#include "weir/base/check.h"
#include "weir/base/log.h"
#include "weir/routing/transport.h"

namespace weir::proxy {
namespace {
// How long what a name resolved to is used: a service that moves behind its name is found within it.
constexpr uint64_t kNameLifetimeMs = 30'000;
// How many requests may wait for one HTTP/2 connection: what an upstream must be assumed to take before it has said
// how many it does (RFC 9113 section 6.5.2).
constexpr size_t kWaitersMax = 100;
constexpr uint32_t kStreamsMax = 1000;
// All streams of all clients together may have this much on its way to us; each has its own window besides.
constexpr uint32_t kConnectionWindowBytes = 16 * 1024 * 1024;
// How often it is said that an endpoint's TLS fails for one reason, and for how many reasons.
constexpr uint64_t kTlsFailureEveryMs = 60'000;
constexpr size_t kTlsReasonsMax = 8;
}  // namespace

// ---- The pool ----

UpstreamPool::UpstreamPool(event::Loop& loop, const config::Config& config, tls::Engine& tls)
    : loop_(loop), config_(config), tls_(tls) {
  limits_.head_bytes_max = config.limits.head_bytes_max;
  limits_.headers_max = config.limits.headers_max;
  limits_.streams_max = kStreamsMax;
  limits_.connection_window_bytes = kConnectionWindowBytes;
}

void UpstreamPool::use(const std::map<std::string, std::shared_ptr<tls::ClientContext>>& transports) {
  auto before = std::exchange(transports_, transports);
  // An upstream that may not be trusted any more gets no further request.
  for (auto next = connections_.begin(); next != connections_.end();) {
    UpstreamConnection& connection = **next++;
    if (connection.endpoint().scheme != "https") continue;
    auto old = before.find(connection.endpoint().transport);
    auto now = transports_.find(connection.endpoint().transport);
    bool same = old != before.end() && now != transports_.end() && old->second == now->second;
    if (!same) connection.retire();
  }
}

bool UpstreamPool::speaks_to(const EndpointState& endpoint) const {
  if (endpoint.scheme == "http" || endpoint.scheme == "h2c") return true;
  return endpoint.scheme == "https" && transports_.contains(endpoint.transport);
}

EndpointState& UpstreamPool::endpoint(const routing::Endpoint& wanted) {
  auto found = endpoints_.find(wanted.id);
  if (found != endpoints_.end()) {
    found->second->wanted = true;
    return *found->second;
  }
  auto made = std::make_unique<EndpointState>();
  made->id = wanted.id;
  made->scheme = wanted.scheme;
  made->host = wanted.host;
  made->port = wanted.port;
  const routing::TransportText transport = routing::split_transport(wanted.transport);
  made->transport = transport.name.empty() ? "default" : transport.name;
  made->server_name = transport.server_name;
  made->may_share = wanted.scheme == "h2c" || wanted.scheme == "https";
  bool bracketed = wanted.host.find(':') != std::string::npos;
  made->authority = (bracketed ? "[" + wanted.host + "]" : wanted.host) + ":" + std::to_string(wanted.port);
  auto literal = IpAddress::parse(wanted.host);
  made->is_name = !literal.has_value();
  if (literal) made->addresses.push_back(*literal);
  return *endpoints_.emplace(wanted.id, std::move(made)).first->second;
}

http::ClientSession* UpstreamPool::take_idle(EndpointState& endpoint, const UpstreamKind& kind, bool fresh) {
  for (UpstreamConnection* connection : endpoint.shared) {
    if (!(connection->kind() == kind)) continue;
    if (http::ClientSession* session = connection->share()) return session;
  }
  if (fresh) return nullptr;
  auto& idle = endpoint.idle;
  auto fits = [&](const UpstreamConnection* connection) { return connection->kind() == kind; };
  for (;;) {
    auto found = std::find_if(idle.rbegin(), idle.rend(), fits);
    if (found == idle.rend()) return nullptr;
    UpstreamConnection* connection = *found;
    if (connection->heard_unasked()) {
      connection->make_room();
      continue;
    }
    idle.erase(std::next(found).base());
    return &connection->take();
  }
}

bool UpstreamPool::has_room(const EndpointState& endpoint, const UpstreamKind& kind) const {
  uint32_t connections_max = config_.limits.upstream_connections_per_endpoint_max;
  if (connections_max == 0 || endpoint.connections < connections_max) return true;
  return oldest_idle(endpoint) != nullptr ||
         std::any_of(endpoint.shared.begin(), endpoint.shared.end(), [&](const UpstreamConnection* connection) {
           return connection->has_room() && connection->kind() == kind;
         });
}

UpstreamConnection* UpstreamPool::oldest_idle(const EndpointState& endpoint) {
  if (!endpoint.idle.empty()) return endpoint.idle.front();
  for (UpstreamConnection* connection : endpoint.shared) {
    if (connection->idle()) return connection;
  }
  return nullptr;
}

UpstreamConnection* UpstreamPool::being_made(const EndpointState& endpoint, const UpstreamKind& kind) {
  for (UpstreamConnection* connection : endpoint.shared) {
    if (connection->takes_waiters() && connection->kind() == kind) return connection;
  }
  return nullptr;
}

bool UpstreamPool::wait_for_turn(EndpointState& endpoint, UpstreamWaiter& waiter) {
  if (endpoint.pending.size() >= config_.limits.pending_per_endpoint_max) return false;
  endpoint.pending.push_back(&waiter);
  waiter.pending_at_ = &endpoint;
  return true;
}

void UpstreamPool::give_turn(EndpointState& endpoint) {
  if (endpoint.pending.empty()) return;
  UpstreamWaiter* next = endpoint.pending.front();
  endpoint.pending.pop_front();
  next->pending_at_ = nullptr;
  next->on_turn();
}

void UpstreamPool::connect(EndpointState& endpoint, UpstreamWaiter& waiter, const UpstreamKind& kind) {
  if (UpstreamConnection* made = being_made(endpoint, kind)) return made->add(waiter);
  ASSERT(has_room(endpoint, kind));
  uint32_t connections_max = config_.limits.upstream_connections_per_endpoint_max;
  // Those that idle are other clients' own: the oldest makes room.
  if (connections_max > 0 && endpoint.connections >= connections_max) oldest_idle(endpoint)->make_room();
  connections_.push_front(std::make_unique<UpstreamConnection>(*this, endpoint, kind));
  UpstreamConnection& made = *connections_.front();
  made.place = connections_.begin();
  made.add(waiter);
  if (endpoint.may_share && !kind.http1_only) endpoint.shared.push_back(&made);
  made.open();
}

RequestStats& EndpointState::requests_of_another(uint32_t service) {
  if (counted_for == 0) {
    counted_for = service;
    return stats.requests;
  }
  auto found = std::find_if(others.begin(), others.end(), [&](const auto& one) { return one.service == service; });
  return (found != others.end() ? *found : others.emplace_back(OtherRequests{service, 0, {}})).requests;
}

void EndpointState::note_named(uint32_t service, uint64_t round) {
  named_round = round;
  if (service == counted_for) counted_round = round;
  for (OtherRequests& other : others) {
    if (other.service == service) other.round = round;
  }
}

void EndpointState::forget_counts(uint64_t round) {
  std::erase_if(others, [&](const OtherRequests& other) { return other.round != round; });
  if (counted_round == round) return;
  counted_for = 0;
  stats.requests = {};
  if (others.empty()) return;
  counted_for = others.back().service;
  counted_round = round;
  stats.requests = std::move(others.back().requests);
  others.pop_back();
}

void UpstreamPool::forget_unnamed(uint64_t round) {
  for (auto& [id, endpoint] : endpoints_) {
    endpoint->wanted = endpoint->named_round == round;
    endpoint->forget_counts(round);
    if (endpoint->wanted) continue;
    while (UpstreamConnection* idle = oldest_idle(*endpoint)) idle->close();
  }
  std::erase_if(endpoints_, [&](const auto& entry) {
    const EndpointState& endpoint = *entry.second;
    return !endpoint.wanted && endpoint.in_flight == 0 && endpoint.connections == 0;
  });
}

void UpstreamPool::add_stats(Stats& out, const std::function<const std::string*(uint32_t)>& name_of) const {
  for (const auto& [id, endpoint] : endpoints_) {
    EndpointStats stats = endpoint->stats;
    auto idle = [](const UpstreamConnection* connection) { return connection->idle(); };
    auto shared = std::count_if(endpoint->shared.begin(), endpoint->shared.end(), idle);
    stats.idle_connections = endpoint->idle.size() + static_cast<size_t>(shared);
    stats.in_flight = endpoint->in_flight;
    stats.pending = endpoint->pending.size();
    const std::string* name = name_of(endpoint->counted_for);
    out.endpoints[{name != nullptr ? *name : std::string(), id}].merge(stats);
    for (const auto& other : endpoint->others) {
      if (const std::string* its = name_of(other.service)) out.endpoints[{*its, id}].requests.merge(other.requests);
    }
  }
}

// ---- One connection ----

UpstreamConnection::UpstreamConnection(UpstreamPool& pool, EndpointState& endpoint, const UpstreamKind& kind)
    : pool_(pool), endpoint_(endpoint), kind_(kind) {
  ++endpoint.connections;
}

void UpstreamConnection::add(UpstreamWaiter& waiter) {
  waiters_.push_back(&waiter);
  waiter.connection_ = this;
}

bool UpstreamConnection::takes_waiters() const {
  bool open_ended = h2_ == nullptr || !h2_->settings_known();
  return open_ended && !idle_ && !closed_ && !retired_ && waiters_.size() < kWaitersMax;
}

bool UpstreamConnection::has_room() const {
  return takes_waiters() || (h2_ != nullptr && !retired_ && h2_->room() > 0);
}

void UpstreamConnection::open() {
  ++endpoint_.stats.connects;
  set_deadline(pool_.loop_, pool_.config_.timeouts.connect_ms);
  bool known =
      !endpoint_.is_name || (!endpoint_.addresses.empty() && pool_.loop_.now_ms() < endpoint_.addresses_until_ms);
  if (known) return connect();
  lookup_.emplace(pool_.loop_, endpoint_.host,
                  [this](Result<std::vector<IpAddress>> found) { on_addresses(std::move(found)); });
}

void UpstreamConnection::on_addresses(Result<std::vector<IpAddress>> found) {
  if (closed_) return;
  if (found) {
    endpoint_.addresses = std::move(*found);
    endpoint_.addresses_until_ms = pool_.loop_.now_ms() + kNameLifetimeMs;
  } else if (endpoint_.addresses.empty()) {
    ++endpoint_.stats.connect_failures;
    fail_waiters(found.error());
    return close();
  }
  connect();  // where the look-up failed, to what the name was before
}

void UpstreamConnection::connect() {
  IpAddress ip = endpoint_.addresses[endpoint_.next_address++ % endpoint_.addresses.size()];
  std::unique_ptr<event::StreamLayer> layer;
  if (endpoint_.scheme == "https") {
    auto transport = pool_.transports_.find(endpoint_.transport);
    if (transport == pool_.transports_.end()) {
      return on_failed(Error{ErrorCode::not_found, "there is no serversTransport " + endpoint_.transport});
    }
    const std::string& asked_for = endpoint_.server_name.empty() ? endpoint_.host : endpoint_.server_name;
    layer = pool_.tls_.connect(transport->second, {asked_for, endpoint_.id, spoken_protocols(kind_.http1_only)});
  }
  stream_ = event::TcpStream::connect(pool_.loop_, SocketAddress{ip, endpoint_.port}, *this, std::move(layer));
  if (kind_.version == http::ProxyVersion::none) return;
  std::string header;
  http::append_proxy_header(header, kind_.version, kind_.client, kind_.local);
  stream_.write_first(header);
}

void UpstreamConnection::on_connected() {
  bool secure = endpoint_.scheme == "https";
  if (endpoint_.scheme == "h2c" || stream_.protocol() == "h2") {
    std::string_view scheme = secure ? "https" : "http";
    h2_ = std::make_unique<http::H2ClientSession>(pool_.loop_, std::move(stream_), scheme, *this, pool_.limits_);
    h2_->start();
    endpoint_.may_share = true;
    bool known = std::find(endpoint_.shared.begin(), endpoint_.shared.end(), this) != endpoint_.shared.end();
    if (!known) endpoint_.shared.push_back(this);
    return serve_waiters(*h2_);
  }
  clear_deadline();
  h1_.emplace(std::move(stream_), *this, pool_.limits_);
  h1_->start();
  std::erase(endpoint_.shared, this);
  if (secure && !kind_.http1_only) endpoint_.may_share = false;
  if (waiters_.empty()) return become_idle();
  UpstreamWaiter* first = waiters_.front();
  waiters_.erase(waiters_.begin());
  first->connection_ = nullptr;
  first->on_upstream_ready(*h1_);
  send_away_waiters();
}

// It is none of HTTP/2 after all, or does not take as many: each looks for another.
void UpstreamConnection::send_away_waiters() {
  while (!waiters_.empty()) {
    UpstreamWaiter* waiter = waiters_.back();
    waiters_.pop_back();
    waiter->connection_ = nullptr;
    waiter->on_turn();
  }
}

// Until the upstream has said how many requests it takes, one of them goes ahead.
void UpstreamConnection::serve_waiters(http::H2ClientSession& session) {
  while (!closed_ && !waiters_.empty() && session.room() > 0) {
    UpstreamWaiter* waiter = waiters_.front();
    waiters_.erase(waiters_.begin());
    waiter->connection_ = nullptr;
    waiter->on_upstream_ready(session);
  }
  if (closed_ || idle_ || !session.settings_known()) return;
  send_away_waiters();
  if (closed_ || idle_) return;
  if (session.in_flight() == 0) return become_idle();
  give_turns();
}

void UpstreamConnection::on_settings(http::H2ClientSession& session) {
  if (closed_ || idle_) return;
  clear_deadline();
  serve_waiters(session);
}

// A refused certificate is for people to mend: the access log has only a word for it, the client not even that.
void UpstreamConnection::tell_tls_failure(const Error& error) {
  auto& told = endpoint_.tls_told_ms;
  uint64_t now_ms = pool_.loop_.now_ms();
  std::erase_if(told, [&](const auto& entry) { return now_ms - entry.second >= kTlsFailureEveryMs; });
  bool news = is_tls_failure(error) && told.size() < kTlsReasonsMax && told.emplace(error.message, now_ms).second;
  log::write(news ? log::Level::warn : log::Level::debug, "no TLS connection to an endpoint",
             {{"endpoint", endpoint_.id}, {"error", error.message}});
}

void UpstreamConnection::on_failed(const Error& error) {
  if (endpoint_.scheme == "https") tell_tls_failure(error);
  ++endpoint_.stats.connect_failures;
  endpoint_.addresses_until_ms = 0;  // a name may have moved: the next connection looks it up again
  fail_waiters(error);
  close();
}

void UpstreamConnection::on_session_idle(http::H1ClientSession& session) {
  if (session.keep_alive_s() > 0) endpoint_.keep_alive.note_announced(session.keep_alive_s());
  become_idle();
}

void UpstreamConnection::on_stream_released(http::H2ClientSession& session) {
  if (closed_ || !waiters_.empty()) return;  // the next one gets it in a moment, or when the SETTINGS have come
  if (session.in_flight() == 0) return become_idle();
  give_turns();
}

void UpstreamConnection::become_idle() {
  size_t idle_max = pool_.config_.limits.upstream_idle_per_endpoint_max;
  bool serves_again = h2_ == nullptr || (idle_max > 0 && h2_->streams_most() > 0);
  if (!endpoint_.wanted || retired_ || !serves_again) return close();
  idle_ = true;
  idle_since_ms_ = pool_.loop_.now_ms();
  uint64_t idle_ms = endpoint_.keep_alive.retire_after_ms(pool_.config_.timeouts.upstream_idle_ms, idle_since_ms_);
  if (idle_ms > 0) set_deadline(pool_.loop_, idle_ms);
  if (h2_ != nullptr) return give_turns();
  endpoint_.idle.push_back(this);
  if (!endpoint_.pending.empty()) return UpstreamPool::give_turn(endpoint_);
  // The oldest goes: the newest is the least likely to be closed by the other side.
  if (endpoint_.idle.size() > idle_max) endpoint_.idle.front()->close();
}

// As many as there is room for; each looks for itself whether it fits.
void UpstreamConnection::give_turns() {
  for (size_t left = std::min(endpoint_.pending.size(), h2_->room()); left > 0 && !closed_; --left) {
    UpstreamPool::give_turn(endpoint_);
  }
}

http::ClientSession& UpstreamConnection::take() {
  ASSERT(idle_);
  idle_ = false;
  clear_deadline();
  return *h1_;
}

http::ClientSession* UpstreamConnection::share() {
  if (h2_ == nullptr || retired_ || h2_->room() == 0) return nullptr;
  idle_ = false;
  clear_deadline();
  return h2_.get();
}

void UpstreamConnection::on_session_closed(http::H1ClientSession&, const Error&) {
  uint64_t now_ms = pool_.loop_.now_ms();
  if (idle_) endpoint_.keep_alive.note_closed(now_ms - idle_since_ms_, now_ms);
  close();
}

void UpstreamConnection::on_session_closed(http::H2ClientSession&, const Error& reason) {
  fail_waiters(reason);
  close();
}

void UpstreamConnection::on_deadline() {
  if (idle_) return close();
  Error late{ErrorCode::timeout, "connect: no connection in time"};
  if (h2_ == nullptr || h2_->in_flight() == 0) return on_failed(late);
  retired_ = true;  // it never said what it takes: for the one that went ahead, and for no other
  fail_waiters(late);
}

void UpstreamConnection::fail_waiters(const Error& error) {
  // Whoever is told may want another connection to this endpoint: not this one.
  std::erase(endpoint_.shared, this);
  while (!waiters_.empty()) {
    UpstreamWaiter* waiter = waiters_.back();
    waiters_.pop_back();
    waiter->connection_ = nullptr;
    waiter->on_upstream_unavailable(error);
  }
}

void UpstreamConnection::retire() {
  retired_ = true;
  if (idle_) close();
}

void UpstreamConnection::close() {
  if (closed_) return;
  make_room();
  UpstreamPool::give_turn(endpoint_);
}

void UpstreamConnection::make_room() {
  closed_ = true;
  --endpoint_.connections;
  if (std::exchange(idle_, false)) std::erase(endpoint_.idle, this);
  std::erase(endpoint_.shared, this);
  clear_deadline();
  stream_ = event::TcpStream();
  auto self = std::move(*place);
  pool_.connections_.erase(place);
  pool_.loop_.destroy_later(std::move(self));
}

void UpstreamWaiter::stop_waiting() {
  if (auto* connection = std::exchange(connection_, nullptr)) connection->forget(*this);
  if (auto* endpoint = std::exchange(pending_at_, nullptr)) std::erase(endpoint->pending, this);
}

}  // namespace weir::proxy

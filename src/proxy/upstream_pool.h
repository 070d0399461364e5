#pragma once
// Connections to endpoints: idle ones are kept, new ones made, and those who wait for one told.

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/keep_alive.h"
#include "weir/base/ip.h"
#include "weir/config/config.h"
#include "weir/event/loop.h"
#include "weir/event/resolver.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/wheel.h"
#include "weir/http/h1_client_session.h"
#include "weir/http/h2_client_session.h"
#include "weir/http/proxy_header.h"
#include "weir/proxy/stats.h"
#include "weir/routing/table.h"
#include "weir/tls/engine.h"

namespace weir::proxy {

class UpstreamPool;
class UpstreamConnection;
class UpstreamWaiter;

/// What tells connections to one endpoint apart. With a PROXY header, which says who the client is, one serves none but
/// that client's connection.
struct UpstreamKind {
  http::ProxyVersion version = http::ProxyVersion::none;  // none: nothing is said, and the connection serves anybody
  SocketAddress client;
  SocketAddress local;      // what the client connected to
  bool http1_only = false;  // of https: HTTP/2 is not offered, for a request that upgrades
  bool operator==(const UpstreamKind&) const = default;
};

/// What a worker knows of one endpoint, over all tables. Found by id; lives in the pool until the table does not name
/// it any more and nobody uses it.
struct EndpointState {
  /// The requests that came by one service, by its number; most endpoints are of one service.
  [[nodiscard]] RequestStats& requests_of(uint32_t service) {
    return service == counted_for ? stats.requests : requests_of_another(service);
  }
  /// Before UpstreamPool::forget_unnamed() of the same round: a service of the newest table has it.
  void note_named(uint32_t service, uint64_t round);

  // constant
  std::string id;
  std::string scheme;     // "http", "https" or "h2c"
  std::string host;       // an IP, without brackets, or a name
  std::string authority;  // its own Host: "10.0.0.1:80", "[::1]:80"
  uint16_t port = 0;
  std::string transport;    // of https: "default", or the name of another
  std::string server_name;  // whom it is asked for; "": host
  bool is_name = false;

  // worker thread only
  std::vector<IpAddress> addresses;  // one for an IP literal; what a name resolved to
  uint64_t addresses_until_ms = 0;   // of a name: then it is looked up again
  size_t next_address = 0;
  bool wanted = true;                           // named by the newest table: else its connections are not kept
  std::vector<UpstreamConnection*> idle;        // last in, first out: the warm one is used again
  std::vector<UpstreamConnection*> shared;      // HTTP/2, or it may become that: each for many requests at once
  bool may_share = false;                       // h2c, and https as long as ALPN has not chosen HTTP/1.1
  std::deque<UpstreamWaiter*> pending;          // whose turn comes when a connection is free, or may be made
  uint32_t connections = 0;                     // made and being made
  uint32_t in_flight = 0;                       // exchanges that have it
  std::map<std::string, uint64_t> tls_told_ms;  // by reason: when it was said last that TLS failed
  KeepAlive keep_alive;
  EndpointStats stats;
  struct OtherRequests {
    uint32_t service = 0;
    uint64_t round = 0;
    RequestStats requests;
  };
  uint32_t counted_for = 0;           // the service whose requests `stats` counts; 0: none
  std::vector<OtherRequests> others;  // by the other services that have it
  uint64_t counted_round = 0;         // when counted_for was last named, and when any was
  uint64_t named_round = 0;

 private:
  friend class UpstreamPool;
  RequestStats& requests_of_another(uint32_t service);
  void forget_counts(uint64_t round);
};

/// Waits for a connection, or for its turn. Destroying it, or stop_waiting(), cancels: the connection, once made, goes
/// to the pool.
class UpstreamWaiter {
 public:
  void stop_waiting();
  [[nodiscard]] bool waiting() const { return connection_ != nullptr || pending_at_ != nullptr; }
  /// Never from within UpstreamPool::connect().
  virtual void on_upstream_ready(http::ClientSession& session) = 0;
  virtual void on_upstream_unavailable(const Error& error) = 0;
  /// After UpstreamPool::wait_for_turn(): there is room now, at once or not at all.
  virtual void on_turn() = 0;

 protected:
  UpstreamWaiter() = default;
  virtual ~UpstreamWaiter() { stop_waiting(); }

 private:
  friend class UpstreamConnection;
  friend class UpstreamPool;
  UpstreamConnection* connection_ = nullptr;  // being made for this waiter
  EndpointState* pending_at_ = nullptr;
};

/// One connection and what it is doing. Owned by the pool.
class UpstreamConnection final : public http::H1ClientSession::Owner,
                                 public http::H2ClientSession::Owner,
                                 private event::TcpStream::Observer,
                                 private event::Deadline {
 public:
  UpstreamConnection(UpstreamPool& pool, EndpointState& endpoint, const UpstreamKind& kind);
  ~UpstreamConnection() override = default;

  /// Resolves where needed and connects.
  void open();
  void add(UpstreamWaiter& waiter);
  void forget(UpstreamWaiter& waiter) { std::erase(waiters_, &waiter); }
  /// Whether one more may wait for it: it is being made and will carry many requests.
  [[nodiscard]] bool takes_waiters() const;
  /// Whether what it has said since its last answer would be taken for the next one. Only while idle, and of HTTP/1.1.
  [[nodiscard]] bool heard_unasked() const { return h1_->heard_unasked(); }
  /// Lent out again. Only while idle, and of HTTP/1.1.
  http::ClientSession& take();
  /// No further request: closes when those under way are answered.
  void retire();
  /// Whether it is of HTTP/2 and can carry one more, now or when it is made.
  [[nodiscard]] bool has_room() const;
  /// Of HTTP/2, while it has room: lent out once more. Else nullptr.
  http::ClientSession* share();
  void close();
  /// The same, for another that is made in its place at once.
  void make_room();
  [[nodiscard]] const EndpointState& endpoint() const { return endpoint_; }
  [[nodiscard]] const UpstreamKind& kind() const { return kind_; }
  [[nodiscard]] bool idle() const { return idle_; }
  std::list<std::unique_ptr<UpstreamConnection>>::iterator place;  // in the pool's list

 private:
  void connect();
  void on_addresses(Result<std::vector<IpAddress>> found);
  void tell_tls_failure(const Error& error);
  void serve_waiters(http::H2ClientSession& session);
  void send_away_waiters();
  void fail_waiters(const Error& error);
  void become_idle();
  void give_turns();
  void on_deadline() override;
  // Of the stream, until a session has it.
  void on_connected() override;
  void on_read(std::span<char>) override {}
  void on_read_end() override {}
  void on_drained() override {}
  void on_failed(const Error& error) override;
  void on_session_idle(http::H1ClientSession& session) override;
  void on_session_closed(http::H1ClientSession& session, const Error& reason) override;
  void on_stream_released(http::H2ClientSession& session) override;
  void on_settings(http::H2ClientSession& session) override;
  void on_session_closed(http::H2ClientSession& session, const Error& reason) override;

  // constant after construction
  UpstreamPool& pool_;
  EndpointState& endpoint_;
  const UpstreamKind kind_;

  // worker thread only
  std::optional<event::Lookup> lookup_;
  event::TcpStream stream_;  // while connecting; then a session's
  std::optional<http::H1ClientSession> h1_;
  std::unique_ptr<http::H2ClientSession> h2_;
  std::vector<UpstreamWaiter*> waiters_;  // until it is connected, and of HTTP/2 until its SETTINGS have come
  uint64_t idle_since_ms_ = 0;
  bool idle_ = false;
  bool retired_ = false;
  bool closed_ = false;
};

/// Owned by a Worker, one each; its thread only. Nothing is shared, nothing locked.
class UpstreamPool {
 public:
  UpstreamPool(event::Loop& loop, const config::Config& config, tls::Engine& tls);
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  /// How TLS is spoken to endpoints, by the name of their transport; for connections made from now on. Those made
  /// by another context of it get no further request.
  void use(const std::map<std::string, std::shared_ptr<tls::ClientContext>>& transports);
  /// Whether there is a way to speak to it: its scheme is known, and its transport, if it has one, is there.
  [[nodiscard]] bool speaks_to(const EndpointState& endpoint) const;

  /// The state of an endpoint, made where it is new.
  EndpointState& endpoint(const routing::Endpoint& endpoint);
  /// A connection that can carry a request now, or nullptr: then connect(). `fresh`: none that an upstream may have
  /// closed while it was idle; one of HTTP/2 would have said so.
  http::ClientSession* take_idle(EndpointState& endpoint, const UpstreamKind& kind, bool fresh);
  /// Whether a connection to it may be taken or made (limits.upstream_connections_per_endpoint_max).
  [[nodiscard]] bool has_room(const EndpointState& endpoint, const UpstreamKind& kind) const;
  /// While there is no room: on_turn() comes when there is. False where too many wait already.
  [[nodiscard]] bool wait_for_turn(EndpointState& endpoint, UpstreamWaiter& waiter);
  /// While there is room and nothing to take: makes a connection for `waiter`, or lets it wait for one being made that
  /// can carry many requests. It hears of it, of the failure, or of timeouts.connect_ms having passed.
  void connect(EndpointState& endpoint, UpstreamWaiter& waiter, const UpstreamKind& kind);
  /// Forgets endpoints that were not named in this round: idle connections are closed, busy ones after their request;
  /// the state goes with the first call that finds it unused. And what was counted for services that have lost one.
  void forget_unnamed(uint64_t round);
  /// `name_of` a service by its number; null: it is gone.
  void add_stats(Stats& out, const std::function<const std::string*(uint32_t)>& name_of) const;

 private:
  friend class UpstreamConnection;
  static void give_turn(EndpointState& endpoint);
  [[nodiscard]] static UpstreamConnection* oldest_idle(const EndpointState& endpoint);
  [[nodiscard]] static UpstreamConnection* being_made(const EndpointState& endpoint, const UpstreamKind& kind);

  // constant after construction
  event::Loop& loop_;
  const config::Config& config_;
  tls::Engine& tls_;
  http::H2Limits limits_;

  // worker thread only
  std::unordered_map<std::string, std::unique_ptr<EndpointState>> endpoints_;
  std::list<std::unique_ptr<UpstreamConnection>> connections_;
  std::map<std::string, std::shared_ptr<tls::ClientContext>> transports_;
};

}  // namespace weir::proxy

#pragma once
// THE file of the request path: one request and its answer, from head to access line. The functions of exchange.cc
// stand in the order they run.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/answer_filter.h"
#include "proxy/authenticator.h"
#include "proxy/forwarding.h"
#include "proxy/middlewares.h"
#include "proxy/progress.h"
#include "proxy/proxy_error.h"
#include "proxy/service_state.h"
#include "proxy/upstream_pool.h"
#include "weir/event/wheel.h"
#include "weir/http/client.h"
#include "weir/http/session.h"
#include "weir/proxy/path.h"
#include "weir/routing/table.h"

namespace weir::proxy {

class Worker;

/// One request and its response. Sees streams only: whether a side is H1, H2, plain or TLS is the sessions' business.
/// Pooled by its Worker and lent to a ClientConnection from on_request() to on_exchange_done(). Worker thread only.
/// Pins one RoutingTable from head to access line. finish() is the only exit.
class Exchange final : private http::ServerStreamObserver,
                       private http::ClientStreamObserver,
                       private UpstreamWaiter,
                       private Authenticator::Waiter,
                       private event::Deadline {
 public:
  class Owner {
   public:
    /// The exchange is over and its client stream released; it may be lent out again.
    virtual void on_exchange_done(Exchange& exchange) = 0;

   protected:
    ~Owner() = default;
  };

  explicit Exchange(Worker& worker);
  ~Exchange() override;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// Begins. `by` belongs to the client connection and outlives the exchange.
  void on_request_head(Owner& owner, http::ServerStream& client, const http::RequestHead& head, const ForwardedBy& by,
                       const IpAddress& client_ip, std::string_view entry_point);
  /// The drain time is over: ends now, whatever it is doing.
  void cut();

  // Its place among its owner's exchanges; the owner's.
  std::unique_ptr<Exchange> next;
  Exchange* before = nullptr;

 private:
  enum class State : uint8_t {
    free,         // in the worker's pool
    routing,      // the head is being looked at
    collecting,   // the whole body is taken in, for a server that says whether the request may pass
    undecided,    // waits until it is known whether it may pass
    queued,       // waits for its turn at an endpoint that is busy
    connecting,   // waits for an upstream connection
    waiting,      // the request's head is sent, the answer's has not come
    relaying,     // the answer's head is sent on
    tunnel,       // both sides speak another protocol now
    half_tunnel,  // one of them has ended its half
    finishing,
  };

  // The phases, in order.
  void pin_table();
  void match(routing::MatchAhead& ahead);
  void prepare_head();
  void run_middlewares();
  void follow_middlewares();
  [[nodiscard]] bool says_who_asks() const;
  void ask_guard();
  void on_weighed() override;
  void pass_guard();
  void collect_body();
  void collect(std::string_view bytes);
  [[nodiscard]] bool is_too_large_to_ask(uint64_t body_bytes) const;
  void ask_auth_server();
  void on_auth_answer(Result<http::ClientResponse> answer);
  bool begin_grpc_web(const routing::Middleware& middleware);
  void put_before_client(std::unique_ptr<AnswerFilter> filter);
  void choose_endpoint();
  [[nodiscard]] EndpointState* next_endpoint();
  void try_endpoint(EndpointState& endpoint);
  void acquire_upstream();
  [[nodiscard]] UpstreamKind upstream_kind(const EndpointState& endpoint) const;
  void on_turn() override;
  void on_upstream_ready(http::ClientSession& session) override;
  void on_upstream_unavailable(const Error& error) override;
  void forward_head();
  void on_request_body(std::string_view bytes) override;
  void on_request_piped(event::Pipe& pipe) override;
  [[nodiscard]] bool may_pipe(uint64_t body_bytes) const;
  void on_request_sent(size_t queued_max);
  void on_request_end(std::span<const http::Header> trailers) override;
  [[nodiscard]] bool before_upstream() const;
  [[nodiscard]] bool in_tunnel() const;
  void end_half();
  void keep_sent_body(std::string_view bytes);
  void pause_client();
  void resume_client();
  [[nodiscard]] bool is_too_large(uint64_t body_bytes) const;
  [[nodiscard]] bool is_answer_too_large(uint64_t body_bytes) const;
  void on_upstream_drained() override;
  void on_interim(const http::ResponseHead& head) override;
  void on_response_head(const http::ResponseHead& head) override;
  void keep_endpoint();
  void on_response_body(std::string_view bytes) override;
  void on_response_piped(event::Pipe& pipe) override;
  void on_response_sent(size_t queued_max);
  void on_response_end(std::span<const http::Header> trailers) override;
  void on_client_drained() override;
  void on_client_gone(const Error& error) override;
  void on_upstream_failed(const Error& error) override;
  void on_deadline() override;
  void end_silence();
  [[nodiscard]] ProxyError silent_side() const;
  [[nodiscard]] bool retry(ProxyError error, bool maybe_stale = false);
  void end_with(ProxyError error);
  void answer(uint16_t status, std::string_view location = {});
  void send_answer(uint16_t status, std::string_view body);
  void finish();
  void forget();

  void enter(State wanted);
  void wait_at_most(uint32_t timeout_ms);
  [[nodiscard]] bool owes_body() const;
  void end_expectation();
  [[nodiscard]] uint32_t request_idle_ms() const;
  void look_again();
  void release_upstream();
  void note_answer(std::span<const http::Header> origin, std::span<const http::Header> sent);
  void note_access(uint16_t status, uint64_t duration_us);
  [[nodiscard]] uint64_t sent_bytes() const;
  [[nodiscard]] RequestProtocol protocol() const;

  // constant after construction
  Worker& worker_;

  // worker thread only; of the request under way
  Owner* owner_ = nullptr;
  http::ServerStream* client_ = nullptr;    // until finish()
  http::ClientStream* upstream_ = nullptr;  // from on_upstream_ready() to the end of the attempt
  PinnedTable* pinned_ = nullptr;
  const routing::Router* router_ = nullptr;  // of the pinned table
  ServiceState* service_ = nullptr;
  EndpointState* endpoint_ = nullptr;  // of the attempt under way, or the last one
  const ForwardedBy* by_ = nullptr;
  IpAddress client_ip_;
  std::string_view entry_point_;
  http::HeadStorage storage_;
  http::RequestHead request_;   // as the client sent it; views into storage_
  http::RequestHead outgoing_;  // as the upstream gets it; views into storage_ and scratch_
  ForwardingScratch scratch_;
  MiddlewareOutcome outcome_;              // of the router's, as far as they have run
  std::unique_ptr<AnswerFilter> filter_;   // client_, where something stands between it and the session; else of no use
  std::unique_ptr<http::Call> auth_call_;  // to the server of a forwardAuth, while undecided
  std::vector<http::Header> response_headers_;
  NormalTarget target_;  // of request_; views into it or into path_storage_
  std::string path_storage_;
  std::string host_storage_;
  std::string_view host_;   // normalised; in it, or in storage_
  std::string early_body_;  // what came of the body before an upstream was there
  std::string sent_body_;   // what an HTTP/2 upstream got of it and may still refuse; nothing where it is long
  http::HeadStorage trailer_storage_;
  std::span<const http::Header> early_trailers_;  // views into trailer_storage_
  Progress progress_;
  TriedEndpoints tried_;
  EndpointState* kept_ = nullptr;         // the one that the client's cookie names; compared, never followed
  EndpointState* last_resort_ = nullptr;  // only a stale connection to it failed: asked again when no other is left
  uint64_t started_us_ = 0;
  uint64_t attempt_us_ = 0;
  uint64_t answered_us_ = 0;       // 0: no answer came
  std::string answer_log_fields_;  // header fields of the answer that the access log wants
  uint64_t request_bytes_ = 0;
  uint64_t response_bytes_ = 0;
  uint32_t retries_ = 0;
  uint16_t status_ = 0;
  State state_ = State::free;
  ProxyError error_ = ProxyError::none;
  bool own_authority_ = false;     // each endpoint gets its own Host
  bool fresh_connection_ = false;  // a kept one was stale: only new ones from here on
  bool request_ended_ = false;     // its last byte has been read
  bool streams_messages_ = false;  // its body is a gRPC client's, and comes when there is something to say
};

}  // namespace weir::proxy

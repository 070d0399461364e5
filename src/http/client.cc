#include "weir/http/client.h"

#include <list>
#include <optional>
#include <utility>

#include "weir/base/log.h"
#include "weir/base/text.h"
#include "weir/event/resolver.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/timer.h"
#include "weir/http/h1_client_session.h"
#include "weir/http/h2_client_session.h"
#include "weir/tls/engine.h"

namespace weir::http {

namespace {

class ClientCall;

constexpr size_t kBodyReservedBytesMax = 4 * 1024 * 1024;  // on the word of an answer's Content-Length

}  // namespace

/// The connections. Shared by the Client and its calls, so that a call may outlive the client.
class Client::Impl final {
 public:
  Impl(event::Loop& its_loop, const Limits& limits) : loop(its_loop), limits_(limits) { sweeper_.set_background(); }

  /// Until it is connected it listens to its stream itself; then its session does.
  struct Connection;
  using Connections = std::list<std::unique_ptr<Connection>>;
  struct Connection final : event::TcpStream::Observer, H1ClientSession::Owner, H2ClientSession::Owner {
    explicit Connection(Impl& its_impl) : impl(its_impl) {}
    void on_connected() override;
    void on_read(std::span<char>) override {}
    void on_read_end() override {}
    void on_drained() override {}
    void on_failed(const Error& error) override;

    // A call whose stream failed has heard of it.
    void on_session_closed(H1ClientSession&, const Error&) override { impl.drop(*this); }
    void on_session_closed(H2ClientSession&, const Error&) override { impl.drop(*this); }
    void on_stream_released(H2ClientSession&) override { impl.drop(*this); }
    void on_session_idle(H1ClientSession&) override { impl.note_idle(*this); }

    Impl& impl;
    std::string authority;  // with its scheme
    Connections::iterator place;
    bool dropped = false;        // it lives to the end of the turn and may still have something to tell
    ClientCall* call = nullptr;  // who waits for it or uses it; null while idle
    uint64_t idle_since_ms = 0;
    bool keep = true;      // false: closed after its first request
    bool http2 = false;    // serves one request and is never idle
    bool offered = false;  // whether it is HTTP/2 is for the other side to choose
    event::TcpStream connecting;
    std::optional<H1ClientSession> session;
    std::optional<H2ClientSession> h2_session;

    /// Null until it is connected.
    [[nodiscard]] ClientSession* speaker() {
      if (h2_session) return &*h2_session;
      return session ? &*session : nullptr;
    }
  };

  /// The connection to that host that was idle last, for `call` from now on; or nullptr.
  Connection* take_idle(const Url& url, ClientCall& call) {
    const std::string authority = place_of(url);
    for (auto at = idle_.rbegin(); at != idle_.rend(); ++at) {
      Connection& found = **at;
      if (found.authority != authority) continue;
      found.call = &call;
      busy_.splice(busy_.end(), idle_, found.place);
      return &found;
    }
    return nullptr;
  }

  /// Before the first connection to an https URL.
  Status prepare_tls() {
    if (tls_context_ != nullptr) return {};
    if (!tls_material_) {
      auto material = tls::load_client_material(tls_options_);
      if (!material) return fail(material.error());
      tls_material_ = std::move(*material);
    }
    if (!tls_) tls_.emplace(loop);
    auto context = tls::make_client_context(tls_->library(), *tls_material_);
    if (!context) return fail(context.error());
    tls_context_ = std::move(*context);
    return {};
  }

  void use_tls(tls::ClientOptions options) {
    tls_options_ = std::move(options);
    tls_material_.reset();
    tls_context_.reset();
  }

  void use_tls(tls::ClientMaterial material) {
    tls_material_ = std::move(material);
    tls_context_.reset();
  }

  Connection& connect(const ClientRequest& request, const SocketAddress& address, ClientCall& call) {
    const Url& url = request.url;
    Connection& made = *busy_.emplace_back(std::make_unique<Connection>(*this));
    made.place = std::prev(busy_.end());
    made.authority = place_of(url);
    made.call = &call;
    made.http2 = request.http2;
    std::unique_ptr<event::StreamLayer> layer;
    if (url.scheme == "https") {
      made.offered = request.http2_offered && !request.http2;
      std::vector<std::string> protocols;
      if (request.http2 || made.offered) protocols.emplace_back("h2");
      if (made.offered) protocols.emplace_back("http/1.1");
      layer = tls_->connect(tls_context_, {url.host, made.authority, std::move(protocols)});
    }
    made.connecting = event::TcpStream::connect(loop, address, made, std::move(layer));
    return made;
  }

  /// Closes a connection that no stream uses.
  void drop(Connection& connection) {
    if (std::exchange(connection.dropped, true)) return;
    connection.connecting = event::TcpStream();  // its caller is gone: nobody to be told of it any more
    Connections& all = connection.call == nullptr ? idle_ : busy_;
    loop.destroy_later(std::move(*connection.place));
    all.erase(connection.place);
  }

  void note_idle(Connection& connection) {
    if (connection.dropped) return;
    if (!connection.keep) return drop(connection);
    connection.call = nullptr;
    connection.idle_since_ms = loop.now_ms();
    idle_.splice(idle_.end(), busy_, connection.place);
    close_old();
    if (!sweeper_.active()) sweeper_.start_every(limits_.idle_timeout_ms / 2 + 1);
  }

  event::Loop& loop;

 private:
  static std::string place_of(const Url& url) { return url.scheme + "://" + url.authority(); }

  void close_old() {
    while (!idle_.empty()) {
      const bool old = loop.now_ms() - idle_.front()->idle_since_ms >= limits_.idle_timeout_ms;
      if (!old && idle_.size() <= limits_.idle_connections_max) return;
      drop(*idle_.front());
    }
    sweeper_.stop();
  }

  const Limits limits_;
  H2Limits session_limits_;
  tls::ClientOptions tls_options_;
  std::optional<tls::ClientMaterial> tls_material_;  // none: read with the first https call
  std::optional<tls::Engine> tls_;                   // the same
  std::shared_ptr<tls::ClientContext> tls_context_;
  Connections busy_;
  Connections idle_;                                     // the one that has been so for longest first
  event::Timer sweeper_{loop, [this] { close_old(); }};  // in the background: it keeps no loop running
};

namespace {

/// One call: find a connection, send, gather the answer. Owned by the caller.
class ClientCall final : public Call, public ClientStreamObserver {
 public:
  ClientCall(std::shared_ptr<Client::Impl> impl, ClientRequest request, Client::OnResponse on_response,
             Client::OnChunk on_chunk)
      : impl_(std::move(impl)),
        request_(std::move(request)),
        on_response_(std::move(on_response)),
        on_chunk_(std::move(on_chunk)),
        total_(impl_->loop,
               [this] {
                 fail_with({ErrorCode::timeout, "no answer within " + std::to_string(request_.timeout_ms) + " ms"});
               }),
        self_(std::make_shared<ClientCall*>(this)) {
    if (request_.timeout_ms > 0) total_.start_once(request_.timeout_ms);
    // Never from within send(): the caller does not hold the Call yet.
    impl_->loop.defer([self = self_] {
      if (*self != nullptr) (*self)->begin();
    });
  }

  ~ClientCall() override {
    *self_ = nullptr;
    let_go();
    if (impl_.use_count() == 1) impl_->loop.defer([held = impl_] {});
  }

  void pause_body() override {
    if (stream_ != nullptr) stream_->pause_body();
  }
  void resume_body() override {
    if (stream_ != nullptr) stream_->resume_body();
  }

  void on_connected(Client::Impl::Connection& connection) {
    connecting_.reset();
    use(connection);
  }
  void on_connect_failed(const Error& error) {
    connection_ = nullptr;
    if (next_address_ < addresses_.size()) return connect_next();
    fail_with(error);
  }

 private:
  void begin() {
    if (request_.url.scheme == "https") {
      if (Status ready = impl_->prepare_tls(); !ready) return fail_with(ready.error());
    }
    if (request_.keep_alive && !request_.http2 && !request_.http2_offered) {
      if (auto* idle = impl_->take_idle(request_.url, *this)) return use(*idle);
    }
    resolve();
  }

  void resolve() {
    connecting_.emplace(impl_->loop, [this] {
      fail_with({ErrorCode::timeout, "no connection within " + std::to_string(request_.connect_timeout_ms) + " ms"});
    });
    connecting_->start_once(request_.connect_timeout_ms);
    lookup_.emplace(impl_->loop, request_.url.host, [this](Result<std::vector<IpAddress>> addresses) {
      if (!addresses) return fail_with(addresses.error());
      addresses_ = std::move(*addresses);
      next_address_ = 0;
      connect_next();
    });
  }

  void connect_next() {
    SocketAddress address{addresses_[next_address_++], request_.url.port};
    connection_ = &impl_->connect(request_, address, *this);
  }

  void use(Client::Impl::Connection& connection) {
    connection_ = &connection;
    connection.call = this;
    stream_ = &connection.speaker()->begin(*this);
    std::vector<Header> fields;
    for (const auto& [name, value] : request_.headers) fields.push_back({name, value});
    std::string authority = request_.host.empty() ? request_.url.authority() : request_.host;
    std::string credentials;
    if (!request_.url.user_info.empty()) {
      credentials = "Basic " + base64_encode(percent_decode(request_.url.user_info).value_or(request_.url.user_info));
      fields.push_back({"Authorization", credentials});
    }
    if (!request_.keep_alive && !connection.http2) fields.push_back({"Connection", "close"});
    RequestHead head;
    head.method_text = request_.method;
    if (request_.method == "HEAD") head.method = Method::head;
    head.target = request_.url.target;
    head.te_trailers = connection.http2;
    head.authority = authority;
    head.headers = fields;
    head.body = request_.body.empty() ? Body::none : Body::length;
    head.content_length = request_.body.size();
    head.has_content_length = request_.method != "GET" && request_.method != "HEAD";
    stream_->send_head(head);
    stream_->send_body(request_.body);
    stream_->send_end({});
  }

  void on_interim(const ResponseHead&) override {}

  void on_response_head(const ResponseHead& head) override {
    response_.status = head.status;
    response_.reason = head.reason;
    for (const Header& header : head.headers) response_.headers.emplace_back(header.name, header.value);
    if (head.status == 101) return fail_with({ErrorCode::invalid, "an upgrade that was not asked for"});
    if (request_.head_only) {
      connection_->keep = false;
      let_go();
      return finish(std::move(response_));
    }
    const size_t limit = std::min(request_.body_bytes_max, kBodyReservedBytesMax);
    if (!on_chunk_) response_.body.reserve(std::min<uint64_t>(head.content_length.value_or(0), limit));
  }

  void on_response_body(std::string_view bytes) override {
    // A call without a deadline is a stream, which may go on for ever.
    const bool in_pieces = on_chunk_ && response_.status / 100 == 2;
    if (in_pieces && request_.timeout_ms == 0) return on_chunk_(bytes);
    body_bytes_ += bytes.size();
    if (body_bytes_ > request_.body_bytes_max) {
      return fail_with(
          {ErrorCode::too_large, "the answer is larger than " + std::to_string(request_.body_bytes_max) + " bytes"});
    }
    if (in_pieces) return on_chunk_(bytes);
    response_.body.append(bytes);
  }

  void on_response_end(std::span<const Header> trailers) override {
    for (const Header& trailer : trailers) response_.trailers.emplace_back(trailer.name, trailer.value);
    connection_->keep = request_.keep_alive && !request_.http2_offered;
    release_stream();
    finish(std::move(response_));
  }

  void on_upstream_drained() override {}

  void on_upstream_failed(const Error& error) override {
    // The other side may have closed an idle connection just as we used it: nothing of ours was answered.
    bool stale = stream_->maybe_stale() && !retried_;
    Error copy = error;
    release_stream();
    if (!stale) return fail_with(copy);
    retried_ = true;
    resolve();
  }

  void release_stream() {
    connection_ = nullptr;
    if (auto* stream = std::exchange(stream_, nullptr)) stream->release();
  }

  /// Frees what is held of the pool, in whatever state.
  void let_go() {
    lookup_.reset();
    auto* connection = connection_;
    bool streaming = stream_ != nullptr;
    release_stream();
    if (connection != nullptr && !streaming) impl_->drop(*connection);  // still connecting
  }

  void fail_with(Error error) {
    let_go();
    error.message = request_.method + " " + request_.url.scheme + "://" + request_.url.authority() +
                    request_.url.target + ": " + error.message;
    finish(fail(std::move(error)));
  }

  void finish(Result<ClientResponse> result) {
    total_.stop();
    if (connecting_) connecting_->stop();
    if (auto callback = std::exchange(on_response_, nullptr)) callback(std::move(result));  // may destroy this
  }

  // constant after construction
  std::shared_ptr<Client::Impl> impl_;
  const ClientRequest request_;

  // loop thread only
  Client::OnResponse on_response_;
  Client::OnChunk on_chunk_;
  size_t body_bytes_ = 0;
  event::Timer total_;
  std::optional<event::Timer> connecting_;
  std::shared_ptr<ClientCall*> self_;  // null once this is gone
  std::optional<event::Lookup> lookup_;
  std::vector<IpAddress> addresses_;
  size_t next_address_ = 0;
  Client::Impl::Connection* connection_ = nullptr;
  ClientStream* stream_ = nullptr;
  ClientResponse response_;
  bool retried_ = false;
};

}  // namespace

void Client::Impl::Connection::on_connected() {
  http2 = http2 || (offered && connecting.protocol() == "h2");
  if (http2) {
    h2_session.emplace(impl.loop, std::move(connecting), authority.starts_with("https") ? "https" : "http", *this,
                       impl.session_limits_);
    h2_session->start();
  } else {
    session.emplace(std::move(connecting), *this, impl.session_limits_);
    session->start();
  }
  call->on_connected(*this);
}

void Client::Impl::Connection::on_failed(const Error& error) {
  ClientCall* waiting = call;
  Error copy = error;
  impl.drop(*this);
  waiting->on_connect_failed(copy);
}

Client::Client(event::Loop& loop) : Client(loop, Limits{}) {}
Client::Client(event::Loop& loop, Limits limits) : impl_(std::make_shared<Impl>(loop, limits)) {}
// A callback of one of its calls may be on the stack: the connections go at the end of the turn.
Client::~Client() {
  impl_->loop.defer([held = impl_] {});
}

void Client::use_tls(tls::ClientOptions options) { impl_->use_tls(std::move(options)); }
void Client::use_tls(tls::ClientMaterial material) { impl_->use_tls(std::move(material)); }

std::unique_ptr<Call> Client::send(ClientRequest request, OnResponse on_response, OnChunk on_chunk) {
  return std::make_unique<ClientCall>(impl_, std::move(request), std::move(on_response), std::move(on_chunk));
}

}  // namespace weir::http

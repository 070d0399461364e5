#include "weir/http/server.h"

#include <list>
#include <utility>

#include "http/server_exchange.h"
#include "weir/event/listener.h"
#include "weir/http/h1_server_session.h"
#include "weir/tls/engine.h"

namespace weir::http {

class Server::Impl {
 public:
  Impl(event::Loop& loop, Handler handler, const ServerLimits& limits, ServerTls tls)
      : loop_(loop), handler_(std::move(handler)), limits_(limits), tls_(std::move(tls)) {
    h1_limits_.idle_timeout_ms = limits.idle_timeout_ms;
    h1_limits_.head_timeout_ms = limits.head_timeout_ms;
  }

  Status listen(const SocketAddress& address) {
    auto listener =
        event::Listener::listen(loop_, {address}, [this](event::TcpStream stream) { accept(std::move(stream)); });
    if (!listener) return fail(listener.error());
    listener_.emplace(std::move(*listener));
    address_ = listener_->address();
    return {};
  }

  void drain() {
    listener_.reset();
    // A session that closes takes itself out of the list.
    for (auto next = connections_.begin(); next != connections_.end();) (*next++)->session.drain();
  }

  [[nodiscard]] SocketAddress address() const { return address_; }

 private:
  /// A connection is its session and the exchange under way. Lives in the list until its session has closed.
  struct Connection final : H1ServerSession::Owner {
    Connection(Impl& owner, event::TcpStream stream)
        : impl(owner), peer(stream.peer_address()), session(owner.loop_, std::move(stream), *this, owner.h1_limits_) {}
    ~Connection() {
      if (exchange) exchange->detach();
    }

    void on_request(ServerStream& stream, const RequestHead& head) override {
      exchange = std::make_shared<ServerExchange>(stream, head, peer, impl.limits_.body_bytes_max, impl.handler_);
      stream.attach(*exchange);
    }
    void on_bad_request(uint16_t, const Error&, size_t) override {}
    void on_session_closed() override {
      std::unique_ptr<Connection> closed = std::move(*self);
      impl.connections_.erase(self);
      impl.loop_.destroy_later(std::move(closed));
    }

    Impl& impl;
    const SocketAddress peer;
    H1ServerSession session;
    std::shared_ptr<ServerExchange> exchange;
    std::list<std::unique_ptr<Connection>>::iterator self;
  };

  void accept(event::TcpStream stream) {
    if (connections_.size() >= limits_.connections_max) return;  // closed by going out of scope
    if (tls_.engine != nullptr) stream.put_layer(tls_.engine->accept(tls_.options));
    connections_.push_front(std::make_unique<Connection>(*this, std::move(stream)));
    Connection& connection = *connections_.front();
    connection.self = connections_.begin();
    connection.session.start();
  }

  event::Loop& loop_;
  const Handler handler_;
  const ServerLimits limits_;
  const ServerTls tls_;
  H1Limits h1_limits_;
  std::optional<event::Listener> listener_;
  SocketAddress address_;
  std::list<std::unique_ptr<Connection>> connections_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::listen(event::Loop& loop, const SocketAddress& address, Handler handler,
                                               ServerLimits limits, ServerTls tls) {
  auto impl = std::make_unique<Impl>(loop, std::move(handler), limits, std::move(tls));
  if (Status listening = impl->listen(address); !listening) return fail(listening.error());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

SocketAddress Server::address() const { return impl_->address(); }
void Server::drain() { impl_->drain(); }

}  // namespace weir::http

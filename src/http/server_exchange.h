#pragma once
// One request of an API server and the answer to it.

#include <functional>
#include <memory>
#include <string>

#include "weir/http/server.h"
#include "weir/http/session.h"

namespace weir::http {

/// Gathers a request's body, hands it to the handler and sends the answer. Shared by the connection, while its stream
/// is out, and by the handler's Responder. Loop's thread.
class ServerExchange final : public ServerStreamObserver, public std::enable_shared_from_this<ServerExchange> {
 public:
  ServerExchange(ServerStream& stream, const RequestHead& head, const SocketAddress& peer, size_t body_bytes_max,
                 const Server::Handler& handler);

  void respond(Response response);
  void start(int status, const HeaderFields& headers);
  void write(std::string_view chunk);
  void end();
  [[nodiscard]] size_t queued_bytes() const { return stream_ != nullptr ? stream_->queued_bytes() : 0; }
  void on_drained(std::function<void()> callback) { on_drained_ = std::move(callback); }
  void on_disconnect(std::function<void()> callback) { on_disconnect_ = std::move(callback); }
  [[nodiscard]] bool connected() const { return stream_ != nullptr; }
  /// The handler has dropped its Responder.
  void abandon();
  /// The server goes away: nothing is answered any more.
  void detach() { stream_ = nullptr; }

 private:
  void on_request_body(std::string_view bytes) override;
  void on_request_end(std::span<const Header> trailers) override;
  void on_client_drained() override;
  void on_client_gone(const Error& error) override;
  void send_head(int status, const HeaderFields& headers, Body body, std::optional<uint64_t> length);
  void release();

  // constant after construction
  const size_t body_bytes_max_;
  const Server::Handler& handler_;

  // loop thread only
  ServerStream* stream_;  // null once released
  Request request_;
  std::function<void()> on_drained_;
  std::function<void()> on_disconnect_;
  bool started_ = false;
  bool request_ended_ = false;
};

}  // namespace weir::http

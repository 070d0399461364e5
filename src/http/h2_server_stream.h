#pragma once
// One request on an HTTP/2 connection of a client.

#include <string>

#include "weir/http/h2_server_session.h"
#include "weir/http/h2_stream.h"
#include "weir/http/session.h"

namespace weir::http {

/// Owned by its session, see H2Stream.
class H2ServerStream final : public H2Stream, public ServerStream {
 public:
  explicit H2ServerStream(H2ServerSession& session) : session_(session) {}

  /// The request's head has come and is lent out.
  void begin(const RequestHead& head);
  /// It is not: `status` is answered, and whatever follows not read.
  void refuse(uint16_t status, const AnswerPage& page);

  // ServerStream
  void attach(ServerStreamObserver& observer) override { observer_ = &observer; }
  void send_interim(const ResponseHead& head) override;
  void send_head(const ResponseHead& head) override;
  void send_body(std::string_view bytes) override { session_.send_stream_body(*this, bytes); }
  void send_end(std::span<const Header> trailers) override { session_.send_stream_end(*this, trailers); }
  void pause_body() override { session_.pause_stream(*this); }
  void resume_body() override;
  [[nodiscard]] size_t queued_bytes() const override { return session_.queued_bytes(*this); }
  [[nodiscard]] size_t undelivered_bytes() const override { return session_.undelivered_bytes(*this); }
  /// Nothing: an answer that comes early ends its own stream and no other (RFC 9113 section 8.1).
  void forbid_reuse() override {}
  void end_short() override {}
  void release() override;

 private:
  friend class H2ServerSession;
  /// An extended CONNECT, to those above an upgrade.
  enum class Tunnel : uint8_t {
    no,
    asked,  // what comes waits until it is opened
    opened,
    refused,  // what comes is for nobody: its request is over
  };

  [[nodiscard]] bool attached() const override { return lent_; }
  void deliver_body(std::string_view bytes) override;
  void deliver_end(std::span<const Header> trailers) override;
  void deliver_drained() override;
  void deliver_gone(uint32_t code, const Error& error) override;

  H2ServerSession& session_;
  ServerStreamObserver* observer_ = nullptr;
  std::string early_;  // of a tunnel: what came before it was opened, within the stream's window
  Tunnel tunnel_ = Tunnel::no;
  bool lent_ = false;
  bool request_ended_ = false;  // told; a tunnel has an end of its own
};

}  // namespace weir::http

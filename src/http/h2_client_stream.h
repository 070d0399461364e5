#pragma once
// One request on an HTTP/2 connection to an upstream.

#include <memory>
#include <string>

#include "weir/http/h2_client_session.h"
#include "weir/http/h2_stream.h"
#include "weir/http/session.h"

namespace weir::http {

/// Owned by its session, see H2Stream.
class H2ClientStream final : public H2Stream, public ClientStream {
 public:
  H2ClientStream(H2ClientSession& session, ClientStreamObserver& observer, bool first)
      : session_(session), observer_(&observer), first_(first) {}

  void take_head(H2Fields& fields, bool ended);
  /// The upstream's SETTINGS have come, for which a tunnel had to wait.
  void send_held_head();

  // ClientStream
  void send_head(const RequestHead& head) override;
  void send_body(std::string_view bytes) override { session_.send_stream_body(*this, bytes); }
  void send_end(std::span<const Header> trailers) override;
  void pause_body() override { session_.pause_stream(*this); }
  void resume_body() override { session_.resume_stream(*this); }
  [[nodiscard]] size_t queued_bytes() const override { return session_.queued_bytes(*this); }
  [[nodiscard]] size_t undelivered_bytes() const override { return session_.undelivered_bytes(*this); }
  [[nodiscard]] bool maybe_stale() const override { return refused_ || (!first_ && !head_in_); }
  void release() override;

 private:
  [[nodiscard]] bool attached() const override { return observer_ != nullptr; }
  void deliver_body(std::string_view bytes) override { observer_->on_response_body(bytes); }
  void deliver_end(std::span<const Header> trailers) override { observer_->on_response_end(trailers); }
  void deliver_drained() override;
  void deliver_gone(uint32_t code, const Error& error) override;

  /// A head that cannot be sent yet, with the memory it lives in.
  struct HeldHead {
    HeadStorage storage;
    RequestHead head;
  };

  H2ClientSession& session_;
  ClientStreamObserver* observer_;
  const bool first_;  // of its connection: then the connection was not stale
  std::unique_ptr<HeldHead> held_;
  std::string accept_;  // Sec-WebSocket-Accept, for whoever asked with a key
  uint64_t began_ms_ = 0;
  uint32_t interims_ = 0;
  bool tunnel_ = false;  // an extended CONNECT
  bool tunnel_open_ = false;
  bool bodiless_ = false;  // the answer is its head alone, whatever comes behind it
  bool refused_ = false;   // the upstream has not acted upon it
};

}  // namespace weir::http

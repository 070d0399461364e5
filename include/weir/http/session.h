#pragma once
// The seam between an exchange and the connections below it. An Exchange (or an API server's request) sees streams:
// head, body, trailers, end, reset and back-pressure; it cannot tell H1 from H2 or plain from TLS.

#include <cstdint>
#include <span>
#include <string_view>

#include "weir/base/result.h"
#include "weir/http/message.h"

namespace weir::event {
class Pipe;
}

namespace weir::http {

/// Bytes queued for a peer above which the other side is asked to pause.
inline constexpr size_t kQueueHighBytes = 128 * 1024;
/// What must be left of a body for it to go through a pipe. Below, two copies are as cheap as the calls for it.
inline constexpr uint64_t kPipedBytesMin = 32 * 1024;

class ServerStreamObserver;

/// One request as the client side sends it, and its answer. Owned by a server session; valid from on_request() until
/// release(). Calls never call back into the observer from within.
class ServerStream {
 public:
  /// Who is told from now on.
  virtual void attach(ServerStreamObserver& observer) = 0;
  /// 100 and 103. Only before send_head.
  virtual void send_interim(const ResponseHead& head) = 0;
  /// Once. 101 turns the stream into a tunnel: bodies are then raw bytes both ways.
  virtual void send_head(const ResponseHead& head) = 0;
  virtual void send_body(std::string_view bytes) = 0;
  /// After send_head: whether body bytes go to the socket as they are, so that they may lie in a pipe. One that has
  /// none of that (H2, TLS, chunks) leaves both as they are.
  [[nodiscard]] virtual bool takes_piped() const { return false; }
  virtual void send_piped(event::Pipe&) {}
  /// The answer is complete. In a tunnel: FIN towards the client.
  virtual void send_end(std::span<const Header> trailers) = 0;
  /// From here on the request's body may come by on_request_piped, where there is much of it.
  virtual void pipe_body() {}
  /// Stops and restarts on_request_body: back-pressure. What has been read already may still come.
  virtual void pause_body() = 0;
  virtual void resume_body() = 0;
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
  /// These and what the kernel holds until the client has acknowledged it. A system call; for deadlines.
  [[nodiscard]] virtual size_t undelivered_bytes() const = 0;
  /// No other request on this connection after this answer. Before send_head, so that the answer can say so.
  virtual void forbid_reuse() = 0;
  /// Before release(): the answer stays short of its end through no fault of the client, who gets what it was sent
  /// before the connection ends. Where only a reset tells that it is short, it is reset all the same.
  virtual void end_short() = 0;
  /// The observer is done with the stream and hears nothing more. An incomplete answer is aborted, an unread request
  /// body dropped with the connection. The stream is invalid afterwards.
  virtual void release() = 0;

 protected:
  ~ServerStream() = default;
};

/// The exchange's ear on its client side. In each call the stream may be released.
class ServerStreamObserver {
 public:
  virtual void on_request_body(std::string_view bytes) = 0;
  /// The same of bytes in a pipe, which lives during the call. Only after pipe_body().
  virtual void on_request_piped(event::Pipe&) {}
  virtual void on_request_end(std::span<const Header> trailers) = 0;
  /// Queued bytes have all left.
  virtual void on_client_drained() = 0;
  /// The client reset, broke the protocol in its body or stopped sending: nothing can be answered any more.
  /// The stream is dead but must still be released.
  virtual void on_client_gone(const Error& error) = 0;

 protected:
  ~ServerStreamObserver() = default;
};

/// One request towards the upstream side. Owned by a client session; valid until release().
class ClientStream {
 public:
  virtual void send_head(const RequestHead& head) = 0;
  virtual void send_body(std::string_view bytes) = 0;
  /// As a ServerStream's.
  [[nodiscard]] virtual bool takes_piped() const { return false; }
  virtual void send_piped(event::Pipe&) {}
  virtual void send_end(std::span<const Header> trailers) = 0;
  /// From within on_response_head on the answer's body may come by on_response_piped, where there is much of it.
  virtual void pipe_body() {}
  virtual void pause_body() = 0;
  virtual void resume_body() = 0;
  [[nodiscard]] virtual size_t queued_bytes() const = 0;
  [[nodiscard]] virtual size_t undelivered_bytes() const = 0;
  /// No byte of an answer has come on a connection that had served before: when it fails now, the upstream may just
  /// have closed an idle connection.
  [[nodiscard]] virtual bool maybe_stale() const = 0;
  /// The observer hears nothing more. A connection whose request and answer are complete serves the next one;
  /// any other is closed at once. The stream is invalid afterwards.
  virtual void release() = 0;

 protected:
  ~ClientStream() = default;
};

/// The exchange's ear on its upstream side. In each call the stream may be released.
class ClientStreamObserver {
 public:
  /// 1xx except 101.
  virtual void on_interim(const ResponseHead& head) = 0;
  virtual void on_response_head(const ResponseHead& head) = 0;
  virtual void on_response_body(std::string_view bytes) = 0;
  /// The same of bytes in a pipe, which lives during the call. Only after pipe_body().
  virtual void on_response_piped(event::Pipe&) {}
  virtual void on_response_end(std::span<const Header> trailers) = 0;
  virtual void on_upstream_drained() = 0;
  /// Refused, reset, cut, malformed. The stream is dead but must still be released.
  virtual void on_upstream_failed(const Error& error) = 0;

 protected:
  ~ClientStreamObserver() = default;
};

/// A connection towards an upstream that can carry a request now. Owned by a pool.
class ClientSession {
 public:
  /// Lends the connection out for one request.
  virtual ClientStream& begin(ClientStreamObserver& observer) = 0;

 protected:
  ~ClientSession() = default;
};

/// The body of an answer that nobody upstream has given. Views; who hands one out says how long it lives.
struct AnswerPage {
  std::string_view content_type;
  std::string_view body;
};

/// Who owns a server session, H1 or H2, and gets its requests.
class ServerSessionOwner {
 public:
  /// A request has come; its head lives during the call, in which an observer must be attached to `stream`, or the
  /// stream released.
  virtual void on_request(ServerStream& stream, const RequestHead& head) = 0;
  /// A head was refused with `status`, and a body of so many bytes, before it became a request: for the log and the
  /// counters.
  virtual void on_bad_request(uint16_t status, const Error& reason, size_t body_bytes) = 0;
  /// What such a head is answered with; lives during the call that asks. {}: status and reason as plain text.
  [[nodiscard]] virtual AnswerPage refusal_page(uint16_t) const { return {}; }
  /// The last call. The connection is closed and no stream is out.
  virtual void on_session_closed() = 0;

 protected:
  ~ServerSessionOwner() = default;
};

/// Limits a session enforces where the bytes enter.
struct H1Limits {
  size_t head_bytes_max = 64 * 1024;        // 431
  size_t headers_max = 128;                 // 431
  size_t target_bytes_max = 16 * 1024;      // 414
  size_t trailer_bytes_max = 16 * 1024;     // 400
  size_t chunk_extension_bytes_max = 1024;  // of one chunk; 400
  size_t interims_max = 16;                 // 1xx before one answer; more is a flood
  uint64_t head_timeout_ms = 10'000;        // first byte of a head to its last: 408
  uint64_t idle_timeout_ms = 60'000;        // between requests: closed without a word
  bool pass_unknown_methods = false;        // else 501
};

}  // namespace weir::http

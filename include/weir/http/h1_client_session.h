#pragma once
// HTTP/1.1 towards an upstream: requests out, answers in.

#include <string>

#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/http/h1_parser.h"
#include "weir/http/session.h"

namespace weir::http {

/// One upstream connection, one request at a time. Owned by a pool, which is its Owner and destroys it when
/// on_session_closed() has come (Loop::destroy_later: the session may be on the stack), or from outside when no stream
/// is out.
class H1ClientSession final : private event::TcpStream::Observer,
                              private H1Parser::BodySink,
                              public ClientSession,
                              public ClientStream {
 public:
  class Owner {
   public:
    /// A stream was released with its request and answer complete: the session can serve the next one.
    virtual void on_session_idle(H1ClientSession& session) = 0;
    /// The last call: was closed while idle, or its stream was released in the middle.
    virtual void on_session_closed(H1ClientSession& session, const Error& reason) = 0;

   protected:
    ~Owner() = default;
  };

  /// Speaks on a connection that is made (TcpStream::Observer::on_connected).
  H1ClientSession(event::TcpStream stream, Owner& owner, const H1Limits& limits);
  ~H1ClientSession() = default;
  H1ClientSession(const H1ClientSession&) = delete;
  H1ClientSession& operator=(const H1ClientSession&) = delete;

  /// Begins to listen. Not in the constructor: the owner must be ready.
  void start();
  /// Only when started and idle.
  ClientStream& begin(ClientStreamObserver& observer) override;
  /// Requests begun on it so far.
  [[nodiscard]] uint32_t requests() const { return requests_; }
  /// How long the upstream has said it lets the connection idle; 0: it has not.
  [[nodiscard]] uint32_t keep_alive_s() const { return keep_alive_s_; }
  /// While idle: bytes have been read and not looked at, which no request has asked for.
  [[nodiscard]] bool heard_unasked() const { return stream_.holds_unseen(); }
  [[nodiscard]] SocketAddress local_address() const { return stream_.local_address(); }

  // ClientStream: for the observer of the request under way.
  void send_head(const RequestHead& head) override;
  void send_body(std::string_view bytes) override;
  [[nodiscard]] bool takes_piped() const override;
  void send_piped(event::Pipe& pipe) override;
  void send_end(std::span<const Header> trailers) override;
  void pipe_body() override { pipe_asked_ = true; }
  void pause_body() override;
  void resume_body() override;
  [[nodiscard]] size_t queued_bytes() const override;
  [[nodiscard]] size_t undelivered_bytes() const override;
  [[nodiscard]] bool maybe_stale() const override { return requests_ > 1 && !answer_begun_; }
  void release() override;

 private:
  enum class State : uint8_t {
    idle,      // no stream is out
    head,      // waiting for the answer's head
    body,      // the head has come, its body not all
    tunnel,    // after 101: raw bytes both ways
    answered,  // the answer is complete
    closed,
  };

  void on_read(std::span<char> bytes) override;
  void on_piped(event::Pipe& pipe) override;
  void on_read_end() override;
  void on_drained() override;
  void on_failed(const Error& error) override;
  void on_body(std::string_view bytes) override;

  std::string_view take_head(std::string_view input);
  std::string_view take_body(std::string_view input);
  void complete_answer(std::span<const Header> trailers);
  void break_off(const Error& error);
  void close_stream(bool complete);

  // constant after construction
  Owner& owner_;
  const H1Limits& limits_;

  // loop thread only
  event::TcpStream stream_;
  H1Parser parser_{H1Parser::Kind::response};
  ClientStreamObserver* observer_ = nullptr;  // non-null exactly while a stream is out
  std::string held_;                          // part of a head
  HeadPatience patience_;
  Error failure_;
  uint32_t requests_ = 0;
  uint32_t interims_ = 0;
  uint32_t keep_alive_s_ = 0;
  State state_ = State::idle;
  Method method_ = Method::get;
  bool chunked_request_ = false;
  bool pipe_asked_ = false;        // for the answer's body
  bool long_answers_ = false;      // the last one was: so will be the next
  bool request_complete_ = false;  // in a tunnel: we have ended our half
  bool answer_begun_ = false;
  bool read_ended_ = false;  // FIN has come
};

}  // namespace weir::http

#pragma once
// HTTP/1.1 towards a client: bytes in, requests out; answers in, bytes out.

#include <string>

#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/turn_end.h"
#include "weir/event/wheel.h"
#include "weir/http/h1_parser.h"
#include "weir/http/session.h"

namespace weir::http {

/// One client connection. Owned by its Owner, who destroys it when on_session_closed() has come (Loop::destroy_later:
/// the session may be on the stack) or at any time from outside.
/// Requests are handed out one at a time, pipelined ones in order. A head that is no valid request is answered here
/// (400, 408, 414, 417, 431, 501, 505) and the connection closed.
class H1ServerSession final : private event::TcpStream::Observer,
                              private event::Deadline,
                              private event::TurnEnd,
                              private H1Parser::BodySink,
                              public ServerStream {
 public:
  class Owner : public ServerSessionOwner {
   public:
    /// The connection has been idle for kIdleLongMs and will be for `idle_ms` more at most: the owner may detach() it
    /// (true), and destroys the session when its stack has unwound. Asked once between two requests, of a plain
    /// connection with nothing to write.
    [[nodiscard]] virtual bool on_idle_long(uint64_t) { return false; }
    /// The first bytes of the connection are HTTP/2's preface (RFC 9113 section 3.4), or a line that is no request of
    /// any HTTP. Whoever speaks HTTP/2 takes the stream and goes on with `bytes` (true); the session is over then
    /// without a further call.
    [[nodiscard]] virtual bool take_over(event::TcpStream&, std::string_view) { return false; }

   protected:
    ~Owner() = default;
  };

  H1ServerSession(event::Loop& loop, event::TcpStream stream, Owner& owner, const H1Limits& limits);
  ~H1ServerSession() override = default;
  H1ServerSession(const H1ServerSession&) = delete;
  H1ServerSession& operator=(const H1ServerSession&) = delete;

  /// Begins to read. Not in the constructor: the owner must be ready.
  void start();
  /// Ends keep-alive: the answer under way, or to a request that comes within kDrainGraceMs, says Connection: close.
  /// For that time an idle connection stays open: a request may be on its way.
  void drain();
  static constexpr uint64_t kDrainGraceMs = 1000;
  /// So long a reset may go unheard while a last request is answered, which would cost a system call to hear at once.
  static constexpr uint64_t kResetUnheardMs = 64;
  static constexpr uint64_t kIdleLongMs = 1000;
  /// Takes the socket out of a session that has told on_idle_long(), within that call; the session is closed then. -1:
  /// the system has no descriptor to spare, and all is as it was.
  [[nodiscard]] int detach();
  [[nodiscard]] bool idle() const { return state_ == State::idle; }
  [[nodiscard]] SocketAddress peer_address() const { return stream_.peer_address(); }
  [[nodiscard]] SocketAddress local_address() const { return stream_.local_address(); }

  // ServerStream: for the observer of the request under way.
  void attach(ServerStreamObserver& observer) override { observer_ = &observer; }
  void send_interim(const ResponseHead& head) override;
  void send_head(const ResponseHead& head) override;
  void send_body(std::string_view bytes) override;
  [[nodiscard]] bool takes_piped() const override;
  void send_piped(event::Pipe& pipe) override;
  void send_end(std::span<const Header> trailers) override;
  void pipe_body() override { pipe_asked_ = true; }
  void pause_body() override;
  void resume_body() override;
  [[nodiscard]] size_t queued_bytes() const override;
  [[nodiscard]] size_t undelivered_bytes() const override;
  void forbid_reuse() override { keep_alive_ = false; }
  void end_short() override { ends_short_ = true; }
  void release() override;

 private:
  enum class State : uint8_t {
    idle,     // between requests, nothing read of the next
    head,     // part of a head has come
    request,  // a stream is out; the request's body may still be coming
    tunnel,   // after 101: raw bytes both ways
    closed,   // the connection is gone or given away; a stream may still be out
  };
  enum class Answer : uint8_t { pending, bodiless, by_length, chunked, until_close, complete };

  void on_read(std::span<char> bytes) override;
  void on_piped(event::Pipe& pipe) override;
  void on_read_end() override;
  void on_drained() override;
  void on_failed(const Error& error) override;
  void on_deadline() override;
  void on_turn_end() override;
  void on_body(std::string_view bytes) override;

  void take(std::string_view input);
  std::string_view take_head(std::string_view input);
  std::string_view take_body(std::string_view input);
  void hold(std::string_view input);
  [[nodiscard]] bool client_lags() const;
  void start_request(const RequestHead& head);
  void note_complete();
  // `reason` by value: the session may die while it tells, and the reason with it. `head`: what has come of it.
  void refuse(uint16_t status, Error reason, std::string_view head);
  void refuse_body(Error reason);
  size_t send_refusal(uint16_t status, const Error& reason);
  void break_stream(const Error& error);
  void become_idle();
  void finish_session();

  // constant after construction
  event::Loop& loop_;
  Owner& owner_;
  const H1Limits& limits_;

  // loop thread only
  event::TcpStream stream_;
  H1Parser parser_{H1Parser::Kind::request};
  ServerStreamObserver* observer_ = nullptr;  // of the stream that is out, if one is
  std::string held_;                          // part of a head, or bytes that came before their turn
  uint64_t body_left_ = 0;                    // of an answer by_length
  uint64_t idle_left_ms_ = 0;                 // when the owner has been told that the connection is long idle
  HeadPatience patience_;
  State state_ = State::idle;
  Answer answer_ = Answer::pending;
  Method method_ = Method::get;
  Version version_ = Version::http11;
  bool stream_out_ = false;
  bool pipe_asked_ = false;   // for the request's body
  bool had_request_ = false;  // what comes is not the connection's beginning
  bool keep_alive_ = true;
  bool ends_short_ = false;
  bool client_done_ = false;  // it has said that this request is its last, and all of it has come
  bool draining_ = false;
  bool request_complete_ = false;  // its last body byte has been read
  bool read_ended_ = false;        // FIN has come
  bool taking_ = false;            // take() is on the stack: it goes on with the next request itself
};

}  // namespace weir::http

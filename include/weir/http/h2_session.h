#pragma once
// HTTP/2 connections: what the side towards clients and the side towards upstreams have in common.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/event/loop.h"
#include "weir/event/tcp_stream.h"
#include "weir/event/turn_end.h"
#include "weir/event/wheel.h"
#include "weir/http/h2_budget.h"
#include "weir/http/h2_closed_streams.h"
#include "weir/http/h2_stream.h"
#include "weir/http/session.h"

struct nghttp2_session;

namespace weir::http {

struct H2Block;
class H2Fields;

/// Those of HTTP/1.1 hold here too, for each stream; and these for the connection.
struct H2Limits : H1Limits {
  uint32_t streams_max = 100;                          // at once, opened by the peer; more are refused
  uint32_t stream_window_bytes = 64 * 1024;            // of a body coming in that nobody above has room for, at first
  uint32_t stream_window_bytes_max = 256 * 1024;       // the same, once so much of it was taken
  uint32_t connection_window_bytes = 4 * 1024 * 1024;  // of all of them together, where they are our clients'
  size_t output_bytes_max = 128 * 1024;       // handed to the socket and not taken by it; then no body is framed
  size_t queued_bytes_max = 2 * 1024 * 1024;  // of all bodies going out; then all who send are asked to pause
};

/// One connection: nghttp2 between a TcpStream and H2Streams. Everything that a turn of the loop has to say leaves in
/// one send at its end; large pieces of bodies go to the socket from where they are. Loop's thread.
class H2Session : private event::TcpStream::Observer, private event::Deadline, private event::TurnEnd {
 public:
  ~H2Session() override;
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;

  [[nodiscard]] SocketAddress peer_address() const { return stream_.peer_address(); }
  [[nodiscard]] SocketAddress local_address() const { return stream_.local_address(); }

  /// How long a released stream with bytes left may stand still before it is reset.
  static constexpr uint64_t kStallMs = 60'000;
  static constexpr uint64_t kDrainGraceMs = 1000;
  /// How long a client that has closed its half is still answered.
  static constexpr uint64_t kLeftMs = 1000;
  /// Heads of one client connection that are taken in one turn of the loop; the rest waits for the next ones. Where
  /// several connections have some waiting they share this number, with at least kHeadsATurnMin for each.
  static constexpr size_t kHeadsATurnMax = 32;
  static constexpr size_t kHeadsATurnMin = 2;
  /// How long the peer has to answer a PING, and how often one is asked.
  static constexpr uint64_t kProbeMs = 5000;
  static constexpr uint64_t kProbePauseMs = 10'000;
  /// How long a client that was answered before its request's end has to take the answer in and to end its stream.
  static constexpr uint64_t kEarlyMs = 100;

 protected:
  enum class Side : uint8_t { server, client };
  H2Session(event::Loop& loop, event::TcpStream stream, Side side, const H2Limits& limits);

  /// Sends our SETTINGS and begins to read. `early`: bytes of the connection that were read already.
  void start_session(std::string_view early);
  /// GOAWAY: streams that are on their way for kDrainGraceMs are still served, then the connection ends with its last.
  void drain_session();
  [[nodiscard]] bool open() const { return state_ == State::open; }
  /// Streams with an observer.
  [[nodiscard]] size_t lent() const { return lent_; }
  /// How many streams of ours the peer would take now.
  [[nodiscard]] size_t room() const;
  /// How many streams of ours the peer takes at once, now: 0 once it has said GOAWAY, or when so many were cancelled
  /// that it may lose patience.
  [[nodiscard]] size_t streams_most() const;
  /// Nothing has been heard since `since_ms`, which may be the peer's fault: asks whether it is there, and closes the
  /// connection where it is not.
  void probe_if_silent(uint64_t since_ms);
  [[nodiscard]] uint64_t now_ms() const { return loop_.now_ms(); }
  /// The peer's SETTINGS have come.
  [[nodiscard]] bool settings_known() const { return settings_known_; }
  /// The peer takes CONNECT with a :protocol (RFC 8441).
  [[nodiscard]] bool peer_tunnels() const;

  // What a side makes of what comes in.
  /// For a stream that the peer opens.
  virtual std::unique_ptr<H2Stream> make_stream() = 0;
  /// A block is complete and is no trailers. `fields` lives during the call. Where `ended`, deliver_end() follows.
  virtual void on_head(H2Stream& stream, H2Fields& fields, bool ended) = 0;
  /// The peer has said what it takes; may come again.
  virtual void on_settings() {}
  /// The last call: the connection is closed and no stream is lent.
  virtual void on_over(const Error& reason) = 0;

  // What streams ask for.
  /// The stream has an observer from here on, who will release it.
  void lend(H2Stream&) { ++lent_; }
  /// A stream of ours; its id comes with its head.
  H2Stream& keep(std::unique_ptr<H2Stream> stream);
  void submit_head(H2Stream& stream, H2Block& block, bool ended);
  void submit_interim(H2Stream& stream, H2Block& block);
  /// Before the body: bytes beyond `length` are not sent, and fewer make an answer that was cut.
  void promise_length(H2Stream& stream, uint64_t length);
  void send_stream_body(H2Stream& stream, std::string_view bytes);
  void send_stream_end(H2Stream& stream, std::span<const Header> trailers);
  void pause_stream(H2Stream& stream) { stream.paused_ = true; }
  void resume_stream(H2Stream& stream);
  [[nodiscard]] size_t queued_bytes(const H2Stream& stream) const;
  [[nodiscard]] size_t undelivered_bytes(const H2Stream& stream) const;
  /// deliver_drained() comes at the end of this turn, whatever is queued.
  void tell_soon(H2Stream& stream);
  /// What came breaks the protocol: RST_STREAM, and deliver_gone() at once.
  void fail_stream(H2Stream& stream, const Error& error);
  /// deliver_gone() at the end of this turn.
  void fail_soon(H2Stream& stream, uint32_t code);
  [[nodiscard]] static bool stream_attached(const H2Stream& stream) { return stream.attached(); }
  /// The observer has let go. What is `complete` still goes out; else RST_STREAM with `code`.
  void release_stream(H2Stream& stream, bool complete, uint32_t code);
  void spend(H2Budget::Cost cost);
  [[nodiscard]] const H2Limits& limits() const { return limits_; }

 private:
  friend struct H2Callbacks;
  /// What has come and was not taken yet: its peer asks for more than its share of a turn. The socket is not read
  /// meanwhile.
  struct Rest final : event::TurnEnd {
    explicit Rest(H2Session& its_session);
    ~Rest() override;
    void on_turn_end() override { session.take_rest(); }
    H2Session& session;
    std::string bytes;
    size_t taken = 0;  // of them
  };
  /// When the next stream is reset that was answered before its request's end. Lives while there is one.
  struct EarlyEnds final : event::Deadline {
    explicit EarlyEnds(H2Session& its_session) : session(its_session) {}
    void on_deadline() override { session.reset_answered(); }
    H2Session& session;
  };
  enum class State : uint8_t { open, closed };
  enum class Drain : uint8_t { no, announced, final };
  /// What the one deadline is for.
  enum class Wait : uint8_t { nothing, head, probe, drain, idle, stall, left };

  void on_read(std::span<char> bytes) override;
  void on_read_end() override;
  void on_drained() override;
  void on_failed(const Error& error) override;
  void on_deadline() override;
  void on_turn_end() override;
  void come(std::string_view bytes);
  [[nodiscard]] size_t take(std::string_view bytes);
  void put_off(std::string_view bytes);
  void take_rest();
  size_t take_piece(std::string_view bytes);
  void feed(std::string_view bytes);
  void frame_begins(uint8_t type, uint8_t flags, size_t length, int32_t id);
  void count_frame(uint8_t type, uint8_t flags, size_t length);
  void check_not_closed(uint8_t type, int32_t id);

  // Called by nghttp2, see H2Callbacks.
  void block_begins(int32_t id, bool opens);
  [[nodiscard]] bool field_came(std::string_view name, std::string_view value);
  void block_ends(int32_t id, bool ended);
  void frame_breaks(int32_t id);
  void settings_came();
  void body_came(int32_t id, std::string_view bytes);
  void body_ends(int32_t id);
  /// A DATA frame was nothing but padding.
  void padding_came() { spend(H2Budget::Cost::empty_frame); }
  int64_t next_body(H2Stream& stream, size_t most, uint32_t& flags);
  void body_leaves(H2Stream& stream, std::string_view frame_head, size_t length);
  void frame_sent(uint8_t type, uint8_t flags, int32_t id);
  void head_not_sent(int32_t id);
  /// By us, or by nghttp2.
  void goaway_sent(uint32_t code) { at_fault_ = at_fault_ || code != 0; }
  void note_cancelled();
  void stream_closes(int32_t id, uint32_t code);

  [[nodiscard]] H2Stream* find(int32_t id) const;
  [[nodiscard]] bool within_frame() const;
  void pump();
  void hand_over();
  void wake(H2Stream& stream);
  [[nodiscard]] bool output_full() const;
  bool unblock();
  void consume(H2Stream& stream);
  void grow_window(H2Stream& stream, size_t bytes);
  void note_gone(H2Stream& stream, uint32_t code);
  void notice(H2Stream& stream);
  void tell();
  void tell_gone(H2Stream& stream);
  void drop_queue(H2Stream& stream);
  void reset_stream(H2Stream& stream, uint32_t code);
  void reset_later(H2Stream& stream);
  void reset_answered();
  void forget(H2Stream& stream);
  void terminate(uint32_t code);
  void close(const Error& reason);
  void tell_over();
  void wait_for(Wait wanted);
  void choose_wait();
  void reset_stalled();

  // constant after construction
  event::Loop& loop_;
  const H2Limits& limits_;
  const Side side_;

  // loop thread only
  event::TcpStream stream_;
  nghttp2_session* session_ = nullptr;
  std::unique_ptr<Rest> rest_;  // null: all that has come was taken
  std::unique_ptr<EarlyEnds> early_ends_;
  std::string output_;  // what this turn has to say; borrowed while there is any
  std::vector<std::unique_ptr<H2Stream>> streams_;
  std::vector<std::unique_ptr<H2Stream>> dead_;  // may be on the stack: until the turn's end
  std::vector<H2Stream*> notices_;
  std::unique_ptr<H2Fields> fields_;  // of the block coming in
  std::vector<Header> trailers_;
  H2Budget budget_;
  H2ClosedStreams closed_streams_;  // of the peer's
  int32_t last_opened_ = 0;         // by the peer
  Error failure_;
  uint64_t heard_ms_ = 0;  // when something came last
  uint64_t probed_ms_ = 0;
  size_t lent_ = 0;            // streams with an observer
  size_t queued_total_ = 0;    // bytes in all queues
  uint64_t handed_total_ = 0;  // bytes that the socket was given
  State state_ = State::open;
  Drain drain_ = Drain::no;
  Wait wait_ = Wait::nothing;
  size_t preface_left_ = 0;           // bytes of it that are still to come
  size_t frame_left_ = 0;             // bytes of the frame coming in that are
  std::array<char, 9> frame_head_{};  // of the frame coming in
  uint8_t frame_head_bytes_ = 0;      // how much of it is here; 0 between two frames
  uint8_t continuations_ = 0;         // of the block coming in
  size_t heads_taken_ = 0;            // in this turn
  bool block_open_ = true;            // a header block is coming in; at first, the preface
  bool receiving_ = false;            // nghttp2 is reading: it must not be asked to write
  bool pumping_ = false;
  bool any_blocked_ = false;
  bool settings_known_ = false;
  bool terminated_ = false;  // GOAWAY is said, or will be; nothing is listened to any more
  bool at_fault_ = false;    // the peer: that is what GOAWAY said
  bool probing_ = false;
  bool worn_ = false;    // by requests that were cancelled: no further one begins
  bool broken_ = false;  // nghttp2 cannot go on
  bool read_ended_ = false;
  bool over_told_ = false;
};

}  // namespace weir::http

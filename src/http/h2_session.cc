// A connection's life and its streams'; what comes in is in h2_session_in.cc, what goes out in h2_session_out.cc.
#include "weir/http/h2_session.h"

#include <algorithm>
#include <utility>

#include "http/h2_callbacks.h"
#include "http/h2_fields.h"
#include "weir/base/check.h"

namespace weir::http {

namespace {
constexpr size_t kPrefaceBytes = NGHTTP2_CLIENT_MAGIC_LEN;
}  // namespace

H2Session::H2Session(event::Loop& loop, event::TcpStream stream, Side side, const H2Limits& limits)
    : loop_(loop),
      limits_(limits),
      side_(side),
      stream_(std::move(stream)),
      session_(H2Callbacks::make(*this, side == Side::server)),
      fields_(std::make_unique<H2Fields>()),
      heard_ms_(loop.now_ms()),
      preface_left_(side == Side::server ? kPrefaceBytes : 0) {}

H2Session::~H2Session() { nghttp2_session_del(session_); }

void H2Session::start_session(std::string_view early) {
  stream_.set_observer(*this);
  nghttp2_settings_entry settings[5];
  size_t count = 0;
  settings[count++] = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window_bytes};
  settings[count++] = {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits_.head_bytes_max)};
  if (side_ == Side::server) {
    settings[count++] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams_max};
    settings[count++] = {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    settings[count++] = {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
  } else {
    settings[count++] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  }
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, count);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<int32_t>(limits_.connection_window_bytes));
  stream_.start_reading();
  choose_wait();
  request_turn_end(loop_);
  if (!early.empty()) come(early);
}

void H2Session::drain_session() {
  if (state_ == State::closed || drain_ != Drain::no) return;
  drain_ = Drain::announced;
  nghttp2_submit_shutdown_notice(session_);
  choose_wait();
  request_turn_end(loop_);
}

size_t H2Session::streams_most() const {
  bool begins_none = state_ == State::closed || drain_ != Drain::no || worn_;
  if (begins_none || nghttp2_session_check_request_allowed(session_) == 0) return 0;
  if (side_ == Side::client && !settings_known_) return 1;  // it may take as few; more would be refused
  size_t most = nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return std::min<size_t>(most, limits_.streams_max);
}

size_t H2Session::room() const {
  size_t most = streams_most();
  return most > streams_.size() ? most - streams_.size() : 0;
}

bool H2Session::peer_tunnels() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

// ---- Streams, from the first block to the last release ----

H2Stream* H2Session::find(int32_t id) const {
  return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

H2Stream& H2Session::keep(std::unique_ptr<H2Stream> stream) {
  stream->place_ = streams_.size();
  streams_.push_back(std::move(stream));
  return *streams_.back();
}

void H2Session::release_stream(H2Stream& stream, bool complete, uint32_t code) {
  --lent_;
  consume(stream);
  if (stream.closed_ || state_ == State::closed || stream.id_ < 0) {
    forget(stream);
  } else if (!complete) {
    pump();  // what has been said so far is still heard
    if (!stream.closed_) reset_stream(stream, code);
  } else if (stream.end_sent_ && !stream.in_ended_) {
    reset_later(stream);
  }
  stream.queued_before_ = stream.queued();
  if (state_ == State::closed) return tell_over();
  request_turn_end(loop_);
}

void H2Session::reset_stream(H2Stream& stream, uint32_t code) {
  drop_queue(stream);
  stream.out_ = H2Stream::Out::ended;
  if (stream.closed_ || std::exchange(stream.reset_by_us_, true)) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, code);
  request_turn_end(loop_);
}

// RFC 9113 section 8.1: the answer is whole and nobody reads the rest of the request. Clients (curl 7.88) that find the
// reset in the same read as the answer lose the answer, and most end the stream themselves when they have it. What
// comes of the body until then is dropped, and gets no window.
void H2Session::reset_later(H2Stream& stream) {
  if (stream.closed_ || stream.reset_by_us_ || stream.reset_due_ms_ > 0) return;
  stream.reset_due_ms_ = loop_.now_ms() + kEarlyMs;
  if (early_ends_ != nullptr) return;
  early_ends_ = std::make_unique<EarlyEnds>(*this);
  early_ends_->set_deadline(loop_, kEarlyMs);
}

void H2Session::reset_answered() {
  uint64_t now_ms = loop_.now_ms();
  uint64_t next_ms = 0;
  for (auto& stream : streams_) {
    uint64_t due_ms = stream->reset_due_ms_;
    if (due_ms == 0 || stream->reset_by_us_) continue;
    if (due_ms <= now_ms) {
      reset_stream(*stream, NGHTTP2_NO_ERROR);
    } else {
      next_ms = next_ms == 0 ? due_ms : std::min(next_ms, due_ms);
    }
  }
  if (next_ms == 0) return early_ends_.reset();
  early_ends_->set_deadline(loop_, next_ms - now_ms);
}

void H2Session::forget(H2Stream& stream) {
  drop_queue(stream);
  if (stream.noticed_) std::erase(notices_, &stream);
  if (!stream.closed_ && stream.id_ >= 0) nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
  dead_.push_back(std::move(streams_[stream.place_]));
  ASSERT(dead_.back().get() == &stream);
  streams_[stream.place_] = std::move(streams_.back());
  streams_.pop_back();
  if (stream.place_ < streams_.size()) streams_[stream.place_]->place_ = stream.place_;
  request_turn_end(loop_);
}

// While nghttp2 reads, its peer has just done it and the observer may hear at once; otherwise it may be calling us.
void H2Session::note_gone(H2Stream& stream, uint32_t code) {
  if (!receiving_) return fail_soon(stream, code);
  stream.gone_code_ = code;
  tell_gone(stream);
}

void H2Session::fail_soon(H2Stream& stream, uint32_t code) {
  stream.gone_code_ = code;
  stream.tell_gone_ = true;
  notice(stream);
}

void H2Session::fail_stream(H2Stream& stream, const Error& error) {
  reset_stream(stream, NGHTTP2_PROTOCOL_ERROR);
  if (!std::exchange(stream.gone_told_, true) && stream.attached()) {
    stream.deliver_gone(NGHTTP2_PROTOCOL_ERROR, error);
  }
}

void H2Session::notice(H2Stream& stream) {
  if (!std::exchange(stream.noticed_, true)) notices_.push_back(&stream);
  request_turn_end(loop_);
}

void H2Session::tell_soon(H2Stream& stream) {
  stream.tell_drained_ = true;
  notice(stream);
}

void H2Session::tell() {
  while (!notices_.empty()) {
    H2Stream& stream = *notices_.back();
    notices_.pop_back();
    stream.noticed_ = false;
    bool drained = std::exchange(stream.tell_drained_, false);
    if (stream.tell_gone_) {
      tell_gone(stream);
    } else if (drained && stream.attached()) {
      stream.deliver_drained();
    }
  }
}

void H2Session::tell_gone(H2Stream& stream) {
  if (std::exchange(stream.gone_told_, true) || !stream.attached()) return;
  bool refused = stream.gone_code_ == NGHTTP2_REFUSED_STREAM;
  bool leaves = refused && side_ == Side::client && nghttp2_session_check_request_allowed(session_) == 0;
  ErrorCode what = leaves ? ErrorCode::unavailable : refused ? ErrorCode::refused : ErrorCode::closed;
  Error error = failure_.message.empty() || state_ == State::open
                    ? Error{what, std::string("the stream was reset: ") + nghttp2_http2_strerror(stream.gone_code_)}
                    : failure_;
  stream.deliver_gone(stream.gone_code_, error);
}

// ---- The end ----

void H2Session::on_read_end() {
  read_ended_ = true;
  if (side_ == Side::client) return close(Error{ErrorCode::closed, "the upstream closed the connection"});
  // It can neither give windows nor cancel any more: what has been asked whole gets a moment, the rest nothing.
  for (size_t i = streams_.size(); i-- > 0;) {
    if (i >= streams_.size() || streams_[i]->in_ended_) continue;
    if (!streams_[i]->head_in_) {
      forget(*streams_[i]);  // half a head: nobody above knows of it, and nobody else would let go
    } else {
      note_gone(*streams_[i], NGHTTP2_CANCEL);
    }
  }
  request_turn_end(loop_);
}

void H2Session::on_failed(const Error& error) { close(error); }

void H2Session::close(const Error& reason) {
  if (state_ == State::closed) return;
  if (failure_.message.empty()) failure_ = reason;
  hand_over();
  state_ = State::closed;
  clear_deadline();
  rest_.reset();
  early_ends_.reset();
  stream_.close_gracefully(at_fault_ ? event::TcpStream::Peer::is_unwelcome : event::TcpStream::Peer::may_send);
  for (bool found = true; found;) {
    found = false;
    for (size_t i = 0; i < streams_.size() && !found; ++i) {
      H2Stream& stream = *streams_[i];
      if (!stream.attached() || stream.gone_told_) continue;
      if (stream.in_ended_ && stream.end_sent_) continue;  // complete: its observer is about to let go
      found = true;
      stream.gone_code_ = stream.known_ ? NGHTTP2_CANCEL : NGHTTP2_REFUSED_STREAM;
      tell_gone(stream);
    }
  }
  tell_over();
}

void H2Session::tell_over() {
  if (lent_ > 0 || std::exchange(over_told_, true)) return;
  on_over(failure_);
}

// ---- Deadlines ----

void H2Session::choose_wait() {
  if (read_ended_) return wait_for(Wait::left);
  if (probing_) return wait_for(Wait::probe);
  if (block_open_ || within_frame()) return wait_for(Wait::head);
  if (drain_ == Drain::announced) return wait_for(Wait::drain);
  if (streams_.empty()) return wait_for(side_ == Side::server ? Wait::idle : Wait::nothing);
  wait_for(streams_.size() > lent_ ? Wait::stall : Wait::nothing);
}

// Only a change sets the deadline anew: neither a head that drips in nor PINGs between requests put it off.
void H2Session::wait_for(Wait wanted) {
  if (wait_ == wanted) return;
  wait_ = wanted;
  switch (wanted) {
    case Wait::nothing: return clear_deadline();
    case Wait::head: return set_deadline(loop_, limits_.head_timeout_ms);
    case Wait::probe: return set_deadline(loop_, kProbeMs);
    case Wait::drain: return set_deadline(loop_, kDrainGraceMs);
    case Wait::idle: return set_deadline(loop_, limits_.idle_timeout_ms);
    case Wait::stall: return set_deadline(loop_, kStallMs);
    case Wait::left: return set_deadline(loop_, kLeftMs);
  }
}

void H2Session::on_deadline() {
  switch (std::exchange(wait_, Wait::nothing)) {
    case Wait::nothing: return;
    case Wait::head:
    case Wait::idle: terminate(NGHTTP2_NO_ERROR); break;
    case Wait::probe: return close(Error{ErrorCode::closed, "the peer does not answer a PING"});
    case Wait::drain:
      drain_ = Drain::final;
      nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                            NGHTTP2_NO_ERROR, nullptr, 0);
      break;
    case Wait::stall: reset_stalled(); break;
    case Wait::left: return close(Error{ErrorCode::closed, "the client closed the connection"});
  }
  request_turn_end(loop_);
}

void H2Session::probe_if_silent(uint64_t since_ms) {
  uint64_t now_ms = loop_.now_ms();
  bool lately = probed_ms_ > 0 && now_ms - probed_ms_ < kProbePauseMs;
  if (state_ == State::closed || terminated_ || heard_ms_ > since_ms || probing_ || lately) return;
  probing_ = true;
  probed_ms_ = now_ms;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  request_turn_end(loop_);
}

// Their observers have gone; nobody else would notice that the peer never opens their windows.
void H2Session::reset_stalled() {
  for (auto& stream : streams_) {
    if (stream->attached() || stream->closed_) continue;
    if (stream->queued() == stream->queued_before_) {
      reset_stream(*stream, NGHTTP2_CANCEL);
    } else {
      stream->queued_before_ = stream->queued();
    }
  }
}

}  // namespace weir::http

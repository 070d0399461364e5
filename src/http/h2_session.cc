// A connection's life and what comes in on it; what goes out is in h2_session_out.cc.
#include "weir/http/h2_session.h"

#include <algorithm>
#include <utility>

#include "http/h2_callbacks.h"
#include "http/h2_fields.h"
#include "weir/base/check.h"

namespace weir::http {

namespace {
// A head of the largest size that is taken needs four frames of 16 KiB (nghttp2 gives up at the ninth by itself, where
// it is new enough).
constexpr uint8_t kContinuationsMax = 8;
constexpr uint8_t kExtensionFramesFrom = 10;
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
  if (!early.empty()) take(early);
}

void H2Session::drain_session() {
  if (state_ == State::closed || drain_ != Drain::no) return;
  drain_ = Drain::announced;
  nghttp2_submit_shutdown_notice(session_);
  choose_wait();
  request_turn_end(loop_);
}

size_t H2Session::streams_most() const {
  if (state_ == State::closed || drain_ != Drain::no || nghttp2_session_check_request_allowed(session_) == 0) return 0;
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

// ---- Bytes in ----

void H2Session::on_read(std::span<char> bytes) { take({bytes.data(), bytes.size()}); }

void H2Session::take(std::string_view bytes) {
  if (state_ == State::closed) return;
  heard_ms_ = loop_.now_ms();
  probing_ = false;
  while (!bytes.empty() && !terminated_) {
    size_t size = next_piece(bytes);
    if (terminated_) break;
    receiving_ = true;
    ssize_t taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), size);
    receiving_ = false;
    bytes.remove_prefix(size);
    if (taken >= 0 || terminated_) continue;
    failure_ = Error{ErrorCode::invalid, nghttp2_strerror(static_cast<int>(taken))};
    terminate(taken == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
  }
  // Who does not read what we have to say is not listened to.
  if (stream_.open() && stream_.queued_bytes() > 2 * limits_.output_bytes_max) stream_.stop_reading();
  request_turn_end(loop_);
}

// Bytes up to the end of a frame, or as much of it as is here; each frame is looked at before nghttp2 gets it, which
// does not tell of all.
size_t H2Session::next_piece(std::string_view bytes) {
  if (size_t preface = std::min(preface_left_, bytes.size()); preface > 0) {
    preface_left_ -= preface;
    return preface;
  }
  size_t head = 0;
  if (frame_head_bytes_ < frame_head_.size()) {
    head = std::min(frame_head_.size() - frame_head_bytes_, bytes.size());
    std::copy_n(bytes.data(), head, frame_head_.data() + frame_head_bytes_);
    frame_head_bytes_ += static_cast<uint8_t>(head);
    if (frame_head_bytes_ < frame_head_.size()) return head;
    auto byte = [this](size_t at) { return static_cast<uint32_t>(static_cast<unsigned char>(frame_head_[at])); };
    frame_left_ = byte(0) << 16 | byte(1) << 8 | byte(2);
    uint32_t id = (byte(5) & 0x7f) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
    frame_begins(static_cast<uint8_t>(byte(3)), static_cast<uint8_t>(byte(4)), frame_left_, static_cast<int32_t>(id));
  }
  size_t payload = std::min(frame_left_, bytes.size() - head);
  frame_left_ -= payload;
  if (frame_left_ == 0) frame_head_bytes_ = 0;
  return head + payload;
}

// Bytes of a frame are missing: of any but DATA that is as with a head of HTTP/1.1, which must not drip in for ever.
bool H2Session::within_frame() const {
  constexpr size_t kTypeAt = 3;
  if (frame_head_bytes_ < frame_head_.size()) return frame_head_bytes_ > 0;
  return frame_head_[kTypeAt] != NGHTTP2_DATA;
}

void H2Session::frame_begins(uint8_t type, uint8_t flags, size_t length, int32_t id) {
  if (wait_ == Wait::head) wait_ = Wait::nothing;  // each frame has its time; how many a head may have is counted
  if (type != NGHTTP2_CONTINUATION) {
    continuations_ = 0;
    block_open_ = false;  // so is the preface, by the first frame
  }
  if (side_ == Side::server && (type == NGHTTP2_DATA || type == NGHTTP2_HEADERS)) check_not_closed(type, id);
  count_frame(type, flags, length);
}

// nghttp2 forgets streams that are closed and would take no notice.
void H2Session::check_not_closed(uint8_t type, int32_t id) {
  if (id > last_opened_ || drain_ != Drain::no || nghttp2_session_find_stream(session_, id) != nullptr) return;
  switch (closed_streams_.of(id)) {
    case H2ClosedStreams::Verdict::reset_by_us: return;
    case H2ClosedStreams::Verdict::closed: return terminate(NGHTTP2_STREAM_CLOSED);
    case H2ClosedStreams::Verdict::never_opened:
      return terminate(type == NGHTTP2_HEADERS ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_STREAM_CLOSED);
  }
}

void H2Session::frame_breaks(int32_t id) {
  block_open_ = false;
  if (id <= 0 || side_ == Side::client) return;
  closed_streams_.note_reset_by_us(id);
  last_opened_ = std::max(last_opened_, id);
}

void H2Session::count_frame(uint8_t type, uint8_t flags, size_t length) {
  using Cost = H2Budget::Cost;
  bool ack = (flags & NGHTTP2_FLAG_ACK) != 0;
  switch (type) {
    case NGHTTP2_DATA:
      if (length == 0 && (flags & NGHTTP2_FLAG_END_STREAM) == 0) spend(Cost::empty_frame);
      break;
    case NGHTTP2_HEADERS: break;
    case NGHTTP2_CONTINUATION:
      if (++continuations_ > kContinuationsMax) terminate(NGHTTP2_ENHANCE_YOUR_CALM);
      if (length == 0) spend(Cost::empty_frame);
      break;
    case NGHTTP2_PRIORITY:
    case NGHTTP2_PRIORITY_UPDATE: spend(Cost::priority); break;
    case NGHTTP2_RST_STREAM: spend(Cost::peer_reset); break;
    case NGHTTP2_SETTINGS: spend(ack ? Cost::unknown_frame : Cost::settings); break;
    case NGHTTP2_PING: spend(ack ? Cost::unknown_frame : Cost::ping); break;
    case NGHTTP2_WINDOW_UPDATE: spend(Cost::window_update); break;
    default:
      if (type >= kExtensionFramesFrom) spend(Cost::unknown_frame);
      break;
  }
}

void H2Session::block_begins(int32_t id, bool opens) {
  block_open_ = true;
  fields_->clear();
  if (!opens || side_ == Side::client) return;
  last_opened_ = std::max(last_opened_, id);
  H2Stream& stream = keep(make_stream());
  stream.id_ = id;
  stream.known_ = true;
  nghttp2_session_set_stream_user_data(session_, id, &stream);
}

void H2Session::settings_came() {
  settings_known_ = true;
  on_settings();
}

bool H2Session::field_came(std::string_view name, std::string_view value) {
  if (fields_->add(name, value, limits_)) return true;
  terminate(NGHTTP2_ENHANCE_YOUR_CALM);
  return false;
}

void H2Session::block_ends(int32_t id, bool ended) {
  block_open_ = false;
  wait_ = Wait::nothing;  // whatever was waited for before this
  H2Stream* stream = find(id);
  if (stream == nullptr) return;
  if (ended) stream->in_ended_ = true;
  std::span<const Header> trailers;
  if (!stream->head_in_) {
    on_head(*stream, *fields_, ended);
  } else if (auto refused = fields_->take_trailers(trailers_)) {
    return fail_stream(*stream, Error{ErrorCode::invalid, refused->message});
  } else {
    trailers = trailers_;
  }
  if (ended && stream->attached()) stream->deliver_end(trailers);
}

// What the observer has no room for is not given back as a window: the peer stops, and with it all that is held here.
void H2Session::body_came(int32_t id, std::string_view bytes) {
  H2Stream* stream = find(id);
  if (stream == nullptr || !stream->attached()) {
    nghttp2_session_consume(session_, id, bytes.size());
    return;
  }
  // One upstream's connection serves many clients: none of them may hold up the others.
  if (side_ == Side::client) nghttp2_session_consume_connection(session_, bytes.size());
  stream->unconsumed_ += bytes.size();
  stream->deliver_body(bytes);
  if (!stream->paused_ && !stream->closed_) consume(*stream);
}

void H2Session::consume(H2Stream& stream) {
  size_t bytes = std::exchange(stream.unconsumed_, 0);
  if (bytes == 0) return;
  if (side_ == Side::server) nghttp2_session_consume_connection(session_, bytes);
  if (!stream.closed_) nghttp2_session_consume_stream(session_, stream.id_, bytes);
  request_turn_end(loop_);
}

void H2Session::body_ends(int32_t id) {
  H2Stream* stream = find(id);
  if (stream == nullptr) return;
  stream->in_ended_ = true;
  if (stream->attached()) stream->deliver_end({});
}

void H2Session::stream_closes(int32_t id, uint32_t code) {
  if (side_ == Side::server) closed_streams_.note_closed(id);
  H2Stream* stream = find(id);
  if (stream == nullptr) return;
  stream->closed_ = true;
  drop_queue(*stream);
  if (!stream->attached()) return forget(*stream);
  if (!stream->end_sent_ || !stream->in_ended_) note_gone(*stream, code);
}

void H2Session::spend(H2Budget::Cost cost) {
  bool reset = cost == H2Budget::Cost::peer_reset || cost == H2Budget::Cost::own_reset;
  if (reset && side_ == Side::client) return;  // it is we who ask an upstream
  if (!budget_.spend(cost, loop_.now_ms())) terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void H2Session::terminate(uint32_t code) {
  terminated_ = true;
  nghttp2_session_terminate_session(session_, code);
  request_turn_end(loop_);
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
    reset_stream(stream, NGHTTP2_NO_ERROR);  // RFC 9113 section 8.1: nobody reads the rest of the request
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
  Error error = failure_.message.empty() || state_ == State::open
                    ? Error{refused ? ErrorCode::refused : ErrorCode::closed,
                            std::string("the stream was reset: ") + nghttp2_http2_strerror(stream.gone_code_)}
                    : failure_;
  stream.deliver_gone(stream.gone_code_, error);
}

// ---- The end ----

void H2Session::on_read_end() {
  read_ended_ = true;
  if (side_ == Side::client) return close(Error{ErrorCode::closed, "the upstream closed the connection"});
  // What has been asked whole is still answered; nothing else can come.
  for (size_t i = streams_.size(); i-- > 0;) {
    if (i < streams_.size() && !streams_[i]->in_ended_) note_gone(*streams_[i], NGHTTP2_CANCEL);
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
  stream_.close_gracefully();
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

// What comes in on a connection; the rest of it is in h2_session.cc.
#include <algorithm>
#include <utility>

#include "http/h2_callbacks.h"
#include "http/h2_fields.h"
#include "weir/http/h2_session.h"

namespace weir::http {
namespace {

// A head of the largest size that is taken needs four frames of 16 KiB (nghttp2 gives up at the ninth by itself, where
// it is new enough).
constexpr uint8_t kContinuationsMax = 8;
constexpr uint8_t kExtensionFramesFrom = 10;

/// Sessions of this thread's loop that have put off some of what came.
thread_local size_t sessions_behind = 0;

}  // namespace

// ---- Bytes in ----

H2Session::Rest::Rest(H2Session& its_session) : session(its_session) { ++sessions_behind; }
H2Session::Rest::~Rest() { --sessions_behind; }

void H2Session::on_read(std::span<char> bytes) { come({bytes.data(), bytes.size()}); }

void H2Session::come(std::string_view bytes) {
  if (rest_ != nullptr) {
    rest_->bytes.append(bytes);  // of the same read, by way of TLS
  } else if (size_t taken = take(bytes); taken < bytes.size()) {
    put_off(bytes.substr(taken));
  }
}

// Each head is a request that others would wait for. Says how many bytes were taken: all, but where the peer has asked
// for more than its share of this turn.
size_t H2Session::take(std::string_view bytes) {
  if (state_ == State::closed) return bytes.size();
  heard_ms_ = loop_.now_ms();
  probing_ = false;
  size_t size = bytes.size();
  size_t heads_max = std::max(kHeadsATurnMin, kHeadsATurnMax / (1 + sessions_behind));
  heads_taken_ = 0;
  while (!bytes.empty() && !terminated_ && heads_taken_ < heads_max) bytes.remove_prefix(take_piece(bytes));
  // Who does not read what we have to say is not listened to.
  if (stream_.open() && stream_.queued_bytes() > 2 * limits_.output_bytes_max) stream_.stop_reading();
  request_turn_end(loop_);
  return terminated_ ? size : size - bytes.size();
}

void H2Session::put_off(std::string_view bytes) {
  if (state_ == State::closed) return;
  stream_.stop_reading();
  rest_ = std::make_unique<Rest>(*this);
  rest_->bytes = bytes;
  rest_->request_next_turn_end(loop_);
}

void H2Session::take_rest() {
  std::string_view left = std::string_view(rest_->bytes).substr(rest_->taken);
  size_t taken = take(left);
  if (taken < left.size()) {
    rest_->taken += taken;
    return rest_->request_next_turn_end(loop_);
  }
  rest_.reset();
  if (stream_.open() && stream_.queued_bytes() <= 2 * limits_.output_bytes_max) stream_.start_reading();
}

// Gives nghttp2 what there is of one frame and says how many bytes that was; each frame is looked at before nghttp2
// gets it, which does not tell of all. Its head is given whole: nghttp2 takes each part of a CONTINUATION's for
// another.
size_t H2Session::take_piece(std::string_view bytes) {
  if (size_t preface = std::min(preface_left_, bytes.size()); preface > 0) {
    preface_left_ -= preface;
    feed(bytes.substr(0, preface));
    return preface;
  }
  size_t head = 0;
  if (size_t held = frame_head_bytes_; held < frame_head_.size()) {
    head = std::min(frame_head_.size() - held, bytes.size());
    std::copy_n(bytes.data(), head, frame_head_.data() + held);
    frame_head_bytes_ += static_cast<uint8_t>(head);
    if (frame_head_bytes_ < frame_head_.size()) return head;
    auto byte = [this](size_t at) { return static_cast<uint32_t>(static_cast<unsigned char>(frame_head_[at])); };
    frame_left_ = byte(0) << 16 | byte(1) << 8 | byte(2);
    uint32_t id = (byte(5) & 0x7f) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
    frame_begins(static_cast<uint8_t>(byte(3)), static_cast<uint8_t>(byte(4)), frame_left_, static_cast<int32_t>(id));
    if (held > 0) {
      feed({frame_head_.data(), frame_head_.size()});
      if (frame_left_ == 0) frame_head_bytes_ = 0;
      return head;
    }
  }
  size_t payload = std::min(frame_left_, bytes.size() - head);
  frame_left_ -= payload;
  if (frame_left_ == 0) frame_head_bytes_ = 0;
  feed(bytes.substr(0, head + payload));
  return head + payload;
}

void H2Session::feed(std::string_view bytes) {
  if (terminated_) return;
  receiving_ = true;
  ssize_t taken = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  receiving_ = false;
  if (taken >= 0 || terminated_) return;
  failure_ = Error{ErrorCode::invalid, nghttp2_strerror(static_cast<int>(taken))};
  terminate(taken == NGHTTP2_ERR_FLOODED ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
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
  if (type == NGHTTP2_HEADERS && side_ == Side::server) ++heads_taken_;
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
      break;  // what is padding alone shows when it has come: padding_came()
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
    bool over = stream != nullptr && stream->reset_due_ms_ > 0;
    if (over) {
      nghttp2_session_consume_connection(session_, bytes.size());
    } else {
      nghttp2_session_consume(session_, id, bytes.size());
    }
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
  if (!stream.closed_) {
    nghttp2_session_consume_stream(session_, stream.id_, bytes);
    grow_window(stream, bytes);
  }
  request_turn_end(loop_);
}

// A body that is taken as it comes gets a larger window, for the sake of those who are far away. Many that stand still
// from the start hold little.
void H2Session::grow_window(H2Stream& stream, size_t bytes) {
  uint64_t most = limits_.stream_window_bytes_max;
  if (stream.consumed_ >= most || most <= limits_.stream_window_bytes) return;
  stream.consumed_ += bytes;
  if (stream.consumed_ < most) return;
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, stream.id_, static_cast<int32_t>(most));
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

}  // namespace weir::http

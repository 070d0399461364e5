// What goes out on a connection; the rest of it is in h2_session.cc.
#include <algorithm>
#include <utility>

#include "http/h2_callbacks.h"
#include "http/h2_fields.h"
#include "weir/base/check.h"
#include "weir/http/h2_session.h"

namespace weir::http {
namespace {

// From here on a piece of a body goes to the socket from where it is; smaller ones are gathered.
constexpr size_t kDirectBytesMin = 4 * 1024;
// What is gathered leaves when the turn ends, or when there is this much.
constexpr size_t kOutputBytes = 64 * 1024;
// A queue, or a connection's buffer, that has held more than this gives its memory away when it is empty.
constexpr size_t kKeptBytes = 16 * 1024;

/// Buffers of sessions that have nothing to say: an idle connection holds none.
std::vector<std::string>& spare_outputs() {
  thread_local std::vector<std::string> spare;
  return spare;
}

// What small bodies wait in until the turn ends; each stream would have to allocate one of its own.
std::vector<std::string>& spare_queues() {
  thread_local std::vector<std::string> spare;
  return spare;
}
constexpr size_t kSpareQueuesMax = 256;
constexpr size_t kSpareQueueBytesMax = 4 * 1024;

void take_spare(std::string& queue) {
  if (!queue.empty() || spare_queues().empty()) return;
  queue.swap(spare_queues().back());
  spare_queues().pop_back();
}

void give_up(std::string& queue) {
  constexpr size_t kOwnBytes = 15;  // a std::string without memory of its own
  bool worth_it = queue.capacity() > kOwnBytes && queue.capacity() <= kSpareQueueBytesMax;
  if (worth_it && spare_queues().size() < kSpareQueuesMax) {
    queue.clear();
    spare_queues().push_back(std::move(queue));
  }
  queue = std::string();
}

}  // namespace

// ---- Heads ----

// The fields are views: nghttp2 turns them into bytes within this call where it can, else it copies them.
void H2Session::submit_head(H2Stream& stream, H2Block& block, bool ended) {
  if (state_ == State::closed || stream.closed_ || stream.out_ != H2Stream::Out::head) return;
  bool at_once = !receiving_ && !pumping_ && (side_ == Side::server || streams_.size() <= streams_most());
  if (!at_once) block.must_copy();
  uint8_t flags = ended ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE;
  int32_t result =
      nghttp2_submit_headers(session_, flags, stream.id_, nullptr, block.fields.data(), block.fields.size(), &stream);
  stream.out_ = ended ? H2Stream::Out::ended : H2Stream::Out::body;
  if (result < 0) return fail_soon(stream, NGHTTP2_REFUSED_STREAM);
  if (side_ == Side::client) budget_.earn(H2Budget::Cost::empty_frame, 1);  // one ahead of its trailers is usual
  if (stream.id_ < 0) stream.id_ = result;
  if (at_once) pump();
  request_turn_end(loop_);
}

void H2Session::submit_interim(H2Stream& stream, H2Block& block) {
  if (state_ == State::closed || stream.closed_ || stream.out_ != H2Stream::Out::head) return;
  block.must_copy();
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, block.fields.data(), block.fields.size(),
                         nullptr);
  request_turn_end(loop_);
}

// ---- Bodies ----

void H2Session::promise_length(H2Stream& stream, uint64_t length) {
  stream.by_length_ = true;
  stream.promised_left_ = length;
}

void H2Session::send_stream_body(H2Stream& stream, std::string_view bytes) {
  if (state_ == State::closed || stream.closed_ || stream.out_ != H2Stream::Out::body) return;
  if (stream.by_length_) {
    bytes = bytes.substr(0, stream.promised_left_);
    stream.promised_left_ -= bytes.size();
  }
  if (bytes.empty()) return;
  bool direct = bytes.size() >= kDirectBytesMin && stream.queued() == 0 && stream.known_ && !receiving_ && !pumping_ &&
                !output_full();
  if (direct) {
    stream.offered_ = bytes;
    wake(stream);
    pump();
    bytes = std::exchange(stream.offered_, {});
  }
  if (!bytes.empty()) {
    take_spare(stream.queue_);
    stream.queue_.append(bytes);
    queued_total_ += bytes.size();
    wake(stream);
  }
  request_turn_end(loop_);
}

void H2Session::send_stream_end(H2Stream& stream, std::span<const Header> trailers) {
  if (state_ == State::closed || stream.closed_ || stream.out_ != H2Stream::Out::body) return;
  if (stream.by_length_ && stream.promised_left_ > 0) return;  // less than was promised: release cuts it
  for (const Header& trailer : trailers) stream.trailers_.emplace_back(trailer.name, trailer.value);
  stream.out_ = H2Stream::Out::ending;
  wake(stream);
  request_turn_end(loop_);
}

// nghttp2 asks for a stream's body from its first submission on; told that there is none now, it waits to be woken.
void H2Session::wake(H2Stream& stream) {
  if (!stream.known_ || stream.closed_ || stream.blocked_ || stream.out_ == H2Stream::Out::ended) return;
  if (!std::exchange(stream.body_submitted_, true)) {
    nghttp2_data_provider body = H2Callbacks::body_of(stream);
    nghttp2_submit_data(session_, NGHTTP2_FLAG_END_STREAM, stream.id_, &body);
  } else if (std::exchange(stream.body_waits_, false)) {
    nghttp2_session_resume_data(session_, stream.id_);
  }
}

int64_t H2Session::next_body(H2Stream& stream, size_t most, uint32_t& flags) {
  size_t all = stream.to_send();
  bool end = all <= most && stream.out_ == H2Stream::Out::ending;
  bool blocked = all > 0 && output_full();
  if (blocked || (all == 0 && !end)) {
    stream.body_waits_ = true;
    stream.blocked_ = blocked;
    any_blocked_ = any_blocked_ || blocked;
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (!end) return static_cast<int64_t>(std::min(all, most));
  flags |= NGHTTP2_DATA_FLAG_EOF;
  stream.out_ = H2Stream::Out::ended;
  if (!stream.trailers_.empty()) {
    std::vector<Header> trailers;
    for (const auto& [name, value] : stream.trailers_) trailers.push_back({name, value});
    H2Block& block = h2_trailer_block(trailers);
    if (block.fields.empty()) return static_cast<int64_t>(all);
    block.must_copy();
    flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session_, stream.id_, block.fields.data(), block.fields.size());
  }
  return static_cast<int64_t>(all);
}

void H2Session::body_leaves(H2Stream& stream, std::string_view frame_head, size_t length) {
  output_.append(frame_head);
  bool from_queue = stream.offered_.empty();
  std::string_view bytes = from_queue ? std::string_view(stream.queue_).substr(stream.queue_sent_) : stream.offered_;
  bytes = bytes.substr(0, length);
  if (length >= kDirectBytesMin) {
    hand_over();
    stream_.write(bytes);
    handed_total_ += length;
  } else {
    output_.append(bytes);
  }
  stream.sent_since_ = {handed_total_ + output_.size(), stream.sent_since_.bytes + length};
  budget_.earn_by_body(length, length > 0 && length == stream.to_send());
  if (!from_queue) return stream.offered_.remove_prefix(length);
  stream.queue_sent_ += length;
  queued_total_ -= length;
  if (stream.queued() > 0) {
    // Taking from the front of a long queue must not cost its square.
    if (stream.queue_sent_ > stream.queue_.size() / 2) {
      stream.queue_.erase(0, std::exchange(stream.queue_sent_, 0));
    }
    return;
  }
  stream.queue_sent_ = 0;
  if (stream.out_ == H2Stream::Out::ended) {
    give_up(stream.queue_);
  } else {
    if (stream.queue_.capacity() > kKeptBytes) stream.queue_ = std::string();
    stream.queue_.clear();
  }
  if (std::exchange(stream.lag_shown_, false)) tell_soon(stream);
}

void H2Session::drop_queue(H2Stream& stream) {
  queued_total_ -= stream.queued();
  give_up(stream.queue_);
  stream.queue_sent_ = 0;
  stream.offered_ = {};
}

size_t H2Session::queued_bytes(const H2Stream& stream) const {
  size_t queued = stream.queued();
  if (queued == 0) return 0;
  stream.lag_shown_ = true;
  return queued_total_ > limits_.queued_bytes_max ? queued_total_ : queued;
}

// The kernel's share is everybody's; it says nothing of a stream that waits for its own window. Else the stream has
// there what it has sent behind all that has arrived, as far as that can be told from one question to the next, and no
// more than the connection has.
size_t H2Session::undelivered_bytes(const H2Stream& stream) const {
  if (stream.queued() > 0) return stream.queued();
  if (!stream_.open()) return 0;
  const size_t on_its_way = stream_.undelivered_bytes();
  const uint64_t arrived = handed_total_ - std::min<uint64_t>(handed_total_, on_its_way);
  if (stream.sent_asked_.end <= arrived) stream.sent_asked_.bytes = 0;
  if (stream.sent_since_.end <= arrived) stream.sent_since_.bytes = 0;
  if (stream.sent_since_.bytes > 0) {
    stream.sent_asked_ = {stream.sent_since_.end, stream.sent_asked_.bytes + stream.sent_since_.bytes};
    stream.sent_since_ = {};
  }
  return std::min(stream.sent_asked_.bytes, on_its_way + output_.size());
}

void H2Session::resume_stream(H2Stream& stream) {
  stream.paused_ = false;
  if (state_ == State::open) consume(stream);
}

// ---- From nghttp2 to the socket ----

void H2Session::pump() {
  if (receiving_ || pumping_ || state_ == State::closed) return;
  pumping_ = true;
  if (output_.empty() && output_.capacity() < kKeptBytes && !spare_outputs().empty()) {
    output_.swap(spare_outputs().back());
    spare_outputs().pop_back();
  }
  for (;;) {
    const uint8_t* bytes = nullptr;
    ssize_t length = nghttp2_session_mem_send(session_, &bytes);
    if (length <= 0) {
      if (length < 0) {
        failure_ = Error{ErrorCode::io, nghttp2_strerror(static_cast<int>(length))};
        broken_ = true;
      }
      break;
    }
    output_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
    if (output_.size() >= kOutputBytes) hand_over();
  }
  pumping_ = false;
}

void H2Session::hand_over() {
  if (output_.empty() || !stream_.open()) return;
  stream_.write(output_);
  handed_total_ += output_.size();
  output_.clear();
}

bool H2Session::output_full() const {
  return output_.size() + (stream_.open() ? stream_.queued_bytes() : 0) > limits_.output_bytes_max;
}

// True: bodies that waited for the socket can go on.
bool H2Session::unblock() {
  if (!any_blocked_ || output_full()) return false;
  any_blocked_ = false;
  for (auto& stream : streams_) {
    if (!std::exchange(stream->blocked_, false)) continue;
    wake(*stream);
  }
  return true;
}

void H2Session::frame_sent(uint8_t type, uint8_t flags, int32_t id) {
  if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA && type != NGHTTP2_RST_STREAM) return;
  H2Stream* stream = find(id);
  if (type == NGHTTP2_RST_STREAM) {
    if (side_ == Side::client) return note_cancelled();
    closed_streams_.note_reset_by_us(id);
    if (stream == nullptr || !stream->reset_by_us_) spend(H2Budget::Cost::own_reset);
    return;
  }
  if (stream == nullptr) return;
  if (!std::exchange(stream->known_, true) && (stream->to_send() > 0 || stream->out_ == H2Stream::Out::ending)) {
    wake(*stream);
  }
  if ((flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  stream->end_sent_ = true;
  if (!stream->attached() && !stream->in_ended_) reset_later(*stream);
}

// The resets of many clients meet on one upstream's connection. Upstreams count them too and end the connection, with
// all requests on it: before it comes to that, no further request begins here.
void H2Session::note_cancelled() { worn_ = worn_ || !budget_.spend(H2Budget::Cost::own_reset, loop_.now_ms()); }

// A request that nghttp2 would not send: the peer has said GOAWAY.
void H2Session::head_not_sent(int32_t id) {
  for (auto& stream : streams_) {
    if (stream->id_ != id || stream->known_) continue;
    stream->closed_ = true;
    return note_gone(*stream, NGHTTP2_REFUSED_STREAM);
  }
}

void H2Session::on_drained() {
  if (!stream_.reading() && !read_ended_ && rest_ == nullptr) stream_.start_reading();
  request_turn_end(loop_);
}

void H2Session::on_turn_end() {
  if (state_ == State::closed) return dead_.clear();
  do {
    pump();
    hand_over();
  } while (unblock());
  if (output_.empty() && output_.capacity() >= kKeptBytes) {
    constexpr size_t kSparesMax = 16;
    if (spare_outputs().size() < kSparesMax) spare_outputs().push_back(std::move(output_));
    output_ = std::string();
  }
  tell();
  dead_.clear();
  bool nothing_left = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
  // One that takes no further request may be worn by the reset of its last one, which nobody above sees leave.
  const bool of_no_use = read_ended_ || worn_;
  if (broken_ || nothing_left || (of_no_use && streams_.empty())) {
    return close(Error{ErrorCode::closed, "the connection has ended"});
  }
  choose_wait();
}

}  // namespace weir::http

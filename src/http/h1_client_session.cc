#include "weir/http/h1_client_session.h"

#include <utility>

#include "http/h1_writer.h"
#include "weir/base/check.h"
#include "weir/event/pipe.h"

namespace weir::http {

namespace {
// Two reads instead of one, and two sends: that pays where the second is of a pipe and long (measured: 64 KiB a fifth
// cheaper, 24 KiB half as dear again). So only where the answer before was long, too.
constexpr uint64_t kLongAnswerBytes = 64 * 1024;
constexpr uint32_t kFirstReadBytes = 16 * 1024;
constexpr uint32_t kWholeBuffer = UINT32_MAX;
}  // namespace

H1ClientSession::H1ClientSession(event::TcpStream stream, Owner& owner, const H1Limits& limits)
    : owner_(owner), limits_(limits), stream_(std::move(stream)) {}

void H1ClientSession::start() {
  stream_.set_observer(*this);
  stream_.start_reading();
}

ClientStream& H1ClientSession::begin(ClientStreamObserver& observer) {
  ASSERT(state_ == State::idle && observer_ == nullptr);
  observer_ = &observer;
  state_ = State::head;
  answer_begun_ = false;
  request_complete_ = false;
  pipe_asked_ = false;
  interims_ = 0;
  ++requests_;
  if (long_answers_) stream_.read_at_most(kFirstReadBytes);
  return *this;
}

// ---- The request out ----

void H1ClientSession::send_head(const RequestHead& head) {
  if (state_ == State::closed) return;
  method_ = head.method;
  chunked_request_ = head.body == Body::unknown;
  HeadText& out = head_scratch();
  append_request_head(out, head);
  stream_.write(out.view());
}

void H1ClientSession::send_body(std::string_view bytes) {
  if (state_ == State::closed || bytes.empty()) return;
  // Behind a request that is complete anything would be the next one.
  if (request_complete_ && state_ != State::tunnel) return;
  if (!chunked_request_ || state_ == State::tunnel) return stream_.write(bytes);
  HeadText& out = head_scratch();
  append_chunk_head(out, bytes.size());
  stream_.write(out.view());
  stream_.write(bytes, "\r\n");
}

bool H1ClientSession::takes_piped() const {
  return !chunked_request_ && (state_ == State::head || state_ == State::body) && stream_.layer() == nullptr;
}

void H1ClientSession::send_piped(event::Pipe& pipe) {
  if (!request_complete_) stream_.write_piped(pipe);
}

void H1ClientSession::send_end(std::span<const Header> trailers) {
  if (state_ == State::closed) return;
  request_complete_ = true;
  if (state_ == State::tunnel) return stream_.end_writing();
  if (!chunked_request_) return;
  HeadText& out = head_scratch();
  append_last_chunk(out, trailers);
  stream_.write(out.view());
}

void H1ClientSession::pause_body() {
  if (stream_.open()) stream_.stop_reading();
}

void H1ClientSession::resume_body() {
  if (stream_.open() && !read_ended_) stream_.start_reading();
}

size_t H1ClientSession::queued_bytes() const { return stream_.open() ? stream_.queued_bytes() : 0; }
size_t H1ClientSession::undelivered_bytes() const { return stream_.open() ? stream_.undelivered_bytes() : 0; }

// ---- The answer in ----

void H1ClientSession::on_read(std::span<char> bytes) {
  std::string_view input(bytes.data(), bytes.size());
  if (state_ == State::idle) return break_off(Error{ErrorCode::invalid, "the upstream sent bytes without a request"});
  answer_begun_ = true;
  std::string together;
  if (!held_.empty()) {
    held_.append(input);
    together = std::exchange(held_, std::string());
    input = together;
  }
  while (!input.empty()) {
    switch (state_) {
      case State::head: input = take_head(input); break;
      case State::body: input = take_body(input); break;
      case State::tunnel:
        observer_->on_response_body(input);
        input = {};
        break;
      case State::idle:
      case State::answered:
        break_off(Error{ErrorCode::invalid, "the upstream sent bytes after its answer"});
        input = {};
        break;
      case State::closed: input = {}; break;
    }
  }
  bool worth_it = pipe_asked_ && state_ == State::body && parser_.length_left() >= kPipedBytesMin;
  if (worth_it && observer_ != nullptr) stream_.pipe_next(parser_.length_left());
}

void H1ClientSession::on_piped(event::Pipe& pipe) {
  if (state_ != State::body || observer_ == nullptr) return;
  bool complete = parser_.skip_body(pipe.size());
  observer_->on_response_piped(pipe);
  if (complete && state_ == State::body && observer_ != nullptr) complete_answer({});
}

std::string_view H1ClientSession::take_head(std::string_view input) {
  if (!patience_.worth_parsing(input) && input.size() <= limits_.head_bytes_max) {
    held_.assign(input);
    return {};
  }
  ResponseHead head;
  H1Parser::Taken taken = parser_.parse_response_head(input, limits_, method_, head);
  if (taken.outcome == H1Parser::Outcome::invalid) {
    break_off(parser_.error());
    return {};
  }
  if (taken.outcome == H1Parser::Outcome::incomplete) {
    patience_.note_incomplete(input);
    held_.assign(input);
    return {};
  }
  patience_.reset();
  if (long_answers_) stream_.read_at_most(kWholeBuffer);
  input.remove_prefix(taken.consumed);
  if (head.keep_alive_s > 0) keep_alive_s_ = head.keep_alive_s;
  if (head.status < 200 && head.status != 101) {
    if (++interims_ > limits_.interims_max) {
      break_off(Error{ErrorCode::too_large, "too many interim answers"});
      return {};
    }
    observer_->on_interim(head);
  } else if (head.status == 101) {
    if (head.upgrade.empty()) {
      break_off(Error{ErrorCode::invalid, "a 101 answer without an Upgrade"});
      return {};
    }
    state_ = State::tunnel;
    request_complete_ = false;  // the tunnel's half begins
    observer_->on_response_head(head);
  } else {
    bool bodiless = head.body == Body::none;
    // Bytes behind the end might pass for the next answer: this one is complete, the connection is not to be trusted.
    if (bodiless && !input.empty()) parser_.forbid_keep_alive();
    state_ = State::body;
    observer_->on_response_head(head);
    long_answers_ = pipe_asked_ && head.content_length >= kLongAnswerBytes;
    if (state_ == State::body && bodiless && observer_ != nullptr) complete_answer({});
  }
  return input;
}

std::string_view H1ClientSession::take_body(std::string_view input) {
  H1Parser::Taken taken = parser_.parse_body(input, limits_, *this);
  if (state_ != State::body || observer_ == nullptr) return {};
  if (taken.outcome == H1Parser::Outcome::invalid) {
    break_off(parser_.error());
    return {};
  }
  if (taken.outcome == H1Parser::Outcome::complete) {
    if (taken.consumed < input.size()) parser_.forbid_keep_alive();  // as in take_head
    auto trailers = parser_.trailers();
    complete_answer(trailers);
    return {};
  }
  return {};
}

void H1ClientSession::on_body(std::string_view bytes) {
  if (observer_ != nullptr && state_ == State::body) observer_->on_response_body(bytes);
}

void H1ClientSession::complete_answer(std::span<const Header> trailers) {
  state_ = State::answered;
  observer_->on_response_end(trailers);
}

void H1ClientSession::on_read_end() {
  read_ended_ = true;
  if (state_ == State::tunnel) return observer_->on_response_end({});
  if (state_ == State::body && parser_.finish_at_close()) {
    parser_.forbid_keep_alive();
    return complete_answer({});
  }
  break_off(Error{ErrorCode::closed,
                  answer_begun_ ? "the upstream closed within its answer" : "the upstream closed the connection"});
}

void H1ClientSession::on_failed(const Error& error) { break_off(error); }

void H1ClientSession::on_drained() {
  if (observer_ != nullptr) observer_->on_upstream_drained();
}

void H1ClientSession::break_off(const Error& error) {
  State before = state_;
  state_ = State::closed;
  failure_ = error;
  close_stream(before == State::idle);
  if (observer_ == nullptr) return owner_.on_session_closed(*this, failure_);
  if (before != State::answered) observer_->on_upstream_failed(failure_);
}

// A reset says that something was cut off: the upstream need not hear that of an exchange that was complete.
void H1ClientSession::close_stream(bool complete) {
  if (complete) {
    stream_ = event::TcpStream();
  } else {
    stream_.reset();
  }
}

void H1ClientSession::release() {
  ASSERT(observer_ != nullptr);
  observer_ = nullptr;
  // What has come behind the answer, and was not read with it, would pass for the next one.
  if (state_ == State::answered && request_complete_ && parser_.keep_alive() && !stream_.more_waits()) {
    state_ = State::idle;
    // Paused for back-pressure: an idle connection must hear of its end.
    if (!stream_.reading()) stream_.start_reading();
    return owner_.on_session_idle(*this);
  }
  if (state_ == State::tunnel && request_complete_ && read_ended_) {
    stream_.close_gracefully(event::TcpStream::Peer::is_done);
  } else {
    // A tunnel that is broken off closes at once, too: what the upstream goes on to say, nobody wants.
    close_stream(state_ == State::tunnel || (state_ == State::answered && request_complete_));
  }
  state_ = State::closed;
  owner_.on_session_closed(*this, failure_);
}

}  // namespace weir::http

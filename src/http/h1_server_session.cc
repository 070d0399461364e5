#include "weir/http/h1_server_session.h"

#include <algorithm>
#include <utility>

#include "http/h1_writer.h"
#include "weir/base/check.h"
#include "weir/event/pipe.h"

namespace weir::http {

namespace {
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether what could not be read as HTTP/1.1 is for whoever speaks HTTP/2: its preface, or what has the same shape,
/// one line that begins with a word in upper case and an empty one, and knows neither a method nor a version of HTTP.
/// Only HTTP/2 has a word for that; the rest of a chunked body is none of it.
bool is_for_http2(std::string_view input) {
  if (input.starts_with(kHttp2Preface)) return true;
  std::string_view line = input.substr(0, input.find("\r\n\r\n"));
  std::string_view word = line.substr(0, line.find(' '));
  bool upper = std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return line.size() < input.size() && line.find_first_of("\r\n") == std::string_view::npos && upper && !word.empty() &&
         word.size() < line.size() && line.find("HTTP/") == std::string_view::npos && !is_known_method(word);
}

/// Whether more bytes may still make the preface of it. Its first line is no HTTP/1.1, and is refused too early.
bool may_become_http2(std::string_view input) {
  return input.size() < kHttp2Preface.size() && kHttp2Preface.starts_with(input);
}
}  // namespace

H1ServerSession::H1ServerSession(event::Loop& loop, event::TcpStream stream, Owner& owner, const H1Limits& limits)
    : loop_(loop), owner_(owner), limits_(limits), stream_(std::move(stream)) {}

void H1ServerSession::start() {
  stream_.set_observer(*this);
  stream_.start_reading();
  // A connection that never says anything is held to the head's deadline.
  set_deadline(loop_, limits_.head_timeout_ms);
}

// ---- Bytes in: heads and bodies ----

void H1ServerSession::on_read(std::span<char> bytes) { take({bytes.data(), bytes.size()}); }

void H1ServerSession::take(std::string_view input) {
  ASSERT(!taking_);
  std::string together;
  if (!held_.empty()) {
    held_.append(input);
    together = std::exchange(held_, std::string());
    input = together;
  }
  taking_ = true;
  while (!input.empty()) {
    switch (state_) {
      case State::idle:
      case State::head:
        if (client_lags()) {
          hold(input);
          input = {};
        } else {
          input = take_head(input);
        }
        break;
      case State::request:
        if (!request_complete_) {
          input = take_body(input);
        } else {
          hold(input);  // pipelined: its turn comes when this request's stream is released
          input = {};
        }
        break;
      case State::tunnel:
        observer_->on_request_body(input);
        input = {};
        break;
      case State::closed: input = {}; break;
    }
  }
  taking_ = false;
  bool body_comes = state_ == State::request && stream_out_ && !request_complete_;
  bool worth_it = body_comes && pipe_asked_ && parser_.length_left() >= kPipedBytesMin;
  if (worth_it) stream_.pipe_next(parser_.length_left());
  // A half-closed client's last request may be answered by now, and nothing can come to complete another.
  bool waiting = state_ == State::idle || state_ == State::head;
  if (waiting && read_ended_ && (held_.empty() || !client_lags())) finish_session();
}

void H1ServerSession::on_piped(event::Pipe& pipe) {
  if (state_ != State::request || !stream_out_ || request_complete_) return;
  bool complete = parser_.skip_body(pipe.size());
  observer_->on_request_piped(pipe);
  if (!complete || state_ != State::request || !stream_out_) return;
  note_complete();
  observer_->on_request_end({});
}

void H1ServerSession::hold(std::string_view input) {
  held_.append(input);
  if (state_ != State::request || held_.size() > limits_.head_bytes_max) {
    stream_.stop_reading();
    stream_.watch_for_reset();
  }
}

// Whoever pipelines without reading the answers waits: each answer may be small, all of them are not.
bool H1ServerSession::client_lags() const { return stream_.queued_bytes() > kQueueHighBytes; }

// Returns what is left for others; a head that is not whole yet is held.
std::string_view H1ServerSession::take_head(std::string_view input) {
  input.remove_prefix(H1Parser::empty_lines(input));
  if (input.empty()) {  // no head has begun
    state_ = State::idle;
    patience_.reset();
    return {};
  }
  if (patience_.worth_parsing(input) || input.size() > limits_.head_bytes_max) {
    RequestHead head;
    H1Parser::Taken taken = parser_.parse_request_head(input, limits_, head);
    if (taken.outcome == H1Parser::Outcome::complete) {
      patience_.reset();
      start_request(head);
      return input.substr(taken.consumed);
    }
    bool too_early = !had_request_ && may_become_http2(input);
    if (taken.outcome == H1Parser::Outcome::invalid && !too_early) {
      if (!had_request_ && is_for_http2(input) && owner_.take_over(stream_, input)) {
        state_ = State::closed;
        clear_deadline();
        return {};
      }
      refuse(parser_.error_status(), parser_.error(), input);
      return {};
    }
    if (!too_early) patience_.note_incomplete(input);
  }
  if (state_ == State::idle) {
    state_ = State::head;
    set_deadline(loop_, limits_.head_timeout_ms);
  }
  held_.assign(input);
  return {};
}

void H1ServerSession::start_request(const RequestHead& head) {
  had_request_ = true;
  state_ = State::request;
  answer_ = Answer::pending;
  clear_deadline();
  method_ = head.method;
  version_ = head.version;
  keep_alive_ = parser_.keep_alive() && !draining_;
  request_complete_ = false;
  pipe_asked_ = false;
  if (head.body == Body::none) note_complete();
  stream_out_ = true;
  observer_ = nullptr;
  owner_.on_request(*this, head);
  if (!stream_out_ || state_ == State::closed) return;
  ASSERT(observer_ != nullptr);
  if (request_complete_) observer_->on_request_end({});
}

// Who says close sends no more (RFC 9112 section 9.6), and is not read: for a short exchange its socket need not even
// be watched. Where the answer takes long, a reset is to be heard of all the same.
void H1ServerSession::note_complete() {
  request_complete_ = true;
  client_done_ = !parser_.keep_alive();
  if (!client_done_) return;
  stream_.stop_reading();
  set_deadline(loop_, kResetUnheardMs);
}

std::string_view H1ServerSession::take_body(std::string_view input) {
  H1Parser::Taken taken = parser_.parse_body(input, limits_, *this);
  if (state_ != State::request || !stream_out_) return {};  // the sink's observer has ended it
  if (taken.outcome == H1Parser::Outcome::invalid) {
    refuse_body(parser_.error());
    return {};
  }
  if (taken.outcome == H1Parser::Outcome::complete) {
    note_complete();
    auto trailers = parser_.trailers();
    observer_->on_request_end(trailers);
  }
  return input.substr(taken.consumed);
}

void H1ServerSession::on_body(std::string_view bytes) {
  if (stream_out_ && state_ == State::request) observer_->on_request_body(bytes);
}

void H1ServerSession::refuse(uint16_t status, Error reason, std::string_view head) {
  method_ = head.starts_with("HEAD ") ? Method::head : Method::other;
  const size_t body_bytes = send_refusal(status, reason);
  owner_.on_bad_request(status, reason, body_bytes);
  finish_session();
}

// Within a body that cannot be read on: whose request it is hears of it as of a client that is gone.
void H1ServerSession::refuse_body(Error reason) {
  if (answer_ != Answer::pending) return break_stream(reason);
  send_refusal(parser_.error_status(), reason);
  state_ = State::closed;
  clear_deadline();
  stream_.close_gracefully();
  observer_->on_client_gone(reason);
}

/// Returns the bytes of its body, of which HEAD gets none (RFC 9110 section 9.3.2).
size_t H1ServerSession::send_refusal(uint16_t status, const Error& reason) {
  ResponseHead head;
  head.status = status;
  AnswerPage page = owner_.refusal_page(status);
  std::string text;
  if (page.content_type.empty()) {
    text = std::to_string(status) + " " + std::string(reason_phrase(status)) + ": " + reason.message + "\n";
    page = {"text/plain; charset=utf-8", text};
  }
  head.content_length = page.body.size();
  const Header fields[] = {{"Date", http_date()}, {"Content-Type", page.content_type}};
  head.headers = fields;
  HeadText& out = head_scratch();
  append_response_head(out, head, AnswerFraming::length, ConnectionField::close);
  stream_.write(out.view());
  if (method_ == Method::head) return 0;
  stream_.write(page.body);
  return page.body.size();
}

void H1ServerSession::break_stream(const Error& error) {
  state_ = State::closed;
  clear_deadline();
  stream_.reset();
  if (stream_out_ && observer_ != nullptr) observer_->on_client_gone(error);
}

void H1ServerSession::on_read_end() {
  read_ended_ = true;
  switch (state_) {
    case State::idle:
    case State::head:
      if (held_.empty() || !client_lags()) finish_session();  // else what is held is still to be answered
      break;
    case State::request:
      // A client that has said all it wants may close its half and still read the answer (RFC 9112 section 9.6).
      if (!request_complete_) return break_stream(Error{ErrorCode::closed, "the client stopped within its request"});
      stream_.watch_for_reset();  // or it gives up after all
      break;
    case State::tunnel:
      if (!turn_end_pending()) observer_->on_request_end({});  // else it is told there, behind what was said early
      break;
    case State::closed: break;
  }
}

void H1ServerSession::on_failed(const Error& error) {
  if (stream_out_) return break_stream(error);
  finish_session();
}

void H1ServerSession::on_drained() {
  if (stream_out_ && observer_ != nullptr) return observer_->on_client_drained();
  if (state_ != State::idle && state_ != State::head) return;
  if (!stream_.reading() && !read_ended_) stream_.start_reading();
  if (!held_.empty()) take({});
}

void H1ServerSession::on_deadline() {
  switch (state_) {
    case State::idle:
      if (uint64_t left_ms = std::exchange(idle_left_ms_, 0); left_ms > 0) {
        bool may_leave = stream_.queued_bytes() == 0 && stream_.layer() == nullptr;
        if (!may_leave || !owner_.on_idle_long(left_ms)) set_deadline(loop_, left_ms);
        return;
      }
      return finish_session();
    case State::head: return refuse(408, Error{ErrorCode::timeout, "the request head took too long"}, held_);
    case State::request: return stream_.watch_for_reset();
    case State::tunnel:
    case State::closed: return;
  }
}

// What the client said between its request and our 101 belongs to the tunnel.
void H1ServerSession::on_turn_end() {
  if (state_ != State::tunnel || !stream_out_) return;
  if (!stream_.reading() && !read_ended_) stream_.start_reading();
  if (std::string early = std::exchange(held_, std::string()); !early.empty()) observer_->on_request_body(early);
  if (read_ended_ && stream_out_ && state_ == State::tunnel) observer_->on_request_end({});
}

// ---- Answers out ----

void H1ServerSession::send_interim(const ResponseHead& head) {
  if (state_ != State::request || answer_ != Answer::pending || version_ == Version::http10) return;
  HeadText& out = head_scratch();
  append_response_head(out, head, AnswerFraming::none, ConnectionField::absent);
  stream_.write(out.view());
}

void H1ServerSession::send_head(const ResponseHead& head) {
  if (state_ != State::request) return;
  ASSERT(answer_ == Answer::pending);
  AnswerFraming framing = AnswerFraming::none;
  if (head.status == 101) {
    answer_ = Answer::until_close;
  } else if (head.body == Body::none || method_ == Method::head) {
    answer_ = Answer::bodiless;
    // HTTP/2 says by END_STREAM that there is nothing to come (RFC 9112 section 6.3).
    if (may_have_content(method_, head.status) && !head.content_length) framing = AnswerFraming::empty;
  } else if (head.body == Body::length) {
    framing = AnswerFraming::length;
    answer_ = Answer::by_length;
    body_left_ = head.content_length.value_or(0);
  } else if (version_ == Version::http11) {
    framing = AnswerFraming::chunked;
    answer_ = Answer::chunked;
  } else {
    framing = AnswerFraming::until_close;
    answer_ = Answer::until_close;
    keep_alive_ = false;
  }
  if (draining_) keep_alive_ = false;
  ConnectionField connection = ConnectionField::absent;
  if (!keep_alive_) connection = ConnectionField::close;
  if (keep_alive_ && version_ == Version::http10) connection = ConnectionField::keep_alive;
  HeadText& out = head_scratch();
  append_response_head(out, head, framing, head.status == 101 ? ConnectionField::absent : connection);
  stream_.write(out.view());
  if (head.status == 101) {
    state_ = State::tunnel;
    keep_alive_ = false;
    clear_deadline();
    if (!held_.empty() || read_ended_ || client_done_) request_turn_end(loop_);  // not from within this call
  }
}

void H1ServerSession::send_body(std::string_view bytes) {
  if (bytes.empty() || (state_ != State::request && state_ != State::tunnel)) return;
  if (answer_ == Answer::chunked) {
    HeadText& out = head_scratch();
    append_chunk_head(out, bytes.size());
    stream_.write(out.view());
    stream_.write(bytes, "\r\n");
  } else if (answer_ == Answer::by_length) {
    // More than was promised would pass for the next answer.
    bytes = bytes.substr(0, body_left_);
    body_left_ -= bytes.size();
    stream_.write(bytes);
  } else if (answer_ == Answer::until_close) {
    stream_.write(bytes);
  }
}

bool H1ServerSession::takes_piped() const {
  return state_ == State::request && answer_ == Answer::by_length && stream_.layer() == nullptr;
}

void H1ServerSession::send_piped(event::Pipe& pipe) {
  if (!takes_piped() || pipe.size() > body_left_) return send_body(pipe.text());
  body_left_ -= pipe.size();
  stream_.write_piped(pipe);
}

void H1ServerSession::send_end(std::span<const Header> trailers) {
  if (state_ == State::tunnel) return stream_.end_writing();
  if (state_ != State::request) return;
  if (answer_ == Answer::by_length && body_left_ > 0) return;  // less than was promised: release() cuts it
  if (answer_ == Answer::chunked) {
    HeadText& out = head_scratch();
    append_last_chunk(out, trailers);
    stream_.write(out.view());
  }
  answer_ = Answer::complete;
}

void H1ServerSession::pause_body() {
  if (!stream_.open()) return;
  stream_.stop_reading();
  stream_.watch_for_reset();
}

void H1ServerSession::resume_body() {
  bool enough_read =
      state_ == State::request && request_complete_ && (client_done_ || held_.size() > limits_.head_bytes_max);
  if (stream_.open() && !read_ended_ && !enough_read) stream_.start_reading();
}

size_t H1ServerSession::queued_bytes() const { return stream_.open() ? stream_.queued_bytes() : 0; }
size_t H1ServerSession::undelivered_bytes() const { return stream_.open() ? stream_.undelivered_bytes() : 0; }

// ---- The end of a request, and of the session ----

void H1ServerSession::release() {
  ASSERT(stream_out_);
  stream_out_ = false;
  observer_ = nullptr;
  if (state_ == State::closed) return finish_session();
  bool answered = answer_ == Answer::complete || state_ == State::tunnel;
  if (!answered) {
    const bool is_framed = answer_ == Answer::by_length || answer_ == Answer::chunked;  // what is missing tells
    if (!is_framed || !std::exchange(ends_short_, false)) {
      stream_.flush();
      stream_.reset();
    }
    return finish_session();
  }
  bool nothing_left = read_ended_ && held_.empty() && !taking_;  // while taking, there may be more in the input
  if (!keep_alive_ || draining_ || !request_complete_ || nothing_left) return finish_session();
  become_idle();
}

void H1ServerSession::become_idle() {
  state_ = State::idle;
  patience_.reset();
  uint64_t told_after_ms = std::min(kIdleLongMs, limits_.idle_timeout_ms);
  idle_left_ms_ = limits_.idle_timeout_ms - told_after_ms;
  set_deadline(loop_, told_after_ms);
  if (!stream_.reading() && !read_ended_ && !client_lags()) stream_.start_reading();
  if (!held_.empty() && !taking_) take({});
}

void H1ServerSession::drain() {
  draining_ = true;
  keep_alive_ = false;
  idle_left_ms_ = 0;
  if (state_ == State::idle) set_deadline(loop_, kDrainGraceMs);
}

int H1ServerSession::detach() {
  ASSERT(state_ == State::idle && held_.empty());
  int fd = stream_.detach();
  if (fd < 0) return fd;
  state_ = State::closed;
  clear_deadline();
  return fd;
}

void H1ServerSession::finish_session() {
  using Peer = event::TcpStream::Peer;
  Peer peer = read_ended_ ? Peer::is_done : client_done_ && held_.empty() ? Peer::says_done : Peer::may_send;
  state_ = State::closed;
  clear_deadline();
  stream_.close_gracefully(peer);
  if (!stream_out_) owner_.on_session_closed();
}

}  // namespace weir::http

#include "response_reader.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace weir::bench {
namespace {

bool is_field(std::string_view line, std::string_view name) {
  return line.size() >= name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0;
}

std::string_view value_of(std::string_view line, std::string_view name) {
  line.remove_prefix(name.size());
  while (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

}  // namespace

ResponseReader::Outcome ResponseReader::fail(std::string why) {
  error_ = std::move(why);
  return Outcome::wrong;
}

ResponseReader::Outcome ResponseReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (state_ == State::head) {
      std::string_view head = bytes;
      if (!held_.empty()) {
        held_.append(bytes);
        head = held_;
      }
      size_t end = head.find("\r\n\r\n");
      if (end == std::string_view::npos) {
        if (held_.empty()) held_ = bytes;
        return Outcome::more;
      }
      bytes.remove_prefix(bytes.size() - (head.size() - end - 4));
      if (!read_head(head.substr(0, end + 2))) return Outcome::wrong;
      held_.clear();
    } else if (state_ == State::sized_body || state_ == State::chunk_bytes) {
      if (!take_body(bytes)) return fail("a body with other bytes than the upstream sent");
    } else {
      std::string_view line;
      if (!take_line(bytes, line)) return Outcome::more;
      if (!take_chunk_line(line)) return fail("a chunk without its size or its end");
      held_.clear();
    }
    bool sized_end = state_ == State::sized_body && piece_left_ == 0;
    if (!sized_end && state_ != State::head) continue;
    if (body_read_ != body_bytes_) return fail("a body of " + std::to_string(body_read_) + " bytes");
    if (!bytes.empty()) return fail("bytes behind the answer");
    state_ = State::head;
    return Outcome::done;
  }
  return Outcome::more;
}

bool ResponseReader::read_head(std::string_view head) {
  if (!head.starts_with("HTTP/1.1 200")) {
    fail("answered " + std::string(head.substr(0, head.find('\r'))));
    return false;
  }
  chunked_ = false;
  closes_ = false;
  bool sized = false;
  body_read_ = 0;
  piece_left_ = 0;
  for (size_t at = head.find('\n') + 1; at < head.size(); at = head.find('\n', at) + 1) {
    std::string_view line = head.substr(at, head.find('\r', at) - at);
    if (is_field(line, "content-length:")) {
      std::string_view value = value_of(line, "content-length:");
      sized = std::from_chars(value.data(), value.data() + value.size(), piece_left_).ec == std::errc();
    } else if (is_field(line, "transfer-encoding:")) {
      chunked_ = is_field(value_of(line, "transfer-encoding:"), "chunked");
    } else if (is_field(line, "connection:")) {
      closes_ = is_field(value_of(line, "connection:"), "close");
    }
  }
  if (chunked_ == sized) {
    fail("an answer without a length, or with two");
    return false;
  }
  state_ = chunked_ ? State::chunk_line : State::sized_body;
  return true;
}

bool ResponseReader::take_line(std::string_view& bytes, std::string_view& line) {
  size_t end = bytes.find('\n');
  size_t taken = end == std::string_view::npos ? bytes.size() : end + 1;
  held_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  if (end == std::string_view::npos) return false;
  line_ = held_;
  held_.clear();
  if (line_.size() >= 2) line_.resize(line_.size() - 2);
  line = line_;
  return true;
}

bool ResponseReader::take_body(std::string_view& bytes) {
  size_t taken = std::min<uint64_t>(piece_left_, bytes.size());
  if (!pattern_->matches(body_read_, bytes.data(), taken)) return false;
  body_read_ += taken;
  piece_left_ -= taken;
  bytes.remove_prefix(taken);
  if (state_ == State::chunk_bytes && piece_left_ == 0) state_ = State::chunk_end;
  return true;
}

bool ResponseReader::take_chunk_line(std::string_view line) {
  switch (state_) {
    case State::chunk_line:
      if (std::from_chars(line.data(), line.data() + line.size(), piece_left_, 16).ec != std::errc()) return false;
      state_ = piece_left_ == 0 ? State::trailers : State::chunk_bytes;
      return true;
    case State::chunk_end: state_ = State::chunk_line; return line.empty();
    case State::trailers:
      if (line.empty()) state_ = State::head;
      return true;
    case State::head:
    case State::sized_body:
    case State::chunk_bytes: break;
  }
  return false;
}

}  // namespace weir::bench

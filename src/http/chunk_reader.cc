#include "weir/http/chunk_reader.h"

#include <algorithm>

#include "http/h1_fields.h"
#include "weir/base/text.h"
#include "weir/http/session.h"

namespace weir::http {
namespace {

constexpr uint8_t kSizeDigitsMax = 16;  // 64 bits, leading zeros included

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

void ChunkReader::begin() {
  state_ = State::size;
  left_ = 0;
  digits_ = 0;
  trailer_bytes_.clear();
}

Parsed ChunkReader::read(std::string_view input, const H1Limits& limits, BodySink& sink) {
  size_t at = 0;
  while (at < input.size()) {
    if (state_ == State::data) {
      std::string_view piece = input.substr(at, std::min<uint64_t>(left_, input.size() - at));
      at += piece.size();
      left_ -= piece.size();
      if (left_ == 0) state_ = State::data_cr;
      sink.on_body(piece);
      continue;
    }
    take(input[at++], limits);
    if (state_ == State::complete) return {ParseOutcome::complete, at};
    if (state_ == State::invalid) return {ParseOutcome::invalid, at};
  }
  return {ParseOutcome::incomplete, at};
}

void ChunkReader::take(char c, const H1Limits& limits) {
  switch (state_) {
    case State::size: return take_size(c);
    case State::extension: return take_extension(c, limits);
    case State::size_lf:
      if (c != '\n') return refuse("a bare CR behind a chunk's size");
      state_ = left_ == 0 ? State::trailer : State::data;
      return;
    case State::data_cr:
      if (c != '\r') return refuse("a chunk longer than its size");
      state_ = State::data_lf;
      return;
    case State::data_lf:
      if (c != '\n') return refuse("a bare CR behind a chunk");
      state_ = State::size;
      digits_ = 0;
      return;
    case State::trailer:
    case State::trailer_name:
    case State::trailer_value:
    case State::trailer_lf:
    case State::last_lf: return take_trailer(c, limits);
    case State::data:
    case State::complete:
    case State::invalid: return;
  }
}

// Neither sign, prefix nor space: RFC 9112 has none before CRLF or ';' that a sender may write.
void ChunkReader::take_size(char c) {
  if (int digit = hex_value(c); digit >= 0) {
    if (digits_ == kSizeDigitsMax) return refuse("a chunk size of more than 16 digits");
    left_ = left_ * 16 + static_cast<uint64_t>(digit);
    ++digits_;
    return;
  }
  if (digits_ == 0) return refuse("a chunk without a size");
  extension_bytes_ = 0;
  if (c == '\r') {
    state_ = State::size_lf;
  } else if (c == ';') {
    state_ = State::extension;
  } else {
    refuse("a malformed chunk size");
  }
}

// Nobody acts on extensions; they are read over and not passed on.
void ChunkReader::take_extension(char c, const H1Limits& limits) {
  if (c == '\r') {
    state_ = State::size_lf;
  } else if (!is_field_char(c)) {
    refuse("a control byte in a chunk extension");
  } else if (++extension_bytes_ > limits.chunk_extension_bytes_max) {
    refuse("a chunk extension that is too long");
  }
}

void ChunkReader::take_trailer(char c, const H1Limits& limits) {
  if (trailer_bytes_.size() >= limits.trailer_bytes_max) return refuse("trailers that are too long");
  switch (state_) {
    case State::trailer:
      if (c == '\r') {
        state_ = State::last_lf;
        return;
      }
      state_ = State::trailer_name;
      [[fallthrough]];
    case State::trailer_name:
      if (c == ':' && !trailer_bytes_.empty() && trailer_bytes_.back() != '\n') {
        trailer_bytes_ += '\n';
        state_ = State::trailer_value;
      } else if (is_token_char(c)) {
        trailer_bytes_ += c;
      } else {
        refuse("a malformed trailer");
      }
      return;
    case State::trailer_value:
      if (c == '\r') {
        trailer_bytes_ += '\n';
        state_ = State::trailer_lf;
      } else if (is_field_char(c)) {
        trailer_bytes_ += c;
      } else {
        refuse("a control byte in a trailer");
      }
      return;
    case State::trailer_lf:
      if (c != '\n') return refuse("a bare CR in a trailer");
      state_ = State::trailer;
      return;
    default:
      if (c != '\n') return refuse("a bare CR behind the last chunk");
      state_ = State::complete;
  }
}

void ChunkReader::refuse(const char* why) {
  state_ = State::invalid;
  error_ = why;
}

std::vector<Header> ChunkReader::trailers() const {
  std::vector<Header> out;
  if (trailer_bytes_.empty()) return out;
  auto lines = split(trailer_bytes_, '\n');
  for (size_t i = 0; i + 1 < lines.size(); i += 2) {
    if (may_trail(lines[i])) out.push_back({lines[i], trim(lines[i + 1])});
  }
  return out;
}

}  // namespace weir::http

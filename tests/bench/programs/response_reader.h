#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pattern.h"

namespace weir::bench {

/// Reads one answer after the other from a connection and compares every byte of the body with the pattern. Accepts 200
/// only. Not a general parser: it has to know what a proxy may turn the bench's upstream's answer into.
class ResponseReader {
 public:
  enum class Outcome { more, done, wrong };

  /// `body_bytes`: what every answer must have.
  ResponseReader(const Pattern& pattern, uint64_t body_bytes) : pattern_(&pattern), body_bytes_(body_bytes) {}

  /// Takes the bytes received. `wrong` leaves the reason in error(); `done` is ready for the next answer.
  Outcome feed(std::string_view bytes);

  bool between_answers() const { return state_ == State::head && held_.empty(); }
  /// The answer said Connection: close.
  bool closes() const { return closes_; }
  const std::string& error() const { return error_; }

 private:
  enum class State { head, sized_body, chunk_line, chunk_bytes, chunk_end, trailers };

  Outcome fail(std::string why);
  bool read_head(std::string_view head);
  bool take_line(std::string_view& bytes, std::string_view& line);
  bool take_body(std::string_view& bytes);
  bool take_chunk_line(std::string_view line);

  const Pattern* pattern_;
  uint64_t body_bytes_;
  State state_ = State::head;
  std::string held_;  // a head or line that has not come in one piece
  std::string line_;
  uint64_t body_read_ = 0;
  uint64_t piece_left_ = 0;
  bool chunked_ = false;
  bool closes_ = false;
  std::string error_;
};

}  // namespace weir::bench

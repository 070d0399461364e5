#pragma once
// Chunked bodies (RFC 9112 section 7.1), read strictly: whoever is lenient here disagrees with a neighbour about where
// a message ends.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/http/message.h"

namespace weir::http {

struct H1Limits;

/// What became of some bytes.
enum class ParseOutcome : uint8_t {
  incomplete,  // all was taken and more is needed
  complete,    // the head, or the message, ends at `consumed`
  invalid,
};
struct Parsed {
  ParseOutcome outcome;
  size_t consumed;
};

/// Who gets a body's bytes, in order; never an empty piece.
class BodySink {
 public:
  virtual void on_body(std::string_view bytes) = 0;

 protected:
  ~BodySink() = default;
};

/// One chunked body after another. A value; keeps its place between reads, so a body may be cut anywhere.
class ChunkReader {
 public:
  void begin();
  /// After `invalid` error() says why, and nothing may be read any more.
  Parsed read(std::string_view input, const H1Limits& limits, BodySink& sink);
  /// After `complete`: the fields behind the last chunk that may stand there. Views into this reader.
  [[nodiscard]] std::vector<Header> trailers() const;
  [[nodiscard]] const char* error() const { return error_; }

 private:
  enum class State : uint8_t {
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer,  // the start of a line
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    complete,
    invalid,
  };

  void take(char c, const H1Limits& limits);
  void take_size(char c);
  void take_extension(char c, const H1Limits& limits);
  void take_trailer(char c, const H1Limits& limits);
  void refuse(const char* why);

  uint64_t left_ = 0;  // bytes of this chunk that have not come
  size_t extension_bytes_ = 0;
  std::string trailer_bytes_;  // name \n value \n …
  const char* error_ = "";
  State state_ = State::size;
  uint8_t digits_ = 0;
};

}  // namespace weir::http

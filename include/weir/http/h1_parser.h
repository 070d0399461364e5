#pragma once
// llhttp behind a face of our own: whole heads at once, bodies in pieces, strictly by RFC 9112.

#include <llhttp.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/http/chunk_reader.h"
#include "weir/http/message.h"

namespace weir::http {

enum class Known : uint8_t;
struct H1Limits;

/// Says when bytes that may be a whole head are worth a parse. Parsing costs a pass over all of them, so it is done
/// when the first line has come, when an empty line may have (also in the eyes of the lenient, so that it is refused
/// and not waited for), or when they have doubled: linear in all, however they drip in.
class HeadPatience {
 public:
  [[nodiscard]] bool worth_parsing(std::string_view input) const {
    size_t from = looked_at_ > 3 ? looked_at_ - 3 : 0;
    auto has = [&](std::string_view end) { return input.find(end, from) != std::string_view::npos; };
    return input.size() >= 2 * looked_at_ || has("\n\r\n") || has("\n\n") || has("\r\r") || (!line_seen_ && has("\n"));
  }
  void note_incomplete(std::string_view input) {
    looked_at_ = input.size();
    line_seen_ = line_seen_ || input.find('\n') != std::string_view::npos;
  }
  void reset() { *this = HeadPatience(); }

 private:
  size_t looked_at_ = 0;    // bytes known not to hold a whole head
  bool line_seen_ = false;  // the first line was among them
};

/// Parses one message after another of one connection's one direction. A head is parsed when it lies in one piece of
/// memory, so that its fields are views into it.
class H1Parser {
 public:
  using Outcome = ParseOutcome;
  using Taken = Parsed;
  using BodySink = http::BodySink;

  enum class Kind : uint8_t { request, response };
  explicit H1Parser(Kind kind);

  /// How many bytes of empty lines there are in front; a server reads over them (RFC 9112 section 2.2).
  [[nodiscard]] static size_t empty_lines(std::string_view input);

  /// Tries to read a head from the start of `input`. On `complete` head is filled with views into `input` and into
  /// this thread's scratch memory: use it before the next head is parsed on this thread.
  Taken parse_request_head(std::string_view input, const H1Limits& limits, RequestHead& head);
  /// The same for an answer to a request of that method.
  Taken parse_response_head(std::string_view input, const H1Limits& limits, Method request_method, ResponseHead& head);

  /// Reads on in the message whose head was complete, calling the sink. `complete`: the body and trailers are over.
  Taken parse_body(std::string_view input, const H1Limits& limits, BodySink& sink);
  /// What is still to come of a body with Content-Length; 0 of any other.
  [[nodiscard]] uint64_t length_left() const { return framing_ == Framing::length ? length_left_ : 0; }
  /// So many bytes of it have gone by unread. True: they were the last.
  [[nodiscard]] bool skip_body(uint64_t bytes) { return (length_left_ -= bytes) == 0; }
  /// The peer has closed: true if that is how this body ends, false if it was cut.
  bool finish_at_close();

  /// After `complete`: fields behind a chunked body. Views into this parser.
  [[nodiscard]] std::vector<Header> trailers() const { return chunks_.trailers(); }
  /// After `complete` of a head: whether the connection may serve another message after this one.
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  void forbid_keep_alive() { keep_alive_ = false; }
  /// After `invalid`. `status` is what a server answers: 400, 414, 417, 431, 501 or 505; 502 for an upstream's answer.
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] uint16_t error_status() const { return error_status_; }

 private:
  struct Callbacks;
  struct Fields;
  struct Hop;
  static Fields& fields();

  enum class Framing : uint8_t { length, chunked, until_close };

  // h1_parser.cc: bytes become parts
  Taken read_head(std::string_view input);
  Taken find_method(std::string_view input);
  Taken run_llhttp(std::string_view input);
  llhttp_errno_t execute(std::string_view head);
  void begin();
  Taken invalid(uint16_t status, std::string message);
  Taken invalid_by_llhttp(std::string_view input);
  // h1_heads.cc: parts become heads
  bool refuse(uint16_t status, const char* why);
  bool take_hop_field(Known known, const Header& header, Hop& hop, std::vector<Header>& kept);
  bool take_framing(const Hop& hop, Version version);
  bool take_request_fields(RequestHead& head);
  bool take_request_target(RequestHead& head);
  bool take_absolute_form(RequestHead& head, std::string_view target);
  bool take_response_fields(ResponseHead& head, Method request_method);

  const Kind kind_;
  llhttp_t llhttp_;
  const H1Limits* limits_ = nullptr;  // of the call under way
  uint64_t length_left_ = 0;          // of a body with Content-Length
  ChunkReader chunks_;
  Error error_;
  uint16_t error_status_ = 400;
  Framing framing_ = Framing::length;
  bool keep_alive_ = true;
};

}  // namespace weir::http

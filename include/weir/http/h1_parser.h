#pragma once
// llhttp behind a face of our own: whole heads at once, bodies in pieces, strictly by RFC 9112. Plain heads are read
// without it (src/http/h1_plain_head.h); whatever is refused, llhttp or we refuse.

#include <llhttp.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"
#include "weir/http/message.h"

namespace weir::http {

struct H1Limits;

/// Says when bytes that may be a whole head are worth a parse. Parsing costs a pass over all of them, so it is done
/// when an empty line has come or when they have doubled: linear in all, however they drip in.
class HeadPatience {
 public:
  [[nodiscard]] bool worth_parsing(std::string_view input) const {
    size_t from = looked_at_ > 3 ? looked_at_ - 3 : 0;
    return input.size() >= 2 * looked_at_ || input.find("\n\r\n", from) != std::string_view::npos ||
           input.find("\n\n", from) != std::string_view::npos;
  }
  void note_incomplete(std::string_view input) { looked_at_ = input.size(); }
  void reset() { looked_at_ = 0; }

 private:
  size_t looked_at_ = 0;  // bytes known not to hold a whole head
};

/// Parses one message after another of one connection's one direction. A head is parsed when it lies in one piece of
/// memory, so that its fields are views into it.
class H1Parser {
 public:
  /// What became of some bytes.
  enum class Outcome : uint8_t {
    incomplete,  // all was taken and more is needed
    complete,    // the head, or the message, ends at `consumed`
    invalid,     // error() says why
  };
  struct Taken {
    Outcome outcome;
    size_t consumed;
  };
  class BodySink {
   public:
    virtual void on_body(std::string_view bytes) = 0;

   protected:
    ~BodySink() = default;
  };

  enum class Kind : uint8_t { request, response };
  explicit H1Parser(Kind kind);

  /// Tries to read a head from the start of `input`. On `complete` head is filled with views into `input` and into
  /// this thread's scratch memory: use it before the next head is parsed on this thread.
  Taken parse_request_head(std::string_view input, const H1Limits& limits, RequestHead& head);
  /// The same for an answer to a request of that method.
  Taken parse_response_head(std::string_view input, const H1Limits& limits, Method request_method, ResponseHead& head);

  /// Reads on in the message whose head was complete, calling the sink. `complete`: the body and trailers are over.
  Taken parse_body(std::string_view input, const H1Limits& limits, BodySink& sink);
  /// The peer has closed: true if that is how this body ends, false if it was cut.
  bool finish_at_close();

  /// After `complete`: fields behind a chunked body. Views into this parser.
  [[nodiscard]] std::vector<Header> trailers() const;
  /// After `complete` of a head: whether the connection may serve another message after this one.
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  void forbid_keep_alive() { keep_alive_ = false; }
  /// After `invalid`. `status` is what a server answers: 400, 414, 431, 501 or 505.
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] uint16_t error_status() const { return error_status_; }

 private:
  struct Callbacks;
  struct Fields;
  static Fields& fields();

  enum class Framing : uint8_t { length, chunked, until_close };

  Taken read_head(std::string_view input, const H1Limits& limits);
  Taken run_llhttp(std::string_view input, const H1Limits& limits);
  bool take_start_line();
  bool take_request_fields(RequestHead& head);
  bool take_request_target(RequestHead& head);
  Taken invalid(uint16_t status, std::string message);
  Taken invalid_by_llhttp();
  int append_trailer(const char* at, size_t length);

  const Kind kind_;
  llhttp_t llhttp_;
  BodySink* sink_ = nullptr;          // during parse_body
  const H1Limits* limits_ = nullptr;  // of the call under way
  uint64_t length_left_ = 0;          // of a body with Content-Length
  std::string trailer_bytes_;         // name \n value \n …
  Error error_;
  uint16_t error_status_ = 400;
  Framing framing_ = Framing::length;
  bool in_head_ = false;
  bool keep_alive_ = true;
  bool message_complete_ = false;
};

}  // namespace weir::http

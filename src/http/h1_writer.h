#pragma once
// Heads and chunks as HTTP/1.1 bytes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "weir/http/message.h"

namespace weir::http {

/// Memory to compose heads in. Unlike a string it writes no zeroes into what is to be written anyway.
class HeadText {
 public:
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  void clear() { size_ = 0; }
  /// Where the text goes on, with room for so many bytes more; moves what is there when it has to grow.
  [[nodiscard]] char* room(size_t bytes);
  /// What was written into that room ends here.
  void end_at(const char* end) { size_ = static_cast<size_t>(end - bytes_.get()); }

 private:
  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

/// This thread's scratch to compose a head in; cleared. Valid until the next call.
HeadText& head_scratch();

void append_request_head(HeadText& out, const RequestHead& head);
/// How the sender of an answer lets its end be known, and what it says about the connection.
/// `empty`: there is no body, and only a length can say so.
enum class AnswerFraming : uint8_t { none, empty, length, chunked, until_close };
enum class ConnectionField : uint8_t { absent, close, keep_alive };
void append_response_head(HeadText& out, const ResponseHead& head, AnswerFraming framing, ConnectionField connection);
void append_chunk_head(HeadText& out, size_t bytes);
/// The last chunk and the fields behind it.
void append_last_chunk(HeadText& out, std::span<const Header> trailers);

}  // namespace weir::http

#pragma once
// Heads and chunks as HTTP/1.1 bytes.

#include <string>
#include <cstdint>
#include <span>
#include <string_view>

#include "weir/http/message.h"

namespace weir::http {

/// This thread's scratch to compose a head in; cleared. Valid until the next call.
std::string& head_scratch();

void append_request_head(std::string& out, const RequestHead& head);
/// How the sender of an answer lets its end be known, and what it says about the connection.
/// `empty`: there is no body, and only a length can say so.
enum class AnswerFraming : uint8_t { none, empty, length, chunked, until_close };
enum class ConnectionField : uint8_t { absent, close, keep_alive };
void append_response_head(std::string& out, const ResponseHead& head, AnswerFraming framing,
                          ConnectionField connection);
void append_chunk_head(std::string& out, size_t bytes);
/// The last chunk and the fields behind it.
void append_last_chunk(std::string& out, std::span<const Header> trailers);

}  // namespace weir::http

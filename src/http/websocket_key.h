#pragma once
// The two fields by which HTTP/1.1 opens a WebSocket and HTTP/2 does not (RFC 6455 section 4, RFC 8441 section 5).

#include <string>
#include <string_view>

namespace weir::http {

/// A Sec-WebSocket-Key: 16 random bytes. It proves nothing but that the answer is to this request.
std::string make_websocket_key();
/// The Sec-WebSocket-Accept that answers it.
std::string websocket_accept(std::string_view key);

}  // namespace weir::http

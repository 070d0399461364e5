#include "http/websocket_key.h"

#include <cstring>

#include "weir/base/random.h"
#include "weir/base/text.h"
#include "weir/tls/digest.h"

namespace weir::http {

std::string make_websocket_key() {
  thread_local Random random;
  char bytes[16];
  for (size_t at = 0; at < sizeof bytes; at += sizeof(uint64_t)) {
    uint64_t some = random.next();
    std::memcpy(bytes + at, &some, sizeof some);
  }
  return base64_encode({bytes, sizeof bytes});
}

std::string websocket_accept(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  return base64_encode(tls::sha1(text));
}

}  // namespace weir::http

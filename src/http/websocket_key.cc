#include "http/websocket_key.h"

#include <openssl/evp.h>

#include <cstring>

#include "weir/base/random.h"
#include "weir/base/text.h"

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
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha1(), nullptr);
  return base64_encode({reinterpret_cast<const char*>(digest), length});
}

}  // namespace weir::http

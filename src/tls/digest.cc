#include "weir/tls/digest.h"

#include <openssl/evp.h>

#include "weir/base/check.h"

namespace weir::tls {

std::string sha1(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha1(), nullptr) == 1);
  return {reinterpret_cast<const char*>(digest), length};
}

}  // namespace weir::tls

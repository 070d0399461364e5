#include "weir/tls/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "weir/base/check.h"

namespace weir::tls {

namespace {
std::string digest_of(std::string_view bytes, const EVP_MD* kind) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest, &length, kind, nullptr) == 1);
  return {reinterpret_cast<const char*>(digest), length};
}
}  // namespace

std::string sha1(std::string_view bytes) { return digest_of(bytes, EVP_sha1()); }
std::string sha256(std::string_view bytes) { return digest_of(bytes, EVP_sha256()); }
std::string sha512(std::string_view bytes) { return digest_of(bytes, EVP_sha512()); }
std::string md5(std::string_view bytes) { return digest_of(bytes, EVP_md5()); }

bool equal_in_constant_time(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

}  // namespace weir::tls

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>

#include "tls/layer.h"
#include "weir/base/check.h"
#include "weir/base/text.h"

namespace weir::tls {
namespace {

constexpr size_t kKeyBytes = 80;

TicketKey key_from(std::string_view bytes) {
  TicketKey key;
  std::memcpy(key.name.data(), bytes.data(), 16);
  std::memcpy(key.mac_key.data(), bytes.data() + 16, 32);
  std::memcpy(key.cipher_key.data(), bytes.data() + 48, 32);
  return key;
}

bool set_mac(EVP_MAC_CTX* mac, const TicketKey& key) {
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.mac_key.data()),
                                        key.mac_key.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

}  // namespace

Result<TicketKeys> parse_ticket_keys(std::string_view text) {
  TicketKeys out;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    auto bytes = base64_decode(line);
    if (!bytes || bytes->size() != kKeyBytes) {
      return fail(ErrorCode::invalid, "ticket key " + std::to_string(out.keys.size() + 1) + ": expected " +
                                          std::to_string(kKeyBytes) + " bytes in base64 on a line");
    }
    if (out.keys.size() == TicketKeys::kKeysMax) {
      return fail(ErrorCode::too_large, "more than " + std::to_string(TicketKeys::kKeysMax) + " ticket keys");
    }
    out.keys.push_back(key_from(*bytes));
  }
  if (out.keys.empty()) return fail(ErrorCode::invalid, "no ticket key");
  return out;
}

TicketKeys rotate(const TicketKeys& keys, size_t kept) {
  std::string bytes(kKeyBytes, '\0');
  CHECK(RAND_priv_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) == 1);
  TicketKeys out;
  out.keys.push_back(key_from(bytes));
  for (const TicketKey& old : keys.keys) {
    if (out.keys.size() <= kept) out.keys.push_back(old);
  }
  return out;
}

// OpenSSL's convention: 0 no such key (a full handshake follows), 1 done, 2 done but give a new ticket, -1 failure.
int seal_or_open_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        int sealing) {
  const Layer& layer = Layer::of(ssl);
  const TicketKeys* known = layer.ticket_keys();
  if (known == nullptr || known->keys.empty()) return 0;
  const EVP_CIPHER* aes = layer.library().ticket_cipher();
  if (sealing != 0) {
    const TicketKey& key = known->keys.front();
    std::memcpy(name, key.name.data(), key.name.size());
    if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(aes)) != 1) return -1;
    bool good = EVP_EncryptInit_ex2(cipher, aes, key.cipher_key.data(), iv, nullptr) == 1 && set_mac(mac, key);
    return good ? 1 : -1;
  }
  auto key = std::find_if(known->keys.begin(), known->keys.end(), [&](const TicketKey& candidate) {
    return std::memcmp(name, candidate.name.data(), candidate.name.size()) == 0;
  });
  if (key == known->keys.end()) return 0;
  bool good = set_mac(mac, *key) && EVP_DecryptInit_ex2(cipher, aes, key->cipher_key.data(), iv, nullptr) == 1;
  if (!good) return -1;
  // A ticket of TLS 1.3 is used once (RFC 8446 appendix C.4): each resumption brings the next.
  bool good_again = key == known->keys.begin() && SSL_version(ssl) != TLS1_3_VERSION;
  return good_again ? 1 : 2;
}

}  // namespace weir::tls

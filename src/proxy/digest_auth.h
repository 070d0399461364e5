#pragma once
// HTTP Digest (RFC 7616), as Traefik's digestAuth speaks it: MD5 and qop=auth, which is what htdigest's files are for.
// Pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::proxy {

/// What a client answers a challenge with.
struct DigestAnswer {
  std::string user;
  std::string nonce;
  std::string opaque;
  std::string uri;
  std::string count;  // nc
  std::string client_nonce;
  std::string response;
};
/// Of an Authorization field. Nothing where it answers no challenge such as ours: another scheme, realm, algorithm or
/// qop, a part that is missing or said twice.
[[nodiscard]] std::optional<DigestAnswer> parse_digest_answer(std::string_view authorization, std::string_view realm);

/// Whether it comes from one who knows the password: `hash` is MD5 of "user:realm:password", in hexadecimal digits.
[[nodiscard]] bool digest_matches(const DigestAnswer& answer, std::string_view method, std::string_view hash);

/// Nonces say when they were made, under a secret: whoever has it knows its own again, and keeps no list of them. One
/// serves for any number of requests until it is stale, as Apache's do.
inline constexpr uint64_t kNonceMs = 300'000;
[[nodiscard]] std::string make_nonce(std::string_view secret, uint64_t now_ms);
enum class NonceAge : uint8_t { fresh, stale, foreign };
[[nodiscard]] NonceAge age_of_nonce(std::string_view nonce, std::string_view secret, uint64_t now_ms);
/// A value of ours that clients send back as it is.
[[nodiscard]] std::string make_opaque(std::string_view secret);

}  // namespace weir::proxy

#pragma once
// Digests that protocols ask for, and how they are compared.

#include <string>
#include <string_view>

namespace weir::tls {

/// The 20 bytes of SHA-1. Not for anything that must be safe: RFC 6455 has it only to tell a WebSocket server.
[[nodiscard]] std::string sha1(std::string_view bytes);

/// The 16 bytes of MD5. For old password files and the job files' function, and nothing else.
[[nodiscard]] std::string md5(std::string_view bytes);
/// The 32 bytes of SHA-256.
[[nodiscard]] std::string sha256(std::string_view bytes);
/// The 64 bytes of SHA-512.
[[nodiscard]] std::string sha512(std::string_view bytes);

/// In a time that does not tell where they differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view one, std::string_view other);

}  // namespace weir::tls

#pragma once
// Passwords against what htpasswd keeps of them.

#include <string>

namespace weir::tls {

constexpr size_t kPasswordBytesMax = 512;  // longer ones match nothing

/// Whether `hash` (of the forms that parse_htpasswd_line() takes) was made of that password. Any thread. Takes as long
/// as whoever made the hash wanted: 50 ms and more for bcrypt at a cost of 10, so never on a loop that others wait for.
[[nodiscard]] bool password_matches(const std::string& password, const std::string& hash);

}  // namespace weir::tls

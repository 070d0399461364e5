#pragma once
// Lines of htpasswd and htdigest files: who may come in, and what their password is weighed against.

#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir {

struct Credential {
  std::string user;
  std::string hash;  // of the password, with the mark that says how it was made

  bool operator==(const Credential&) const = default;
};

/// "user:hash". An error where there is no user, or the hash is of no form that tls::password_matches() reads: bcrypt
/// ($2a$, $2b$, $2y$), crypt's SHA-256 and SHA-512 ($5$, $6$), MD5 ($apr1$, $1$) and {SHA}. A password in the clear is
/// none.
[[nodiscard]] Result<Credential> parse_htpasswd_line(std::string_view line);

/// A whole file: empty lines and those that begin with # are left out. The error names the line.
[[nodiscard]] Result<std::vector<Credential>> parse_htpasswd(std::string_view text);

/// "user:realm:hash" as htdigest writes it, 32 hexadecimal digits: the user is "user:realm" then, for the hash is of
/// both.
[[nodiscard]] Result<Credential> parse_htdigest_line(std::string_view line);
[[nodiscard]] Result<std::vector<Credential>> parse_htdigest(std::string_view text);

/// The user's hash, or null: of the last of that name, as Traefik has it.
[[nodiscard]] const std::string* hash_of(const std::vector<Credential>& users, std::string_view user);

}  // namespace weir

#include "weir/base/htpasswd.h"

#include <algorithm>
#include <array>

#include "weir/base/text.h"

namespace weir {

namespace {

// What htpasswd makes by itself is far below: bcrypt's highest is some 7 s on one core, the other's one.
constexpr uint64_t kBcryptCostMax = 17;
constexpr uint64_t kRoundsMax = 1'000'000;

/// Whether weighing a password against it takes longer than anybody can want.
bool is_too_slow(std::string_view hash) {
  const bool bcrypt = hash.starts_with("$2");
  constexpr std::string_view kRounds = "rounds=";
  if (!bcrypt && !hash.starts_with("$5$") && !hash.starts_with("$6$")) return false;
  std::string_view number = hash.substr(bcrypt ? 4 : 3);
  if (!bcrypt && !number.starts_with(kRounds)) return false;
  if (!bcrypt) number.remove_prefix(kRounds.size());
  // Of a number that cannot be read crypt(3) makes the highest.
  return parse_u64(number.substr(0, number.find('$'))).value_or(UINT64_MAX) > (bcrypt ? kBcryptCostMax : kRoundsMax);
}

}  // namespace

Result<Credential> parse_htpasswd_line(std::string_view line) {
  constexpr std::array<std::string_view, 8> kMarks = {"$2a$", "$2b$", "$2y$", "$5$", "$6$", "$apr1$", "$1$", "{SHA}"};
  size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return fail(ErrorCode::invalid, "expected user:hash");
  std::string_view hash = line.substr(colon + 1);
  bool known = std::any_of(kMarks.begin(), kMarks.end(), [&](std::string_view mark) { return hash.starts_with(mark); });
  if (!known) {
    return fail(ErrorCode::invalid, "the password of user \"" + std::string(line.substr(0, colon)) +
                                        "\" is no hash that htpasswd makes (bcrypt, SHA or MD5)");
  }
  if (is_too_slow(hash)) {
    return fail(ErrorCode::invalid, "the password of user \"" + std::string(line.substr(0, colon)) +
                                        "\" takes too long to weigh: at most bcrypt of cost " +
                                        std::to_string(kBcryptCostMax) + ", or SHA of " + std::to_string(kRoundsMax) +
                                        " rounds");
  }
  return Credential{std::string(line.substr(0, colon)), std::string(hash)};
}

Result<Credential> parse_htdigest_line(std::string_view line) {
  constexpr size_t kDigits = 32;
  const size_t colon = line.rfind(':');
  const std::string_view user = line.substr(0, colon);
  const std::string hash = colon == std::string_view::npos ? "" : to_lower(line.substr(colon + 1));
  if (user.find(':') == std::string_view::npos || user.starts_with(':') || hash.size() != kDigits ||
      hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return fail(ErrorCode::invalid, "expected user:realm:hash, as htdigest writes it");
  }
  return Credential{std::string(user), hash};
}

namespace {

Result<std::vector<Credential>> parse_lines(std::string_view text, Result<Credential> (*parse)(std::string_view)) {
  std::vector<Credential> out;
  uint32_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    auto credential = parse(line);
    if (!credential) {
      return fail(Error{ErrorCode::invalid, "line " + std::to_string(number) + ": " + credential.error().message});
    }
    out.push_back(std::move(*credential));
  }
  return out;
}

}  // namespace

Result<std::vector<Credential>> parse_htpasswd(std::string_view text) { return parse_lines(text, parse_htpasswd_line); }

Result<std::vector<Credential>> parse_htdigest(std::string_view text) { return parse_lines(text, parse_htdigest_line); }

const std::string* hash_of(const std::vector<Credential>& users, std::string_view user) {
  auto found = std::find_if(users.rbegin(), users.rend(), [&](const Credential& one) { return one.user == user; });
  return found != users.rend() ? &found->hash : nullptr;
}

}  // namespace weir

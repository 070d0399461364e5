#include "proxy/digest_auth.h"

#include <map>

#include "weir/base/quoted_string.h"
#include "weir/base/text.h"
#include "weir/tls/digest.h"

namespace weir::proxy {
namespace {

constexpr size_t kSealDigits = 32;

/// "name=value, name=\"quoted\"", names in lower case. Nothing where it is no such list, or says a name twice.
std::optional<std::map<std::string, std::string>> parse_parameters(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!(text = trim(text)).empty()) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return {};
    std::string name = to_lower(trim(text.substr(0, equals)));
    text = trim(text.substr(equals + 1));
    std::string value;
    if (text.starts_with('"')) {
      auto quoted = take_quoted_string(text);
      if (!quoted) return {};
      value = *std::move(quoted);
      text = trim(text);
      if (!text.empty() && !text.starts_with(',')) return {};
    } else {
      value = trim(text.substr(0, text.find(',')));
    }
    if (!out.emplace(std::move(name), std::move(value)).second) return {};
    const size_t comma = text.find(',');
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return out;
}

std::string md5_hex(const std::string& text) { return hex_encode(tls::md5(text)); }

std::string seal(std::string_view secret, std::string_view what) {
  return hex_encode(tls::sha256(std::string(secret).append(what))).substr(0, kSealDigits);
}

}  // namespace

std::optional<DigestAnswer> parse_digest_answer(std::string_view authorization, std::string_view realm) {
  constexpr std::string_view kScheme = "digest ";
  if (!equals_ignore_case(authorization.substr(0, kScheme.size()), kScheme)) return {};
  auto told = parse_parameters(authorization.substr(kScheme.size()));
  if (!told) return {};
  DigestAnswer out;
  const std::pair<const char*, std::string*> parts[] = {
      {"username", &out.user}, {"nonce", &out.nonce},         {"opaque", &out.opaque},    {"uri", &out.uri},
      {"nc", &out.count},      {"cnonce", &out.client_nonce}, {"response", &out.response}};
  for (const auto& [name, part] : parts) {
    auto found = told->find(name);
    if (found == told->end()) return {};
    *part = found->second;
  }
  auto algorithm = told->find("algorithm");
  const bool md5 = algorithm == told->end() || equals_ignore_case(algorithm->second, "md5");
  if (!md5 || (*told)["realm"] != realm || !equals_ignore_case((*told)["qop"], "auth")) return {};
  return out;
}

bool digest_matches(const DigestAnswer& answer, std::string_view method, std::string_view hash) {
  const std::string asked = md5_hex(std::string(method) + ":" + answer.uri);
  const std::string expected = md5_hex(std::string(hash) + ":" + answer.nonce + ":" + answer.count + ":" +
                                       answer.client_nonce + ":auth:" + asked);
  return tls::equal_in_constant_time(expected, to_lower(answer.response));
}

std::string make_nonce(std::string_view secret, uint64_t now_ms) {
  const std::string made = std::to_string(now_ms);
  return made + "-" + seal(secret, made);
}

NonceAge age_of_nonce(std::string_view nonce, std::string_view secret, uint64_t now_ms) {
  const std::string_view made = nonce.substr(0, nonce.find('-'));
  auto made_ms = parse_u64(made);
  if (!made_ms || nonce.size() != made.size() + 1 + kSealDigits) return NonceAge::foreign;
  if (!tls::equal_in_constant_time(nonce.substr(made.size() + 1), seal(secret, made))) return NonceAge::foreign;
  // Another worker's clock may be a little ahead.
  return now_ms > *made_ms + kNonceMs ? NonceAge::stale : NonceAge::fresh;
}

std::string make_opaque(std::string_view secret) { return seal(secret, "opaque"); }

}  // namespace weir::proxy

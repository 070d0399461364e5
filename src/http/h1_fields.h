#pragma once
// What HTTP/1.1 itself has to know about fields: which ones frame a message or belong to one hop, and what they say.

#include <cstdint>
#include <string_view>
#include <vector>

#include "weir/http/message.h"

namespace weir::http {

/// The fields that a session acts on and does not pass on as they are.
enum class Known : uint8_t {
  other,
  connection,
  keep_alive,
  for_proxies,
  te,
  transfer_encoding,
  upgrade,
  content_length,
  host,
  expect,
};

/// For names whose length is one of a known field's.
[[nodiscard]] Known classify_by_name(std::string_view name);

/// `name` holds token characters only.
[[nodiscard]] inline Known classify(std::string_view name) {
  constexpr uint32_t kLengths =
      1U << 2 | 1U << 4 | 1U << 6 | 1U << 7 | 1U << 10 | 1U << 14 | 1U << 16 | 1U << 17 | 1U << 18 | 1U << 19;
  return name.size() < 32 && (kLengths >> name.size() & 1) != 0 ? classify_by_name(name) : Known::other;
}

/// Tokens of all Connection fields.
struct ConnectionTokens {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  bool nominates = false;  // names fields of its own to be dropped

  void add(std::string_view value);

 private:
  bool add_one(std::string_view token);
};

/// The timeout of a Keep-Alive field ("timeout=5, max=100"); 0 where it has none.
uint32_t keep_alive_timeout_s(std::string_view value);
/// Whether a Connection field among `all` names this one.
bool is_nominated(const std::vector<Header>& all, std::string_view name);
/// Characters of a name or a method (RFC 9110 section 5.6.2).
bool is_token_char(char c);
/// Characters of a field's value: all but controls, tab allowed (RFC 9110 section 5.5).
bool is_field_char(char c);
/// Whether a field may stand behind a body (RFC 9110 section 6.5.1): none that frames, routes, controls, authenticates
/// or describes the content, for whoever merges it into the head would be led astray.
bool may_trail(std::string_view name);
/// What may be a Host or an authority: a name, an IPv4 or a bracketed IPv6 address, and a port (RFC 3986 section 3.2).
bool valid_authority(std::string_view text);
/// Whether a target in origin form can be passed on: visible ASCII, no fragment, and no escape in its path that is
/// broken or means NUL.
bool valid_origin_form(std::string_view target);
/// Whether a TE field says that trailers are welcome.
bool welcomes_trailers(std::string_view te);
/// A field whose name servers that hand fields on as variables (CGI, WSGI) would take for one that frames.
bool passes_for_framing(std::string_view name);
/// What to make of a Transfer-Encoding field.
enum class TransferCoding : uint8_t { chunked, unknown, broken };
TransferCoding transfer_coding(std::string_view value);
/// Whether an Upgrade field asks for HTTP/2.
bool names_h2c(std::string_view upgrade);

}  // namespace weir::http

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

Known classify(std::string_view name);

/// Tokens of all Connection fields.
struct ConnectionTokens {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  bool nominates = false;  // names fields of its own to be dropped

  void add(std::string_view value);
};

/// The timeout of a Keep-Alive field ("timeout=5, max=100"); 0 where it has none.
uint32_t keep_alive_timeout_s(std::string_view value);
/// Whether a Connection field among `all` names this one.
bool is_nominated(const std::vector<Header>& all, std::string_view name);
/// What may stand in a Host or an authority.
bool valid_authority(std::string_view text);
/// Whether an Upgrade field asks for HTTP/2.
bool names_h2c(std::string_view upgrade);

}  // namespace weir::http

#pragma once
// An absolute http or https URL in its parts; h2c where that may be.

#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir {

struct Url {
  std::string scheme;     // "http", "https" or "h2c", lower case
  std::string host;       // without brackets and port, lower case
  uint16_t port = 0;      // 80 or 443 where the text names none
  std::string target;     // path and query, at least "/"
  std::string user_info;  // "user:password" or ""

  /// Accepts "http://host", "https://[::1]:8501/x?y", and a bare "host:port" (taken as http).
  static Result<Url> parse(std::string_view text);
  /// The same for a server of a service: also "h2c://host", HTTP/2 by prior knowledge.
  static Result<Url> parse_server(std::string_view text);
  /// "host:port", brackets around IPv6, the port left out where it is the scheme's own.
  [[nodiscard]] std::string authority() const;

 private:
  static Result<Url> parse(std::string_view text, bool may_be_h2c);
};

}  // namespace weir

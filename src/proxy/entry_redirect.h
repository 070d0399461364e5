#pragma once
// An entry point that only sends clients to another one.

#include <cstdint>
#include <string>

#include "weir/http/message.h"

namespace weir::proxy {

/// Where to, and how. Constant; belongs to its EntryPoint.
struct EntryRedirect {
  std::string scheme;
  std::string port;  // as in a URL: ":8443", or "" for the scheme's own
  bool permanent = true;

  /// Writes the same host and path there into `location`; gives the status to answer with. 400 for a request without a
  /// host, which cannot be sent anywhere.
  uint16_t answer(const http::RequestHead& request, std::string& location) const;
};

}  // namespace weir::proxy

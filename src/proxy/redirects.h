#pragma once
// Middlewares that send the client elsewhere: redirectScheme, redirectRegex, and fabio's redirect=.

#include <cstdint>
#include <string_view>

#include "proxy/forwarding.h"
#include "weir/http/message.h"
#include "weir/routing/middleware.h"

namespace weir::proxy {

struct RedirectFrom {
  std::string_view authority;  // as middlewares before have set it
  std::string_view path;       // normal, at this place of the chain
  bool tls;
};

/// Writes where to scratch.location. The status; 0 where the request goes on, as it is there already.
[[nodiscard]] uint16_t redirect(const routing::Middleware& middleware, const http::RequestHead& request,
                                const RedirectFrom& from, ForwardingScratch& scratch);

}  // namespace weir::proxy

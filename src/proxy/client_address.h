#pragma once
// Middlewares that ask where a request comes from: ipAllowList, fabio's allow= and deny=, and what limits count by.

#include <optional>

#include "proxy/forwarding.h"
#include "weir/base/ip.h"
#include "weir/http/message.h"
#include "weir/routing/middleware.h"

namespace weir::proxy {

/// As fabio has it: the peer and every address of X-Forwarded-For that can be read must pass.
[[nodiscard]] bool is_admitted(const routing::Middleware& middleware, const http::RequestHead& request,
                               const IpAddress& client);

/// Traefik's ipStrategy: the connection's address unless it says which of X-Forwarded-For counts. Nothing where there
/// is no such address; of a client that is not trusted with the field there is none.
[[nodiscard]] std::optional<IpAddress> address_by_strategy(const routing::IpStrategy& strategy,
                                                           const http::RequestHead& request, const ForwardedBy& by);

/// Whether that address is one of the middleware's networks.
[[nodiscard]] bool is_allowed(const routing::Middleware& middleware, const http::RequestHead& request,
                              const ForwardedBy& by);

}  // namespace weir::proxy

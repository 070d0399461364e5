#pragma once
// What can end an exchange early: one byte on the hot path, one table for what follows from it.

#include <cstdint>
#include <string_view>

#include "weir/base/result.h"

namespace weir::proxy {

enum class ProxyError : uint8_t {
  none,
  not_ready,  // no table has come yet
  no_route,
  misdirected,          // over a TLS connection whose options are not those of the host
  authentication_busy,  // too many passwords or auth servers' answers are waited for, or one for too long
  auth_failed,          // the server of forwardAuth could not be asked
  no_endpoint,          // the route is known, none of its endpoints is live
  endpoint_busy,        // all its connections are in use, for too long or by too many
  connect_failed,
  connect_timeout,
  upstream_tls,        // no handshake with it: its certificate is refused, or it refuses ours
  transport_missing,   // an endpoint that wants https by a transport that is not there
  upstream_refused,    // HTTP/2's REFUSED_STREAM: it has not acted upon the request
  upstream_leaves,     // the same by GOAWAY: that connection takes no more
  upstream_closed,     // reset or closed before or within the answer
  upstream_malformed,  // an answer that is not HTTP
  upstream_status,     // an answer that retry.on takes for a failure
  response_timeout,    // no answer's head, or silence within its body
  request_timeout,     // silence within the request's body
  request_slow,        // its body comes at less than the least rate
  body_too_large,
  answer_too_large,  // by a middleware of its route
  total_timeout,
  request_malformed,  // within its body; the session has answered it
  client_gone,
  client_stalled,  // it does not read its answer, or at less than the least rate
  tunnel_idle,
  draining,  // the drain time is over
};

struct ProxyErrorRow {
  uint16_t status;        // what the client is told; 499 is for the log alone
  std::string_view word;  // in the log
  bool may_retry;         // on another endpoint, where the request itself allows it
};
[[nodiscard]] const ProxyErrorRow& row(ProxyError error);

/// Of an answer that has begun: it ended, broke or fell silent at its source.
[[nodiscard]] bool is_upstreams_fault(ProxyError error);

/// Whether a connection failed in its TLS handshake, in the way that people have to mend (tls/layer.cc makes the
/// Error).
[[nodiscard]] bool is_tls_failure(const Error& error);
/// Why there is no connection.
[[nodiscard]] ProxyError connect_error(const Error& error);
/// What the failure of a stream on an established connection means.
[[nodiscard]] ProxyError upstream_error(const Error& error);

}  // namespace weir::proxy

#include "proxy/proxy_error.h"

namespace weir::proxy {

const ProxyErrorRow& row(ProxyError error) {
  // In the order of the enum.
  static constexpr ProxyErrorRow kRows[] = {
      {200, "", false},
      {503, "not_ready", false},
      {404, "no_route", false},
      {421, "misdirected", false},
      {503, "authentication_busy", false},
      {500, "auth_failed", false},
      {503, "no_endpoint", false},
      {503, "endpoint_busy", false},
      {502, "connect_failed", true},
      {504, "connect_timeout", true},
      {502, "upstream_tls", true},
      {502, "transport_missing", true},
      {503, "upstream_refused", true},
      {503, "upstream_leaves", true},
      {502, "upstream_closed", true},
      {502, "upstream_malformed", false},
      {502, "upstream_status", true},
      {504, "response_timeout", true},
      {408, "request_timeout", false},
      {408, "request_slow", false},
      {413, "body_too_large", false},
      {500, "answer_too_large", false},
      {504, "total_timeout", false},
      {400, "request_malformed", false},
      {499, "client_gone", false},
      {408, "client_stalled", false},
      {200, "tunnel_idle", false},
      {503, "draining", false},
  };
  static_assert(sizeof kRows / sizeof kRows[0] == static_cast<size_t>(ProxyError::draining) + 1);
  return kRows[static_cast<size_t>(error)];
}

bool is_upstreams_fault(ProxyError error) {
  return error == ProxyError::upstream_closed || error == ProxyError::upstream_malformed ||
         error == ProxyError::response_timeout;
}

bool is_tls_failure(const Error& error) { return error.code == ErrorCode::refused && error.message.starts_with("TLS"); }

ProxyError connect_error(const Error& error) {
  if (is_tls_failure(error)) return ProxyError::upstream_tls;
  return error.code == ErrorCode::timeout ? ProxyError::connect_timeout : ProxyError::connect_failed;
}

ProxyError upstream_error(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid:
    case ErrorCode::too_large: return ProxyError::upstream_malformed;
    case ErrorCode::timeout: return ProxyError::response_timeout;
    case ErrorCode::refused: return ProxyError::upstream_refused;
    case ErrorCode::unavailable: return ProxyError::upstream_leaves;
    case ErrorCode::not_found:
    case ErrorCode::conflict:
    case ErrorCode::io:
    case ErrorCode::closed:
    case ErrorCode::cancelled: return ProxyError::upstream_closed;
  }
  return ProxyError::upstream_closed;
}

}  // namespace weir::proxy

#include "proxy/retry_policy.h"

namespace weir::proxy {

RetryPolicy::RetryPolicy(const config::RetryConfig& config) : idempotent_(config.idempotent_methods) {
  for (const std::string& reason : config.on) {
    closed_ = closed_ || reason == "closed";
    timeout_ = timeout_ || reason == "timeout";
    status_502_ = status_502_ || reason == "502";
    status_503_ = status_503_ || reason == "503";
    status_504_ = status_504_ || reason == "504";
  }
}

bool RetryPolicy::repeats(ProxyError error, http::Method method) const {
  bool asked = (error == ProxyError::upstream_closed && closed_) ||
               (error == ProxyError::response_timeout && timeout_) || error == ProxyError::upstream_status;
  return asked && (idempotent_ ? http::is_idempotent(method) : http::is_safe(method));
}

bool RetryPolicy::refuses(uint16_t status) const {
  return (status == 502 && status_502_) || (status == 503 && status_503_) || (status == 504 && status_504_);
}

}  // namespace weir::proxy

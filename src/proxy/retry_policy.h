#pragma once
// When a request that may have reached an endpoint is sent to another one.

#include <cstdint>

#include "proxy/proxy_error.h"
#include "weir/config/config.h"
#include "weir/http/message.h"

namespace weir::proxy {

/// retry.on and retry.idempotent_methods, read once. Constant; owned by a Worker.
class RetryPolicy {
 public:
  explicit RetryPolicy(const config::RetryConfig& config);

  /// Whether a request of that method may be repeated after that error.
  [[nodiscard]] bool repeats(ProxyError error, http::Method method) const;
  /// Whether an answer of that status counts as a failure of the attempt.
  [[nodiscard]] bool refuses(uint16_t status) const;

 private:
  bool idempotent_;
  bool closed_ = false;
  bool timeout_ = false;
  bool status_502_ = false;
  bool status_503_ = false;
  bool status_504_ = false;
};

}  // namespace weir::proxy

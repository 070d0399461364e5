#pragma once
// One run of a service's health check against one endpoint.

#include <functional>
#include <memory>
#include <string>

#include "weir/base/result.h"
#include "weir/event/loop.h"
#include "weir/http/client.h"
#include "weir/routing/table.h"

namespace weir::provider {

/// Traefik's rules: over HTTP the status of the answer decides, whatever its body; over gRPC the answer must be
/// SERVING. Destroying it cancels; the callback comes once, never from within the constructor. Loop's thread.
class EndpointProbe {
 public:
  using OnResult = std::function<void(Status)>;
  static constexpr int kRedirectsMax = 10;

  /// `client` speaks TLS as the endpoint wants it.
  EndpointProbe(event::Loop& loop, std::shared_ptr<http::Client> client, const routing::HealthCheck& check,
                const routing::Endpoint& endpoint, OnResult on_result);

 private:
  void ask(const std::string& method);
  void ask_grpc();
  void on_response(Result<http::ClientResponse> response);
  /// True when it went on to another place.
  bool follow(const http::ClientResponse& response);
  [[nodiscard]] Status judge(const http::ClientResponse& response) const;
  [[nodiscard]] uint64_t left_ms() const;

  // constant after construction
  event::Loop& loop_;
  const std::shared_ptr<http::Client> client_;
  const routing::HealthCheck check_;
  const OnResult on_result_;
  const uint64_t deadline_ms_;

  Url url_;                // that was asked last
  std::string authority_;  // of the endpoint itself
  std::string method_;
  bool http2_ = false;  // by prior knowledge
  int redirects_ = 0;
  std::unique_ptr<http::Call> call_;
};

}  // namespace weir::provider

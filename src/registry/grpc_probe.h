#pragma once
// A gRPC check: grpc.health.v1.Health/Check of a server, or of one service of it.

#include <memory>
#include <string>

#include "registry/check_probe.h"
#include "weir/http/client.h"

namespace weir::registry {

/// Passes on SERVING; everything else is critical.
class GrpcProbe final : public CheckProbe {
 public:
  GrpcProbe(http::Client& client, const CheckDefinition& definition, OnResult on_result);

 private:
  void on_response(Result<http::ClientResponse> response);
  [[nodiscard]] std::string failure_text(const Error& error) const;

  const std::string target_;  // as it was given
  const bool tls_;
  std::string authority_;  // "host:port"
  OnResult on_result_;
  std::unique_ptr<http::Call> call_;
};

}  // namespace weir::registry

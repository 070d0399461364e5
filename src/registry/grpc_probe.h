#pragma once
// A gRPC check: grpc.health.v1.Health/Check of a server, or of one service of it.

#include <memory>
#include <string>
#include <string_view>

#include "registry/check_probe.h"
#include "weir/http/client.h"

namespace weir::registry {

/// What the message of an answer's body says: grpc.health.v1.HealthCheckResponse.
enum class ServingStatus : uint8_t { unknown, serving, not_serving, service_unknown };
/// `body`: all bytes of the answer, with gRPC's five in front. Fails on anything but one whole message.
Result<ServingStatus> decode_health_answer(std::string_view body);
/// The same of a question; "" asks for the server as a whole.
std::string encode_health_question(std::string_view service);

/// Passes on SERVING; everything else is critical.
class GrpcProbe final : public CheckProbe {
 public:
  GrpcProbe(http::Client& client, const CheckDefinition& definition, OnResult on_result);

 private:
  void on_response(Result<http::ClientResponse> response);
  [[nodiscard]] CheckResult judge(const http::ClientResponse& response) const;
  [[nodiscard]] std::string failure_text(const Error& error) const;

  const std::string target_;  // as it was given
  const bool tls_;
  std::string authority_;  // "host:port"
  OnResult on_result_;
  std::unique_ptr<http::Call> call_;
};

}  // namespace weir::registry

#include "registry/grpc_probe.h"

#include "weir/base/host_port.h"
#include "weir/base/text.h"
#include "weir/http/grpc_health.h"

namespace weir::registry {

GrpcProbe::GrpcProbe(http::Client& client, const CheckDefinition& definition, OnResult on_result)
    : target_(definition.grpc), tls_(definition.grpc_use_tls), on_result_(std::move(on_result)) {
  size_t slash = target_.find('/');
  authority_ = target_.substr(0, slash);
  const HostPort target = split_host_port(authority_);
  const std::string host(without_brackets(target.host));
  // A target without a port has port 0, which nobody listens at.
  const uint64_t port = parse_u64(target.port).value_or(0);
  Url url;
  url.scheme = definition.grpc_use_tls ? "https" : "http";
  url.host = host.empty() ? "127.0.0.1" : host;
  url.port = port <= 65535 ? static_cast<uint16_t>(port) : uint16_t{0};
  std::string_view service = slash == std::string::npos ? "" : std::string_view(target_).substr(slash + 1);
  http::ClientRequest request = http::health_question(std::move(url), service, timeout_ms(definition));
  request.headers.emplace_back("User-Agent", "Consul Health Check");
  call_ = client.send(std::move(request),
                      [this](Result<http::ClientResponse> response) { on_response(std::move(response)); });
}

void GrpcProbe::on_response(Result<http::ClientResponse> response) {
  if (!response) return on_result_({kCritical, failure_text(response.error())});
  Status good = http::judge_health_answer(*response);
  if (!good) return on_result_({kCritical, good.error().message});
  on_result_({kPassing, "gRPC check " + target_ + ": success"});
}

std::string GrpcProbe::failure_text(const Error& error) const {
  if (error.code == ErrorCode::timeout)
    return http::rpc_error(http::kGrpcDeadlineExceeded, "context deadline exceeded");
  if (error.code == ErrorCode::refused && !tls_) {  // with TLS it may be the certificate that was
    return http::rpc_error(http::kGrpcUnavailable,
                           "connection error: dial tcp " + authority_ + ": connect: connection refused");
  }
  return http::rpc_error(http::kGrpcUnavailable, "connection error: " + error.message);
}

}  // namespace weir::registry

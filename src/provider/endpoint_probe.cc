#include "provider/endpoint_probe.h"

#include <algorithm>
#include <utility>

#include "weir/http/grpc_health.h"
#include "weir/http/redirect.h"

namespace weir::provider {

namespace {

constexpr const char* kUserAgent = "weir-health-check";

}  // namespace

EndpointProbe::EndpointProbe(event::Loop& loop, std::shared_ptr<http::Client> client, const routing::HealthCheck& check,
                             const routing::Endpoint& endpoint, OnResult on_result)
    : loop_(loop),
      client_(std::move(client)),
      check_(check),
      on_result_(std::move(on_result)),
      deadline_ms_(loop.now_ms() + check.timeout_ms) {
  const std::string& scheme = check_.scheme.empty() ? endpoint.scheme : check_.scheme;
  url_.scheme = scheme == "https" ? "https" : "http";
  url_.host = endpoint.host;
  url_.port = check_.port != 0 ? check_.port : endpoint.port;
  url_.target = check_.path;
  authority_ = url_.authority();
  http2_ = scheme == "h2c";
  if (check_.mode == routing::HealthCheck::Mode::grpc) {
    ask_grpc();
  } else {
    ask(check_.method);
  }
}

void EndpointProbe::ask_grpc() {
  http::ClientRequest request = http::health_question(url_, "", left_ms());
  request.host = check_.hostname;
  for (const auto& [name, value] : check_.headers) request.headers.emplace_back(name, value);
  request.headers.emplace_back("user-agent", kUserAgent);
  call_ = client_->send(std::move(request),
                        [this](Result<http::ClientResponse> response) { on_response(std::move(response)); });
}

void EndpointProbe::ask(const std::string& method) {
  method_ = method;
  http::ClientRequest request;
  request.method = method;
  request.url = url_;
  if (url_.authority() == authority_) request.host = check_.hostname;
  bool names_agent = false;
  for (const auto& [name, value] : check_.headers) {
    request.headers.emplace_back(name, value);
    names_agent = names_agent || name == "user-agent";
  }
  if (!names_agent) request.headers.emplace_back("user-agent", kUserAgent);
  request.timeout_ms = left_ms();
  request.connect_timeout_ms = request.timeout_ms;
  request.keep_alive = false;
  request.http2 = http2_ && url_.scheme == "http";
  request.http2_offered = true;
  request.head_only = true;
  call_ = client_->send(std::move(request),
                        [this](Result<http::ClientResponse> response) { on_response(std::move(response)); });
}

void EndpointProbe::on_response(Result<http::ClientResponse> response) {
  if (!response) return on_result_(fail(response.error()));
  if (check_.mode == routing::HealthCheck::Mode::grpc) return on_result_(http::judge_health_answer(*response));
  if (follow(*response)) return;
  on_result_(judge(*response));
}

bool EndpointProbe::follow(const http::ClientResponse& response) {
  if (!check_.follow_redirects || redirects_ >= kRedirectsMax) return false;
  const std::string target = http::redirect_target(url_, response);
  auto url = Url::parse(target);
  if (target.empty() || !url) return false;
  ++redirects_;
  url_ = std::move(*url);
  loop_.destroy_later(std::move(call_));  // its callback is running
  ask(http::redirect_method(method_, response.status));
  return true;
}

Status EndpointProbe::judge(const http::ClientResponse& response) const {
  const bool redirect = !http::redirect_target(url_, response).empty();
  if (check_.follow_redirects && redirect) {
    const bool looped = redirects_ >= kRedirectsMax;
    return fail(ErrorCode::invalid, looped ? "stopped after " + std::to_string(kRedirectsMax) + " redirects"
                                           : "a redirect to \"" + std::string(response.header("Location")) + "\"");
  }
  const bool good =
      check_.status != 0 ? response.status == check_.status : response.status >= 200 && response.status < 400;
  if (good) return {};
  std::string expected = check_.status != 0 ? ", expected " + std::to_string(check_.status) : "";
  return fail(ErrorCode::invalid, "status " + std::to_string(response.status) + expected);
}

uint64_t EndpointProbe::left_ms() const {
  return std::max<uint64_t>(deadline_ms_ - std::min(deadline_ms_, loop_.now_ms()), 1);
}

}  // namespace weir::provider

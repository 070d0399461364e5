#include "registry/http_probe.h"

#include <algorithm>

#include "weir/base/text.h"
#include "weir/http/redirect.h"

namespace weir::registry {
namespace {

/// "GET" -> "Get": how Go's client begins its errors.
std::string capitalised(std::string_view method) {
  std::string word = to_lower(method);
  if (!word.empty() && word[0] >= 'a' && word[0] <= 'z') word[0] = static_cast<char>(word[0] - 32);
  return word;
}

std::string host_and_port(const Url& url) {
  std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  return host + ":" + std::to_string(url.port);
}

}  // namespace

HttpProbe::HttpProbe(event::Loop& loop, http::Client& client, const CheckDefinition& definition, OnResult on_result)
    : loop_(loop), client_(client), definition_(definition), on_result_(std::move(on_result)) {
  deadline_ms_ = loop.now_ms() + timeout_ms(definition_);
  send(definition_.method.empty() ? "GET" : definition_.method, definition_.http);
}

void HttpProbe::send(const std::string& method, const std::string& url_text) {
  method_ = method;
  url_text_ = url_text;
  Result<Url> url = Url::parse(url_text);
  if (!url) {
    // The callback must not come from within the constructor.
    loop_.defer([this, alive = std::weak_ptr<bool>(alive_), error = url.error()] {
      if (!alive.expired()) on_result_({kCritical, failure_text(error)});
    });
    return;
  }
  url_ = *url;
  http::ClientRequest request;
  request.method = method;
  request.url = std::move(*url);
  request.keep_alive = false;
  request.timeout_ms = std::max<uint64_t>(deadline_ms_ - std::min(deadline_ms_, loop_.now_ms()), 1);
  request.connect_timeout_ms = request.timeout_ms;
  if (redirects_ == 0) request.body = definition_.body;
  bool agent = false;
  bool accept = false;
  for (const auto& [name, values] : definition_.header) {
    for (const std::string& value : values) request.headers.emplace_back(name, value);
    agent = agent || equals_ignore_case(name, "User-Agent");
    accept = accept || equals_ignore_case(name, "Accept");
  }
  if (!agent) request.headers.emplace_back("User-Agent", "Consul Health Check");
  if (!accept) request.headers.emplace_back("Accept", "text/plain, text/*, */*");
  body_.clear();
  size_t bytes_max =
      definition_.output_bytes_max > 0 ? static_cast<size_t>(definition_.output_bytes_max) : kOutputBytesMax;
  call_ = client_.send(
      std::move(request), [this](Result<http::ClientResponse> response) { on_response(std::move(response)); },
      [this, bytes_max](std::string_view chunk) {
        body_ += chunk.substr(0, bytes_max - std::min(bytes_max, body_.size()));
      });
}

void HttpProbe::on_response(Result<http::ClientResponse> response) {
  if (!response) return on_result_({kCritical, failure_text(response.error())});
  if (follow(*response)) return;
  if (body_.empty()) body_ = response->body.substr(0, kOutputBytesMax);
  on_result_(judge(*response));
}

bool HttpProbe::follow(const http::ClientResponse& response) {
  const std::string target = http::redirect_target(url_, response);
  if (target.empty() || definition_.disable_redirects || redirects_ >= kRedirectsMax) return false;
  ++redirects_;
  // Its callback is running.
  loop_.defer([call = std::shared_ptr<http::Call>(std::move(call_))] {});
  send(http::redirect_method(method_, response.status), target);
  return true;
}

CheckResult HttpProbe::judge(const http::ClientResponse& response) const {
  std::string output = "HTTP " + method_ + " " + definition_.http + ": " + std::to_string(response.status);
  if (!response.reason.empty()) output += " " + response.reason;
  output += " Output: " + body_;
  if (response.status >= 200 && response.status < 300) return {kPassing, output};
  return {response.status == 429 ? kWarning : kCritical, output};
}

std::string HttpProbe::failure_text(const Error& error) const {
  std::string text = capitalised(method_) + " \"" + url_text_ + "\": ";
  if (error.code == ErrorCode::refused && url_.scheme == "http")  // with TLS it may be the certificate that was
    return text + "dial tcp " + host_and_port(url_) + ": connect: connection refused";
  if (error.code == ErrorCode::timeout) {
    return text + "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
  }
  return text + error.message;
}

}  // namespace weir::registry

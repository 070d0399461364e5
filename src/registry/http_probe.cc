#include "registry/http_probe.h"

#include <algorithm>

#include "registry/json_writer.h"
#include "weir/base/field_name.h"
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

/// Whether Go's client would send it: a line end would begin a field, or a request, of the definition's own making.
bool is_field_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return (static_cast<uint8_t>(c) < 0x20 && c != '\t') || c == 0x7F; });
}

std::string json_quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

/// What is wrong with the fields, in Go's words; "" when nothing is.
std::string field_refusal(const CheckDefinition& definition) {
  for (const auto& [name, values] : definition.header) {
    if (!is_token(name)) return "net/http: invalid header field name " + json_quoted(name);
    for (const std::string& value : values) {
      if (is_field_value(value)) continue;
      return "net/http: invalid header field value " + json_quoted(value) + " for key " + name;
    }
  }
  return "";
}

/// Fields that follow from the request itself, as in Go's client; Host is told apart.
bool is_left_out(std::string_view name) {
  for (const char* own : {"Host", "Connection", "Content-Length", "Transfer-Encoding", "Trailer"}) {
    if (equals_ignore_case(name, own)) return true;
  }
  return false;
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
  if (!is_token(method)) return fail_soon("net/http: invalid method " + json_quoted(method));
  Result<Url> url = Url::parse(url_text);
  if (!url) return fail_soon(failure_text(url.error()));
  if (std::string refusal = field_refusal(definition_); !refusal.empty()) {
    return fail_soon(failure_text({ErrorCode::invalid, std::move(refusal)}));
  }
  if (redirects_ == 0) authority_ = url->authority();
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
    // The name to ask for is the check's own place's, not that of where a redirect leads.
    bool names_host = equals_ignore_case(name, "Host") && url_.authority() == authority_;
    if (names_host && !values.empty()) request.host = values.front();
    if (is_left_out(name)) continue;
    for (const std::string& value : values) request.headers.emplace_back(name, value);
    agent = agent || equals_ignore_case(name, "User-Agent");
    accept = accept || equals_ignore_case(name, "Accept");
  }
  if (!agent) request.headers.emplace_back("User-Agent", "Consul Health Check");
  if (!accept) request.headers.emplace_back("Accept", "text/plain, text/*, */*");
  body_.clear();
  const size_t bytes_max = output_bytes_max(definition_);
  call_ = client_.send(
      std::move(request), [this](Result<http::ClientResponse> response) { on_response(std::move(response)); },
      [this, bytes_max](std::string_view chunk) {
        body_ += chunk.substr(0, bytes_max - std::min(bytes_max, body_.size()));
      });
}

// The callback must not come from within the constructor.
void HttpProbe::fail_soon(std::string why) {
  loop_.defer([this, alive = std::weak_ptr<bool>(alive_), why = std::move(why)] {
    if (!alive.expired()) on_result_({kCritical, why});
  });
}

void HttpProbe::on_response(Result<http::ClientResponse> response) {
  if (!response) return on_result_({kCritical, failure_text(response.error())});
  if (follow(*response)) return;
  if (body_.empty()) body_ = response->body.substr(0, output_bytes_max(definition_));
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

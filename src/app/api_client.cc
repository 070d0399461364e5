#include "app/api_client.h"

#include <chrono>
#include <thread>
#include <utility>

namespace weir::app {

ApiClient::ApiClient(const ApiOptions& options, std::string token_header)
    : options_(options), token_header_(std::move(token_header)) {}

Result<std::string> ApiClient::get(const std::string& path) { return call("GET", path, {}); }
Result<http::ClientResponse> ApiClient::ask(const std::string& path) { return send("GET", path, {}); }
Result<std::string> ApiClient::put(const std::string& path, std::string body) {
  return call("PUT", path, std::move(body));
}
Result<std::string> ApiClient::remove(const std::string& path) { return call("DELETE", path, {}); }

Status ApiClient::stream(const std::string& path, const std::function<void(std::string_view)>& on_piece) {
  auto answer = call("GET", path, {}, on_piece);
  if (!answer) return fail(answer.error());
  return {};
}

Result<std::string> ApiClient::call(const std::string& method, const std::string& path, std::string body,
                                    const std::function<void(std::string_view)>& on_piece) {
  auto answer = send(method, path, std::move(body), on_piece);
  if (!answer) return fail(answer.error());
  if (answer->status == 200) return std::move(answer->body);
  ErrorCode code = answer->status == 404 ? ErrorCode::not_found : ErrorCode::refused;
  return fail(code, "Unexpected response code: " + std::to_string(answer->status) + " (" + answer->body + ")");
}

Result<http::ClientResponse> ApiClient::send(const std::string& method, const std::string& path, std::string body,
                                             const std::function<void(std::string_view)>& on_piece) {
  auto url = Url::parse(options_.address);
  if (!url) return fail(url.error());
  http::ClientRequest request;
  request.method = method;
  request.url = *url;
  request.url.target = path;
  request.body = std::move(body);
  request.timeout_ms = on_piece ? 0 : 330'000;  // longer than the longest blocking answer
  if (!options_.token.empty()) request.headers.emplace_back(token_header_, options_.token);
  Result<http::ClientResponse> answer = fail(ErrorCode::cancelled, "interrupted");
  auto call = client_.send(
      std::move(request),
      [&](Result<http::ClientResponse> response) {
        answer = std::move(response);
        loop_.stop();
      },
      on_piece);
  loop_.run();
  return answer;
}

void pause_ms(uint64_t ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

}  // namespace weir::app

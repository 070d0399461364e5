#pragma once
// An HTTP check: 2xx passes, 429 warns, everything else is critical.

#include <memory>
#include <string>

#include "registry/check_probe.h"
#include "weir/http/client.h"

namespace weir::registry {

class HttpProbe final : public CheckProbe {
 public:
  HttpProbe(event::Loop& loop, http::Client& client, const CheckDefinition& definition, OnResult on_result);

 private:
  void send(const std::string& method, const std::string& url_text);
  void fail_soon(std::string why);
  void on_response(Result<http::ClientResponse> response);
  /// True when it went to another place.
  bool follow(const http::ClientResponse& response);
  [[nodiscard]] CheckResult judge(const http::ClientResponse& response) const;
  [[nodiscard]] std::string failure_text(const Error& error) const;

  event::Loop& loop_;
  http::Client& client_;
  const CheckDefinition definition_;
  OnResult on_result_;
  std::string method_;
  std::string url_text_;
  std::string authority_;  // of the definition's URL
  Url url_;
  std::string body_;  // the beginning of the answer
  int redirects_ = 0;
  uint64_t deadline_ms_ = 0;
  std::unique_ptr<http::Call> call_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weir::registry

#include "scheduler/agent/call_outcome.h"

#include "weir/base/text.h"

namespace weir::scheduler {

bool succeeded(const Result<http::ClientResponse>& response) { return response && response->status == 200; }

std::string failure_text(const Result<http::ClientResponse>& response) {
  constexpr size_t kBodyBytesMax = 200;
  if (!response) return response.error().text();
  return "status " + std::to_string(response->status) + ": " +
         std::string(trim(response->body).substr(0, kBodyBytesMax));
}

}  // namespace weir::scheduler

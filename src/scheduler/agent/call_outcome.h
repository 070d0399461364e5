#pragma once
// How a call of the agent to a server or a registry has ended.

#include <string>

#include "weir/base/result.h"
#include "weir/http/client.h"

namespace weir::scheduler {

[[nodiscard]] bool succeeded(const Result<http::ClientResponse>& response);
/// Of one that has not succeeded, for people: why there is no answer, or its status and the beginning of its body.
[[nodiscard]] std::string failure_text(const Result<http::ClientResponse>& response);

}  // namespace weir::scheduler

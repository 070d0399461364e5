#pragma once
// Redirects, as a client follows them (RFC 9110 section 15.4).

#include <string>
#include <string_view>

#include "weir/base/url.h"
#include "weir/http/client.h"

namespace weir::http {

/// The URL that an answer to a request of `from` sends its client to, as text without a fragment; it may be none that
/// can be read. "": the answer is no redirect.
[[nodiscard]] std::string redirect_target(const Url& from, const ClientResponse& response);
/// The method of the request that follows.
[[nodiscard]] std::string redirect_method(std::string_view method, int status);

}  // namespace weir::http

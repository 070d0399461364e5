#pragma once
// What a headers middleware does beyond setting fields: CORS (as Traefik answers it), hosts, and what is for TLS only.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weir/http/message.h"
#include "weir/routing/table.h"

namespace weir::proxy {

/// A request as a middleware sees it. Views.
struct PolicyRequest {
  http::Method method = http::Method::other;
  std::string_view authority;
  std::span<const http::Header> headers;
  bool tls = false;
};

/// Whether a browser asks beforehand what a page may send, of a middleware that knows: answered here with `out`, whose
/// fields are views into the middleware and the request.
[[nodiscard]] bool answer_preflight(const routing::CrossOrigin& cors, std::span<const routing::Regexp> origins,
                                    const PolicyRequest& request, std::vector<http::Header>& out);

/// Whether it is one of the hosts that are served at all, where there is a list of them.
[[nodiscard]] bool serves_host(const routing::BrowserPolicy& policy, const PolicyRequest& request);

/// The middleware's part of an answer in `out`, of which `vary` keeps a text.
void write_header_policy(const routing::Middleware& middleware, const PolicyRequest& request,
                         std::vector<http::Header>& out, std::string& vary);

/// Replaces all fields of that name; an empty value removes them.
void set_field(std::vector<http::Header>& headers, std::string_view name, std::string_view value);

}  // namespace weir::proxy

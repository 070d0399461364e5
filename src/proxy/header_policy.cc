#include "proxy/header_policy.h"

#include <algorithm>

#include "weir/base/text.h"

namespace weir::proxy {
namespace {

using http::Header;
using routing::CrossOrigin;

std::string_view value_of(std::span<const Header> headers, std::string_view name) {
  const Header* found = http::find(headers, name);
  return found != nullptr ? found->value : std::string_view();
}

/// What Access-Control-Allow-Origin says; "": nothing, and the browser keeps the answer from the page.
std::string_view allowed_origin(const CrossOrigin& cors, std::span<const routing::Regexp> patterns,
                                std::string_view origin) {
  for (const std::string& one : cors.origins) {
    if (one == origin) return one;
    if (one == "*") return cors.credentials ? origin : one;  // with credentials no wildcard counts
  }
  const bool known =
      std::any_of(patterns.begin(), patterns.end(), [&](const auto& one) { return one.matches(origin); });
  return known ? origin : std::string_view();
}

/// Both in a preflight's answer and in every other.
void append_shared(const CrossOrigin& cors, std::span<const routing::Regexp> patterns, std::string_view origin,
                   std::vector<Header>& out) {
  if (auto allowed = allowed_origin(cors, patterns, origin); !allowed.empty()) {
    set_field(out, "Access-Control-Allow-Origin", allowed);
  }
  if (cors.credentials) set_field(out, "Access-Control-Allow-Credentials", "true");
  const bool no_wildcard = cors.any_exposed && cors.credentials;
  if (!cors.exposed.empty() && !no_wildcard) set_field(out, "Access-Control-Expose-Headers", cors.exposed);
}

/// The answer differs by Origin: behind whatever else it says that it differs by.
void vary_by_origin(std::vector<Header>& out, std::string& text) {
  auto before =
      std::find_if(out.begin(), out.end(), [](const Header& one) { return equals_ignore_case(one.name, "Vary"); });
  if (before == out.end()) return out.push_back({"Vary", "Origin"});
  if (before->value == "Origin") return;
  text.assign(before->value).append(",Origin");
  before->value = text;
}

bool is_over_tls(const routing::BrowserPolicy& policy, const PolicyRequest& request) {
  return request.tls || std::any_of(policy.tls_told_by.begin(), policy.tls_told_by.end(), [&](const auto& told) {
           return value_of(request.headers, told.first) == told.second;
         });
}

}  // namespace

void set_field(std::vector<Header>& headers, std::string_view name, std::string_view value) {
  std::erase_if(headers, [&](const Header& header) { return equals_ignore_case(header.name, name); });
  if (!value.empty()) headers.push_back({name, value});
}

bool answer_preflight(const CrossOrigin& cors, std::span<const routing::Regexp> origins, const PolicyRequest& request,
                      std::vector<Header>& out) {
  if (!cors.defined || request.method != http::Method::options) return false;
  const std::string_view origin = value_of(request.headers, "Origin");
  const std::string_view method = value_of(request.headers, "Access-Control-Request-Method");
  if (origin.empty() || method.empty()) return false;
  append_shared(cors, origins, origin, out);
  const std::string_view fields = value_of(request.headers, "Access-Control-Request-Headers");
  // With credentials a browser takes no wildcard: it is told what it asked for.
  set_field(out, "Access-Control-Allow-Headers", cors.any_field && cors.credentials ? fields : cors.fields);
  set_field(out, "Access-Control-Allow-Methods", cors.any_method && cors.credentials ? method : cors.methods);
  set_field(out, "Access-Control-Max-Age", cors.max_age_s);
  return true;
}

bool serves_host(const routing::BrowserPolicy& policy, const PolicyRequest& request) {
  if (policy.hosts.empty()) return true;
  std::string_view host = request.authority;
  for (const std::string& field : policy.host_fields) {
    if (auto told = value_of(request.headers, field); !told.empty()) {
      host = told;
      break;
    }
  }
  return std::any_of(policy.hosts.begin(), policy.hosts.end(),
                     [&](const std::string& one) { return equals_ignore_case(one, host); });
}

void write_header_policy(const routing::Middleware& middleware, const PolicyRequest& request, std::vector<Header>& out,
                         std::string& vary) {
  const routing::BrowserPolicy& policy = middleware.browser_policy;
  if (!policy.tls_response_headers.empty() && is_over_tls(policy, request)) {
    for (const auto& [name, value] : policy.tls_response_headers) set_field(out, name, value);
  }
  for (const auto& [name, value] : middleware.response_headers) set_field(out, name, value);
  const CrossOrigin& cors = middleware.cross_origin;
  if (!cors.defined) return;
  append_shared(cors, middleware.patterns, value_of(request.headers, "Origin"), out);
  if (cors.vary) vary_by_origin(out, vary);
}

}  // namespace weir::proxy

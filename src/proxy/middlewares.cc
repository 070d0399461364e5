#include "proxy/middlewares.h"

#include <algorithm>

#include "proxy/auth_client.h"
#include "proxy/authenticator.h"
#include "proxy/client_address.h"
#include "proxy/client_certificate.h"
#include "proxy/compressor.h"
#include "proxy/grpc_web.h"
#include "proxy/header_policy.h"
#include "proxy/redirects.h"
#include "proxy/request_limits.h"
#include "weir/base/duration.h"
#include "weir/base/field_name.h"
#include "weir/base/text.h"
#include "weir/proxy/path.h"
#include "weir/routing/path_text.h"
#include "weir/tls/engine.h"

namespace weir::proxy {
namespace {

using http::Header;
using routing::Middleware;

/// The longest prefix of the list that the path begins with.
std::string_view matching_prefix(const Middleware& middleware, std::string_view path) {
  for (const std::string& prefix : middleware.values) {
    if (path.starts_with(prefix)) return prefix;
  }
  return {};
}

/// Into scratch.target, which `path` may point into. Two strings that keep their capacity take turns.
std::string_view join_target(std::string_view before, std::string_view path, ForwardingScratch& scratch) {
  scratch.target_before.assign(before).append(path);
  scratch.target.swap(scratch.target_before);
  return scratch.target;
}

// What a trusted proxy has told of its client's certificate goes on, unless this client has shown one here.
void pass_client_certificate(const Middleware& middleware, const tls::Connection& tls, ForwardingScratch& scratch) {
  const std::vector<tls::PeerCertificate>& shown = tls.client_certificates();
  if (shown.empty()) return;
  const routing::ClientCertificateFields& fields = middleware.client_certificate;
  if (fields.pem) {
    write_client_certificate(shown, scratch.client_certificate);
    set_field(scratch.headers, "X-Forwarded-Tls-Client-Cert", scratch.client_certificate);
  }
  if (!fields.has_info()) return;
  write_client_certificate_info(shown, fields, scratch.client_certificate_info);
  set_field(scratch.headers, "X-Forwarded-Tls-Client-Cert-Info", scratch.client_certificate_info);
}

/// Of rateLimit and inFlightReq, into scratch.limit_key: which requests count together. Those without an address, or
/// without the field, do. What clients write is sealed: so that it is short, and nobody chooses its place in a table.
std::string_view limit_key(const Middleware& middleware, const http::RequestHead& request, std::string_view authority,
                           const ForwardedBy& by, const Guards& guards, ForwardingScratch& scratch) {
  using By = routing::SourceCriterion::By;
  scratch.limit_key.assign(middleware.name).append(1, '\0');
  if (middleware.source.by == By::host) {
    std::string storage;
    scratch.limit_key += guards.authenticator.seal(normalise_host(authority, storage));
  } else if (middleware.source.by == By::header) {
    const Header* field = http::find(scratch.headers, middleware.source.header);
    if (field != nullptr) scratch.limit_key += guards.authenticator.seal(field->value);
  } else if (auto ip = address_by_strategy(middleware.ip_strategy, request, by)) {
    scratch.limit_key.append(reinterpret_cast<const char*>(ip->bytes.data()), ip->v6 ? 16 : 4);
  }
  return scratch.limit_key;
}

/// The status to answer with; 0: the request goes on. Traefik tells how long to wait both ways.
uint16_t limit_rate(const Middleware& middleware, std::string_view key, const Guards& guards,
                    ForwardingScratch& scratch) {
  constexpr int64_t kNsPerS = 1'000'000'000;
  const int64_t wait_ns = guards.limits.take_token(middleware.rate, key, guards.loop.now_us());
  if (wait_ns == 0) return 0;
  scratch.retry_after = std::to_string((wait_ns + kNsPerS - 1) / kNsPerS);
  scratch.retry_in = format_duration(wait_ns);
  scratch.answer_headers.push_back({"Retry-After", scratch.retry_after});
  scratch.answer_headers.push_back({"X-Retry-In", scratch.retry_in});
  return 429;
}

uint16_t limit_in_flight(const Middleware& middleware, std::string_view key, const Guards& guards,
                         ForwardingScratch& scratch) {
  RequestLimits::Seat seat = guards.limits.enter(middleware.requests_max, key);
  if (!seat) return 429;
  scratch.seats.push_back(std::move(seat));
  return 0;
}

/// Of two limits, where 0 is none.
uint64_t stricter(uint64_t one, uint64_t other) { return one == 0 || other == 0 ? one + other : std::min(one, other); }

// What the first expression finds at the path's beginning, kept in scratch.prefixes; "": nothing.
std::string_view matching_prefix_by_expression(const Middleware& middleware, std::string_view path,
                                               ForwardingScratch& scratch) {
  const std::string_view decoded = routing::decoded_path(path, scratch.decoded_path);
  for (const routing::Regexp& pattern : middleware.patterns) {
    std::string_view found = pattern.find(decoded);
    if (found.empty() || !decoded.starts_with(found)) continue;
    return scratch.prefixes.emplace_back(path.substr(0, routing::encoded_bytes(path, found.size())));
  }
  return {};
}

/// What is put together of parts may have a dot segment where a segment had only ended so (/api of /api../x).
void remove_dots(std::string& path) {
  if (path.find("/.") == std::string::npos) return;
  std::string storage;
  path = std::string(routing::normal_path(path, storage));
}

/// Into scratch.target, which `path` may point into.
std::string_view replace_path(std::string_view path, std::string replacement, ForwardingScratch& scratch) {
  scratch.replaced_path = path;
  set_field(scratch.headers, "X-Replaced-Path", scratch.replaced_path);
  scratch.target = std::move(replacement);
  if (!scratch.target.starts_with('/')) scratch.target.insert(0, 1, '/');
  remove_dots(scratch.target);
  return scratch.target;
}

void strip(std::string_view prefix, const Middleware& middleware, ForwardingScratch& scratch,
           MiddlewareOutcome& outcome) {
  if (prefix.empty()) return;
  scratch.headers.push_back({"X-Forwarded-Prefix", prefix});  // beside others: each strips what those before have left
  std::string_view rest = outcome.path.substr(prefix.size());
  const bool has_slash = rest.starts_with('/') || (rest.empty() && !middleware.force_slash);
  outcome.path = join_target(has_slash ? "" : "/", rest, scratch);
  if (has_slash) return;
  remove_dots(scratch.target);
  outcome.path = scratch.target;
}

/// Those that send on another path than has come.
void rewrite_path(const Middleware& middleware, ForwardingScratch& scratch, MiddlewareOutcome& outcome) {
  std::string_view path = outcome.path;
  switch (middleware.type) {
    case Middleware::Type::add_prefix: outcome.path = join_target(middleware.values[0], path, scratch); return;
    case Middleware::Type::replace_path: outcome.path = replace_path(path, middleware.values[0], scratch); return;
    case Middleware::Type::replace_path_regex:
      if (!middleware.patterns[0].matches(path)) return;
      outcome.path = replace_path(
          path, routing::sent_path_text(middleware.patterns[0].replace_all(path, middleware.values[0])), scratch);
      return;
    case Middleware::Type::strip_prefix: return strip(matching_prefix(middleware, path), middleware, scratch, outcome);
    default: return strip(matching_prefix_by_expression(middleware, path, scratch), middleware, scratch, outcome);
  }
}

// False: the outcome says how it ends here.
bool is_let_in(const Middleware& middleware, const http::RequestHead& request, Authenticator& authenticator,
               ForwardingScratch& scratch, MiddlewareOutcome& outcome) {
  const routing::PasswordAuth& auth = middleware.password_auth;
  switch (authenticator.look(middleware, request, scratch.user)) {
    case Authenticator::Verdict::unknown: outcome.undecided = &middleware; return false;
    case Authenticator::Verdict::refused:
      scratch.challenge = authenticator.challenge(middleware, request);
      scratch.answer_headers.push_back({"WWW-Authenticate", scratch.challenge});
      outcome.status = 401;
      return false;
    case Authenticator::Verdict::accepted: break;
  }
  if (!auth.header_field.empty()) {
    const std::string lower = to_lower(auth.header_field);
    std::erase_if(scratch.headers, [&](const Header& header) { return may_be_read_as(header.name, lower); });
    scratch.headers.push_back({auth.header_field, scratch.told_users.emplace_back(scratch.user)});
  }
  if (auth.remove_header) set_field(scratch.headers, "Authorization", "");
  return true;
}

// The status to answer with; 0: the request goes on.
uint16_t change_headers(const Middleware& middleware, const http::RequestHead& request, ForwardingScratch& scratch,
                        std::string_view& authority) {
  auto seen = [&] {
    return PolicyRequest{request.method, authority.empty() ? request.authority : authority, scratch.headers};
  };
  if (answer_preflight(middleware.cross_origin, middleware.patterns, seen(), scratch.answer_headers)) return 200;
  for (const auto& [name, value] : middleware.request_headers) {
    // There is one Host, and it is not among the fields.
    if (equals_ignore_case(name, "host")) {
      authority = value;
    } else {
      set_field(scratch.headers, name, value);
    }
  }
  return serves_host(middleware.browser_policy, seen()) ? 0 : 500;
}

// Of several the last one is nearest to the endpoint: to those before it the answer is encoded already.
void choose_coding(const Middleware& middleware, const http::RequestHead& request, const ForwardingScratch& scratch,
                   MiddlewareOutcome& outcome) {
  const ContentCoding coding = Compressor::choose(middleware.compression, request.method, scratch.headers);
  if (coding == ContentCoding::identity) return;
  outcome.compression = &middleware.compression;
  outcome.coding = coding;
}

}  // namespace

void resume_request_middlewares(const routing::Router& router, const http::RequestHead& request, const ForwardedBy& by,
                                const Guards& guards, ForwardingScratch& scratch, MiddlewareOutcome& outcome) {
  const bool has_path = outcome.path.empty() || outcome.path.starts_with('/');  // "*" has none
  const auto authority = [&] { return outcome.authority.empty() ? request.authority : outcome.authority; };
  const auto key = [&](const Middleware& middleware) {
    return limit_key(middleware, request, authority(), by, guards, scratch);
  };
  outcome.undecided = nullptr;
  for (; scratch.passed < router.middlewares.size(); ++scratch.passed) {
    const Middleware& middleware = *router.middlewares[scratch.passed];
    switch (middleware.type) {
      case Middleware::Type::strip_prefix:
      case Middleware::Type::strip_prefix_regex:
      case Middleware::Type::add_prefix:
      case Middleware::Type::replace_path:
      case Middleware::Type::replace_path_regex:
        if (has_path) rewrite_path(middleware, scratch, outcome);
        break;
      case Middleware::Type::redirect_scheme:
      case Middleware::Type::redirect_url:
      case Middleware::Type::redirect_regex:
        outcome.status = redirect(middleware, request, {authority(), outcome.path, by.tls != nullptr}, scratch);
        outcome.redirect = outcome.status != 0;
        break;
      case Middleware::Type::grpc_web:
        if (GrpcWeb::is_call(request)) outcome.grpc_web = &middleware;
        if (!GrpcWeb::is_preflight(request)) break;
        GrpcWeb::append_preflight_fields(GrpcWeb::allowed_origin(request, middleware.values), scratch.answer_headers);
        outcome.status = 200;
        break;
      case Middleware::Type::access_list:
        if (!is_admitted(middleware, request, by.client.ip)) outcome.status = 403;
        break;
      case Middleware::Type::ip_allow_list:
        if (!is_allowed(middleware, request, by)) outcome.status = middleware.status;
        break;
      case Middleware::Type::chain:
      case Middleware::Type::left_out: break;
      case Middleware::Type::basic_auth:
      case Middleware::Type::digest_auth:
        if (!is_let_in(middleware, request, guards.authenticator, scratch, outcome)) return;
        break;
      case Middleware::Type::pass_tls_client_cert:
        if (by.tls != nullptr) pass_client_certificate(middleware, *by.tls, scratch);
        break;
      case Middleware::Type::headers:
        outcome.status = change_headers(middleware, request, scratch, outcome.authority);
        break;
      case Middleware::Type::rate_limit:
        outcome.status = limit_rate(middleware, key(middleware), guards, scratch);
        break;
      case Middleware::Type::in_flight_req:
        outcome.status = limit_in_flight(middleware, key(middleware), guards, scratch);
        break;
      case Middleware::Type::forward_auth: outcome.undecided = &middleware; return;
      case Middleware::Type::compress: choose_coding(middleware, request, scratch, outcome); break;
      case Middleware::Type::buffering:
        outcome.request_bytes_max = stricter(outcome.request_bytes_max, middleware.request_bytes_max);
        outcome.answer_bytes_max = stricter(outcome.answer_bytes_max, middleware.answer_bytes_max);
        break;
    }
    if (outcome.status != 0) return;
  }
  if (outcome.path.empty() && has_path) outcome.path = "/";
}

MiddlewareOutcome run_request_middlewares(const routing::Router& router, const http::RequestHead& request,
                                          std::string_view path, const ForwardedBy& by, const Guards& guards,
                                          ForwardingScratch& scratch) {
  MiddlewareOutcome outcome;
  outcome.path = path;
  scratch.passed = 0;
  scratch.prefixes.clear();
  scratch.told_users.clear();
  resume_request_middlewares(router, request, by, guards, scratch, outcome);
  return outcome;
}

void run_response_middlewares(const routing::Router& router, std::span<const Header> answer, const ForwardedBy& by,
                              ForwardingScratch& scratch, std::vector<Header>& out) {
  out.assign(answer.begin(), answer.end());
  const PolicyRequest request{.headers = scratch.headers, .tls = by.tls != nullptr};
  // The first to see the request is the last to see the answer.
  for (size_t i = scratch.passed; i-- > 0;) {
    const Middleware& middleware = *router.middlewares[i];
    if (middleware.type == Middleware::Type::headers) write_header_policy(middleware, request, out, scratch.vary);
    if (middleware.type == Middleware::Type::forward_auth) add_auth_cookies(middleware, scratch, out);
  }
}

}  // namespace weir::proxy

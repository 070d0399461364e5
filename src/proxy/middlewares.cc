#include "proxy/middlewares.h"

#include <algorithm>
#include <optional>

#include "proxy/auth_client.h"
#include "proxy/authenticator.h"
#include "proxy/client_certificate.h"
#include "proxy/grpc_web.h"
#include "proxy/header_policy.h"
#include "proxy/request_limits.h"
#include "weir/base/duration.h"
#include "weir/base/field_name.h"
#include "weir/base/host_port.h"
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

// That a redirect leaves out; as in Traefik ws and wss have none.
std::string_view usual_port(std::string_view scheme) {
  return scheme == "https" ? "443" : scheme == "http" ? "80" : "";
}

// `path` is normalised, and what middlewares before have made of it.
void write_redirect(const Middleware& middleware, const http::RequestHead& request, std::string_view authority,
                    std::string_view path, std::string& location) {
  std::string storage;
  location = middleware.values.empty() ? "https" : middleware.values[0];
  bool is_default_port =
      middleware.values.size() < 2 || middleware.values[1].empty() || middleware.values[1] == usual_port(location);
  location += "://";
  location += normalise_host(authority, storage);
  if (!is_default_port) location += ":" + middleware.values[1];
  location += path.empty() ? "/" : path;
  location += request.target.substr(std::min(request.target.find('?'), request.target.size()));
}

// fabio's redirect=: false where it would lead to the very URL that was asked for.
bool write_url_redirect(const Middleware& middleware, const http::RequestHead& request, std::string_view path,
                        ForwardingScratch& scratch) {
  std::string host = middleware.values[1];
  if (const size_t at = host.find("$host"); at != std::string::npos) host.replace(at, 5, request.authority);
  const std::string& strip = middleware.values[4];
  std::string_view rest = !strip.empty() && path.starts_with(strip) ? path.substr(strip.size()) : path;
  bool with_path = middleware.values[2].find("$path") != std::string::npos;
  std::string target = replace_all(middleware.values[2], "$path", middleware.values[5] + std::string(rest));
  if (!target.starts_with('/')) target.insert(0, 1, '/');
  // Without a host, two slashes would begin one.
  while (host.empty() && target.starts_with("//")) target.erase(0, 1);
  const Header* proto = http::find(scratch.headers, "X-Forwarded-Proto");
  const std::string& scheme = middleware.values[0];
  const bool same_scheme = scheme.empty() || (proto != nullptr && equals_ignore_case(proto->value, scheme));
  const bool same_host = host.empty() || equals_ignore_case(host, request.authority);
  if (same_scheme && same_host && target == path) return false;
  scratch.location = scheme.empty() ? "" : scheme + ":";
  if (!host.empty()) scratch.location.append("//").append(host);
  scratch.location += target;
  size_t question = request.target.find('?');
  if (!middleware.values[3].empty()) {
    scratch.location += "?" + middleware.values[3];
  } else if (with_path && question != std::string_view::npos) {
    scratch.location += request.target.substr(question);
  }
  return true;
}

// As fabio has it: the peer and every address of X-Forwarded-For that can be read must pass.
bool is_admitted(const Middleware& middleware, const http::RequestHead& request, const IpAddress& client) {
  if (contains(middleware.networks, client) == middleware.deny) return false;
  for (const Header& header : request.headers) {
    if (!equals_ignore_case(header.name, "x-forwarded-for")) continue;
    std::string_view rest = header.value;
    while (!rest.empty()) {
      std::string_view one = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), one.size() + 1));
      auto ip = IpAddress::parse(trim(one));
      if (ip && contains(middleware.networks, *ip) == middleware.deny) return false;
    }
  }
  return true;
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

IpAddress first_bits(IpAddress ip, unsigned bits) {
  for (uint8_t& byte : ip.bytes) {
    const unsigned kept = std::min(bits, 8U);
    byte &= static_cast<uint8_t>(0xff << (8 - kept));
    bits -= kept;
  }
  return ip;
}

// Traefik's ipStrategy: the connection's address unless it says which of X-Forwarded-For counts. Nothing where there is
// no such address; of a client that is not trusted with the field there is none.
std::optional<IpAddress> address_by_strategy(const routing::IpStrategy& strategy, const http::RequestHead& request,
                                             const ForwardedBy& by) {
  const auto told = [&](const IpAddress& ip) { return ip.v6 ? first_bits(ip, strategy.v6_prefix_bits) : ip; };
  if (strategy.depth == 0 && strategy.proxies.empty()) return told(by.client.ip);
  if (!by.trusted) return {};
  uint32_t place = 0;  // from the right
  for (auto field = request.headers.rbegin(); field != request.headers.rend(); ++field) {
    if (!equals_ignore_case(field->name, "x-forwarded-for")) continue;
    std::string_view rest = field->value;
    for (bool more = true; more;) {
      size_t comma = rest.rfind(',');
      more = comma != std::string_view::npos;
      auto ip = IpAddress::parse(trim(more ? rest.substr(comma + 1) : rest));
      rest = rest.substr(0, more ? comma : 0);
      ++place;
      if (strategy.depth > 0 && place < strategy.depth) continue;
      if (!ip) return {};
      if (strategy.depth > 0) return told(*ip);
      if (!contains(strategy.proxies, *ip)) return *ip;
    }
  }
  return {};
}

bool is_allowed(const Middleware& middleware, const http::RequestHead& request, const ForwardedBy& by) {
  auto ip = address_by_strategy(middleware.ip_strategy, request, by);
  return ip && contains(middleware.networks, *ip);
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
    default: break;
  }
  std::string_view prefix = middleware.type == Middleware::Type::strip_prefix
                                ? matching_prefix(middleware, path)
                                : matching_prefix_by_expression(middleware, path, scratch);
  if (prefix.empty()) return;
  scratch.headers.push_back({"X-Forwarded-Prefix", prefix});  // beside others: each strips what those before have left
  std::string_view rest = path.substr(prefix.size());
  const bool has_slash = rest.starts_with('/') || (rest.empty() && !middleware.force_slash);
  outcome.path = join_target(has_slash ? "" : "/", rest, scratch);
  if (has_slash) return;
  remove_dots(scratch.target);
  outcome.path = scratch.target;
}

uint16_t redirect_status(const Middleware& middleware, http::Method method) {
  // As in Traefik: HEAD too stays what it is.
  if (method == http::Method::get) return middleware.permanent ? 301 : 302;
  return middleware.permanent ? 308 : 307;
}

struct RedirectFrom {
  std::string_view authority;  // as middlewares before have set it
  std::string_view path;       // normal, at this place of the chain
  bool tls;
};

// The whole URL is matched, as it is at this place of the chain. False where it stays as it is.
bool write_regex_redirect(const Middleware& middleware, const http::RequestHead& request, const RedirectFrom& from,
                          std::string& location) {
  std::string url = from.tls ? "https://" : "http://";
  url.append(from.authority);
  url.append(from.path.empty() ? "/" : from.path)
      .append(request.target.substr(std::min(request.target.find('?'), request.target.size())));
  const routing::Regexp& pattern = middleware.patterns.front();
  if (!pattern.matches(url)) return false;
  location = pattern.replace_all(url, middleware.values.front());
  return location != url;
}

/// What the client speaks: as X-Forwarded-Proto has it, for a load balancer may have ended TLS; else its connection.
std::string_view scheme_of(const RedirectFrom& from, const ForwardingScratch& scratch) {
  const Header* proto = http::find(scratch.headers, "X-Forwarded-Proto");
  if (proto != nullptr && (is_named(proto->value, "https") || is_named(proto->value, "wss"))) return "https";
  if (proto != nullptr && (is_named(proto->value, "http") || is_named(proto->value, "ws"))) return "http";
  return from.tls ? "https" : "http";
}

/// Of redirectScheme: whether the URL has that scheme, and the port where one is wanted. A client behind a load
/// balancer that ended TLS is there already, whatever port its Host has.
bool is_there(const Middleware& middleware, const RedirectFrom& from, const ForwardingScratch& scratch) {
  if (middleware.values.empty()) return false;
  const std::string_view scheme = middleware.values[0];
  if (scheme_of(from, scratch) != scheme) return false;
  if (middleware.values.size() < 2 || middleware.values[1].empty()) return true;
  const std::string_view usual = usual_port(scheme);
  std::string_view wanted = middleware.values[1];
  std::string_view port = split_host_port(from.authority).port;
  if (wanted == usual) wanted = {};
  if (port == usual) port = {};
  return wanted == port;
}

/// Those that send the client elsewhere, to scratch.location. The status; 0 where they do not.
uint16_t redirect(const Middleware& middleware, const http::RequestHead& request, const RedirectFrom& from,
                  ForwardingScratch& scratch) {
  if (middleware.type == Middleware::Type::redirect_url) {
    return write_url_redirect(middleware, request, from.path, scratch) ? middleware.status : 0;
  }
  if (middleware.type == Middleware::Type::redirect_regex) {
    bool leads_on = write_regex_redirect(middleware, request, from, scratch.location);
    return leads_on ? redirect_status(middleware, request.method) : 0;
  }
  if (is_there(middleware, from, scratch)) return 0;
  write_redirect(middleware, request, from.authority, from.path, scratch.location);
  return redirect_status(middleware, request.method);
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

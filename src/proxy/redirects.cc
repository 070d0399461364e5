#include "proxy/redirects.h"

#include <algorithm>

#include "weir/base/field_name.h"
#include "weir/base/host_port.h"
#include "weir/base/text.h"
#include "weir/proxy/path.h"

namespace weir::proxy {
namespace {

using http::Header;
using routing::Middleware;

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

uint16_t redirect_status(const Middleware& middleware, http::Method method) {
  // As in Traefik: HEAD too stays what it is.
  if (method == http::Method::get) return middleware.permanent ? 301 : 302;
  return middleware.permanent ? 308 : 307;
}

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

}  // namespace

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

}  // namespace weir::proxy

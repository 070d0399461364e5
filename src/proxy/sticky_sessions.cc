#include "proxy/sticky_sessions.h"

#include <algorithm>

#include "weir/base/text.h"
#include "weir/routing/qualified_name.h"
#include "weir/tls/digest.h"

namespace weir::proxy {
namespace {

constexpr size_t kValueDigits = 16;
constexpr size_t kNameDigits = 5;

/// What Traefik calls the provider of that name.
std::string_view traefik_provider(std::string_view provider) {
  if (provider == "consul") return "consulcatalog";
  return provider == "consulkv" ? "consul" : provider;
}

/// Traefik's name of the cookie of a service that gives none.
std::string default_name(std::string_view service) {
  const std::string traefik_name =
      routing::qualify(routing::local_name(service), traefik_provider(routing::provider_of(service)));
  return "_" + hex_encode(tls::sha1("_TRAEFIK_BACKEND_" + traefik_name)).substr(0, kNameDigits);
}

std::string attributes_of(const routing::StickyCookie& cookie) {
  std::string out = "; Path=" + cookie.path;
  if (!cookie.domain.empty()) out += "; Domain=" + cookie.domain;
  if (cookie.max_age_s != 0) out += "; Max-Age=" + std::to_string(std::max<int64_t>(cookie.max_age_s, 0));
  if (cookie.http_only) out += "; HttpOnly";
  if (cookie.secure) out += "; Secure";
  if (!cookie.same_site.empty()) out += "; SameSite=" + cookie.same_site;
  return out;
}

/// The first cookie of that name; "": there is none.
std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const size_t end = std::min(cookies.find(';'), cookies.size());
    const std::string_view one = trim(cookies.substr(0, end));
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    if (one.size() <= name.size() || !one.starts_with(name) || one[name.size()] != '=') continue;
    std::string_view value = one.substr(name.size() + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return {};
}

}  // namespace

StickySessions::StickySessions(const routing::Service& service)
    : name_(service.sticky->name.empty() ? default_name(service.name) : service.sticky->name) {
  const std::string attributes = attributes_of(*service.sticky);
  for (const routing::Endpoint& endpoint : service.endpoints) {
    const std::string_view url = std::string_view(endpoint.id).substr(0, endpoint.id.find('#'));
    values_.push_back(hex_encode(tls::sha256(url)).substr(0, kValueDigits));
    set_cookies_.push_back(name_ + "=" + values_.back() + attributes);
  }
}

size_t StickySessions::find(std::span<const http::Header> request) const {
  for (const http::Header& header : request) {
    if (!equals_ignore_case(header.name, "Cookie")) continue;
    const std::string_view value = cookie_value(header.value, name_);
    if (value.empty()) continue;
    const auto found = std::find(values_.begin(), values_.end(), value);
    return found != values_.end() ? static_cast<size_t>(found - values_.begin()) : npos;
  }
  return npos;
}

}  // namespace weir::proxy

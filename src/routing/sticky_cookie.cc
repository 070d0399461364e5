#include "routing/sticky_cookie.h"

#include <algorithm>

#include "routing/go_number.h"
#include "routing/left_out_fields.h"
#include "weir/base/field_name.h"
#include "weir/base/go_bool.h"
#include "weir/base/text.h"

namespace weir::routing {
namespace {

/// As Traefik does it: what cannot stand in a name becomes "_", a character at a time.
std::string cookie_name(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool continues = (static_cast<unsigned char>(c) & 0xc0) == 0x80;  // a character of UTF-8 that has begun
    if (!continues) out += is_token({&c, 1}) ? c : '_';
  }
  return out;
}

/// Whether it can be told in an attribute (RFC 6265 section 4.1.1).
bool is_attribute(std::string_view text) {
  return text.find(';') == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= ' ' && c < 0x7f; });
}

/// What browsers read in any case; what none reads is not told, as by Traefik.
std::string same_site(std::string_view text) {
  for (const char* word : {"None", "Lax", "Strict"}) {
    if (equals_ignore_case(text, word)) return word;
  }
  return "";
}

std::string read_flag(std::string_view value, bool& out) {
  auto on = parse_go_bool(value);
  out = on.value_or(false);
  return on ? "" : "true or false";
}

std::string read_attribute(std::string_view value, std::string& out) {
  if (!is_attribute(value)) return "text without ; and control characters";
  out = value;
  return "";
}

}  // namespace

std::optional<std::string> StickyCookieReader::read(std::string_view field, std::string_view value) {
  constexpr std::string_view kCookie = "cookie.";
  if (field.empty() || field == "cookie") {
    off_ = off_ || !is_object_there(value);
    named_ = named_ || !field.empty();
    return "";
  }
  if (!field.starts_with(kCookie)) return std::nullopt;
  auto expected = read_cookie(field.substr(kCookie.size()), value);
  named_ = named_ || expected;
  return expected;
}

std::optional<std::string> StickyCookieReader::read_cookie(std::string_view field, std::string_view value) {
  if (field == "name") {
    cookie_.name = cookie_name(value);
  } else if (field == "samesite") {
    cookie_.same_site = same_site(value);
  } else if (field == "path") {
    return read_attribute(value.empty() ? "/" : value, cookie_.path);
  } else if (field == "domain") {
    return read_attribute(value, cookie_.domain);
  } else if (field == "secure") {
    return read_flag(value, cookie_.secure);
  } else if (field == "httponly") {
    return read_flag(value, cookie_.http_only);
  } else if (field == "maxage") {
    auto seconds = parse_i64(without_plus(value));
    cookie_.max_age_s = seconds.value_or(0);
    if (!seconds) return "a whole number";
  } else {
    return std::nullopt;
  }
  return "";
}

StickyCookieRef StickyCookieReader::cookie() const {
  return named_ && !off_ ? StickyCookieRef(cookie_) : StickyCookieRef();
}

}  // namespace weir::routing

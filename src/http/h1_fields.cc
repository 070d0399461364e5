#include "http/h1_fields.h"

#include <algorithm>
#include <array>

#include "weir/base/byte_block.h"
#include "weir/base/field_name.h"
#include "weir/base/ip.h"
#include "weir/base/text.h"

namespace weir::http {
namespace {

/// Calls back for each element of a comma-separated list until it says true; without allocating.
template <typename Callback>
bool any_token(std::string_view list, Callback callback) {
  while (!list.empty()) {
    size_t comma = list.find(',');
    std::string_view token = trim(list.substr(0, comma));
    if (!token.empty() && callback(token)) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

/// What a byte may be part of.
enum Class : uint8_t { token = 1, host = 2, hex = 4 };

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> out{};
  auto add = [&](std::string_view characters, uint8_t what) {
    for (char c : characters) out[static_cast<unsigned char>(c)] |= what;
  };
  add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", token | host);
  add("0123456789", hex);
  add("abcdefABCDEF", hex);
  add("!#$%&'*+-.^_`|~", token);  // RFC 9110 section 5.6.2
  add("-._~!$&'()*+,;=", host);   // RFC 3986 section 3.2.2, without escapes
  return out;
}();

bool belongs(char c, Class what) { return (kClasses[static_cast<unsigned char>(c)] & what) != 0; }
bool is_hex(char c) { return belongs(c, hex); }
bool is_name_char(char c) { return belongs(c, host); }

bool holds_target_chars(std::string_view target) {
  return none_in([](ByteBlock bytes) { return ~bytes.within('!', '~') | bytes.equal('#'); }, target);
}

/// What nearly all names are made of.
bool is_plain_name(std::string_view text) {
  return none_in([](ByteBlock bytes) { return ~(bytes.letters() | bytes.within('-', '.') | bytes.within('0', '9')); },
                 text);
}

}  // namespace

Known classify_by_name(std::string_view name) {
  switch (name.size()) {
    case 2: return is_named(name, "te") ? Known::te : Known::other;
    case 4: return is_named(name, "host") ? Known::host : Known::other;
    case 6: return is_named(name, "expect") ? Known::expect : Known::other;
    case 7: return is_named(name, "upgrade") ? Known::upgrade : Known::other;
    case 10:
      if (is_named(name, "connection")) return Known::connection;
      return is_named(name, "keep-alive") ? Known::keep_alive : Known::other;
    case 14: return is_named(name, "content-length") ? Known::content_length : Known::other;
    case 16: return is_named(name, "proxy-connection") ? Known::for_proxies : Known::other;
    case 17: return is_named(name, "transfer-encoding") ? Known::transfer_encoding : Known::other;
    // Credentials and challenges of the hop between a client and its own proxy (RFC 9110 section 11.7).
    case 18: return is_named(name, "proxy-authenticate") ? Known::for_proxies : Known::other;
    case 19: return is_named(name, "proxy-authorization") ? Known::for_proxies : Known::other;
    default: return Known::other;
  }
}

bool ConnectionTokens::add_one(std::string_view token) {
  if (is_named(token, "close")) return close = true;
  if (is_named(token, "keep-alive")) return keep_alive = true;
  if (is_named(token, "upgrade")) return upgrade = true;
  return false;
}

void ConnectionTokens::add(std::string_view value) {
  if (add_one(value)) return;  // nearly always there is one
  any_token(value, [&](std::string_view token) {
    if (!add_one(token)) nominates = true;
    return false;
  });
}

uint32_t keep_alive_timeout_s(std::string_view value) {
  constexpr std::string_view kName = "timeout=";
  constexpr uint64_t kLongest_s = 86'400;
  uint64_t seconds = 0;
  any_token(value, [&](std::string_view token) {
    if (token.size() <= kName.size() || !equals_ignore_case(token.substr(0, kName.size()), kName)) return false;
    seconds = std::min(parse_u64(token.substr(kName.size())).value_or(0), kLongest_s);
    return true;
  });
  return static_cast<uint32_t>(seconds);
}

bool is_nominated(const std::vector<Header>& all, std::string_view name) {
  return std::any_of(all.begin(), all.end(), [&](const Header& header) {
    return classify(header.name) == Known::connection &&
           any_token(header.value, [&](std::string_view token) { return equals_ignore_case(token, name); });
  });
}

bool is_token_char(char c) { return belongs(c, token); }

bool is_field_char(char c) { return (static_cast<unsigned char>(c) >= ' ' && c != '\x7f') || c == '\t'; }

bool may_trail(std::string_view name) {
  static constexpr std::string_view kNever[] = {
      "accept-encoding",
      "age",
      "authorization",
      "cache-control",
      "content-encoding",
      "content-range",
      "content-type",
      "cookie",
      "date",
      "expires",
      "forwarded",
      "if-match",
      "if-modified-since",
      "if-none-match",
      "if-range",
      "if-unmodified-since",
      "location",
      "max-forwards",
      "pragma",
      "range",
      "retry-after",
      "set-cookie",
      "trailer",
      "vary",
      "via",
      "warning",
      "www-authenticate",
      "x-real-ip",
  };
  // As servers read it that hand fields on as variables.
  std::string read = to_lower(name);
  std::replace(read.begin(), read.end(), '_', '-');
  if (classify(read) != Known::other || passes_for_framing(name)) return false;
  if (read.size() > 12 && read.starts_with("x-forwarded-")) return false;
  return std::none_of(std::begin(kNever), std::end(kNever), [&](std::string_view never) { return read == never; });
}

// Stricter than needed for names, so that nothing odd reaches the routing table or an upstream: no user, no zone.
bool valid_authority(std::string_view text) {
  if (is_plain_name(text)) return !text.empty();
  std::string_view port;
  if (text.starts_with('[')) {
    size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    auto ip = IpAddress::parse(text.substr(1, end - 1));
    if (!ip || !ip->v6) return false;
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) return false;
  } else {
    size_t colon = std::min(text.find(':'), text.size());
    if (colon == 0 || !std::all_of(text.begin(), text.begin() + static_cast<long>(colon), is_name_char)) return false;
    port = text.substr(colon);
  }
  if (port.size() <= 1) return true;
  auto number = parse_u64(port.substr(1));
  return number && *number <= 65535 && port.size() <= 6;
}

bool valid_origin_form(std::string_view target) {
  if (!holds_target_chars(target)) return false;
  if (target.find('%') == std::string_view::npos) return true;
  std::string_view path = target.substr(0, target.find('?'));
  for (size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    std::string_view digits = path.substr(at + 1, 2);
    if (digits.size() < 2 || !is_hex(digits[0]) || !is_hex(digits[1]) || digits == "00") return false;
  }
  return true;
}

bool welcomes_trailers(std::string_view te) {
  return any_token(te, [](std::string_view coding) {
    return equals_ignore_case(trim(coding.substr(0, coding.find(';'))), "trailers");
  });
}

bool passes_for_framing(std::string_view name) {
  if (name.size() != 14 && name.size() != 17) return false;
  std::string_view lower = name.size() == 14 ? "content-length" : "transfer-encoding";
  bool underscored = false;
  for (size_t i = 0; i < name.size(); ++i) {
    underscored = underscored || name[i] == '_';
    if (ascii_lower(name[i]) != lower[i] && !(name[i] == '_' && lower[i] == '-')) return false;
  }
  return underscored;
}

// RFC 9112 section 6.3: where chunked is not the last coding a request's end is unknown; a coding below it is another
// thing, it only is not spoken here. Chunked twice is forbidden (section 7.1), empty elements serve disguise alone.
TransferCoding transfer_coding(std::string_view value) {
  if (equals_ignore_case(value, "chunked")) return TransferCoding::chunked;
  size_t comma = value.rfind(',');
  if (comma == std::string_view::npos || !equals_ignore_case(trim(value.substr(comma + 1)), "chunked")) {
    return TransferCoding::broken;
  }
  bool again = any_token(value.substr(0, comma), [](std::string_view coding) {
    return equals_ignore_case(trim(coding.substr(0, coding.find(';'))), "chunked");
  });
  return again || trim(value.substr(0, comma)).empty() ? TransferCoding::broken : TransferCoding::unknown;
}

// A connection that becomes HTTP/2 carries any number of requests past the routing rules, so it is never passed on;
// RFC 9113 section 3.1 took this upgrade out of HTTP/2 anyway.
bool names_h2c(std::string_view upgrade) {
  return any_token(upgrade, [](std::string_view protocol) { return equals_ignore_case(protocol, "h2c"); });
}

}  // namespace weir::http

#include "http/h1_fields.h"

#include <algorithm>
#include <array>

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

}  // namespace

Known classify(std::string_view name) {
  if (name.empty()) return Known::other;
  char first = ascii_lower(name[0]);
  // The first letter tells nearly all others apart, so that few names are compared.
  auto is = [&](std::string_view lower, Known known) {
    return first == lower[0] && equals_ignore_case(name, lower) ? known : Known::other;
  };
  switch (name.size()) {
    case 2: return is("te", Known::te);
    case 4: return is("host", Known::host);
    case 6: return is("expect", Known::expect);
    case 7: return is("upgrade", Known::upgrade);
    case 10: return first == 'c' ? is("connection", Known::connection) : is("keep-alive", Known::keep_alive);
    case 14: return is("content-length", Known::content_length);
    case 16: return is("proxy-connection", Known::for_proxies);
    case 17: return is("transfer-encoding", Known::transfer_encoding);
    // Credentials and challenges of the hop between a client and its own proxy (RFC 9110 section 11.7).
    case 18: return is("proxy-authenticate", Known::for_proxies);
    case 19: return is("proxy-authorization", Known::for_proxies);
    default: return Known::other;
  }
}

void ConnectionTokens::add(std::string_view value) {
  any_token(value, [&](std::string_view token) {
    if (equals_ignore_case(token, "close")) {
      close = true;
    } else if (equals_ignore_case(token, "keep-alive")) {
      keep_alive = true;
    } else if (equals_ignore_case(token, "upgrade")) {
      upgrade = true;
    } else {
      nominates = true;
    }
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

// RFC 3986 section 3.2. Stricter than needed for names, so that nothing odd reaches the routing table or an upstream.
bool valid_authority(std::string_view text) {
  static constexpr std::array<bool, 256> kMay = [] {
    std::array<bool, 256> may{};
    for (char c :
         std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:[]%!$&'()*+,;=")) {
      may[static_cast<unsigned char>(c)] = true;
    }
    return may;
  }();
  return std::all_of(text.begin(), text.end(), [](char c) { return kMay[static_cast<unsigned char>(c)]; });
}

// A connection that becomes HTTP/2 carries any number of requests past the routing rules, so it is never passed on;
// RFC 9113 section 3.1 took this upgrade out of HTTP/2 anyway.
bool names_h2c(std::string_view upgrade) {
  return any_token(upgrade, [](std::string_view protocol) { return equals_ignore_case(protocol, "h2c"); });
}

}  // namespace weir::http

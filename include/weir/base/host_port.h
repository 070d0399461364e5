#pragma once
// "host:port", as in a Host field, an address or a check's target.

#include <string_view>

namespace weir {

/// Views of the text that was split.
struct HostPort {
  std::string_view host;  // with the brackets of an IPv6 literal
  std::string_view port;  // digits, or whatever stood there; empty where there is none
};

/// "a.test:80" -> "a.test", "80"; "[::1]" -> "[::1]", "". The colons of an IPv6 literal stand within brackets.
[[nodiscard]] inline HostPort split_host_port(std::string_view text) {
  if (text.find(':') == std::string_view::npos) return {text, {}};  // most: memchr is far quicker than rfind
  const size_t colon = text.rfind(':');
  if (text.find(']', colon) != std::string_view::npos) return {text, {}};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

/// "[::1]" -> "::1"; others stay.
[[nodiscard]] inline std::string_view without_brackets(std::string_view host) {
  const bool has = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  return has ? host.substr(1, host.size() - 2) : host;
}

}  // namespace weir

#include "weir/base/url.h"

#include "weir/base/text.h"

namespace weir {

Result<Url> Url::parse(std::string_view text) { return parse(text, false); }

Result<Url> Url::parse_server(std::string_view text) { return parse(text, true); }

Result<Url> Url::parse(std::string_view text, bool may_be_h2c) {
  auto bad = [&](std::string_view why) {
    return fail(ErrorCode::invalid, "bad URL \"" + std::string(text) + "\": " + std::string(why));
  };
  Url out;
  out.scheme = "http";
  std::string_view rest = text;
  if (size_t at = rest.find("://"); at != std::string_view::npos) {
    out.scheme = to_lower(rest.substr(0, at));
    rest.remove_prefix(at + 3);
  }
  bool known = out.scheme == "http" || out.scheme == "https" || (may_be_h2c && out.scheme == "h2c");
  if (!known) return bad(may_be_h2c ? "the scheme must be http, https or h2c" : "the scheme must be http or https");
  for (unsigned char c : text) {
    if (c <= ' ' || c == 0x7f) return bad("it holds a space or control character");
  }
  size_t path = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, path);
  out.target = path == std::string_view::npos ? "/" : std::string(rest.substr(path));
  if (out.target[0] == '?') out.target.insert(0, "/");
  if (size_t at = authority.rfind('@'); at != std::string_view::npos) {
    out.user_info = authority.substr(0, at);
    authority.remove_prefix(at + 1);
  }
  std::string_view port;
  if (!authority.empty() && authority[0] == '[') {
    size_t close = authority.find(']');
    if (close == std::string_view::npos) return bad("no ] after the IPv6 address");
    out.host = to_lower(authority.substr(1, close - 1));
    port = authority.substr(close + 1);
  } else {
    size_t colon = authority.find(':');
    out.host = to_lower(authority.substr(0, colon));
    port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon);
  }
  if (out.host.empty()) return bad("no host");
  out.port = out.scheme == "https" ? 443 : 80;
  if (port.size() > 1) {
    auto number = parse_u64(port.substr(1));
    if (port[0] != ':' || !number || *number == 0 || *number > 65535) return bad("the port must be 1 to 65535");
    out.port = static_cast<uint16_t>(*number);
  }
  return out;
}

std::string Url::authority() const {
  std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (scheme == "https" ? 443 : 80)) out += ":" + std::to_string(port);
  return out;
}

}  // namespace weir

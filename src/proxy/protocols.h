#pragma once
// Which protocols are spoken over TLS (ALPN, RFC 7301).

#include <algorithm>
#include <string>
#include <vector>

namespace weir::proxy {

/// What is offered to upstreams and agreed on with clients, the most wanted first: this list decides, and what was
/// agreed on, TcpStream::protocol(), picks the session: ClientConnection's constructor,
/// UpstreamConnection::on_connected(). `http1_only`: for what HTTP/2 may not do, such as an upgrade.
inline const std::vector<std::string>& spoken_protocols(bool http1_only = false) {
  static const std::vector<std::string> protocols{"h2", "http/1.1"};
  static const std::vector<std::string> only_http1{"http/1.1"};
  return http1_only ? only_http1 : protocols;
}

/// Those of `asked`, a configuration's, that are spoken, in its order. A protocol must never be agreed on that nobody
/// here speaks.
inline std::vector<std::string> spoken_of(std::vector<std::string> asked) {
  const auto& spoken = spoken_protocols();
  std::erase_if(asked, [&](const auto& one) { return std::find(spoken.begin(), spoken.end(), one) == spoken.end(); });
  return asked;
}

}  // namespace weir::proxy

#pragma once
// Which protocols are spoken over TLS (ALPN, RFC 7301).

#include <algorithm>
#include <string>
#include <vector>

namespace weir::proxy {

/// What is offered to upstreams and agreed on with clients, the most wanted first: this list decides, and what was
/// agreed on, TcpStream::protocol(), picks the session: ClientConnection's constructor,
/// UpstreamConnection::on_connected().
inline const std::vector<std::string>& spoken_protocols() {
  static const std::vector<std::string> protocols{"http/1.1"};
  return protocols;
}

/// Those of `asked`, a configuration's, that are spoken, in its order. A protocol must never be agreed on that nobody
/// here speaks.
inline std::vector<std::string> spoken_of(std::vector<std::string> asked) {
  const auto& spoken = spoken_protocols();
  std::erase_if(asked, [&](const auto& one) { return std::find(spoken.begin(), spoken.end(), one) == spoken.end(); });
  return asked;
}

}  // namespace weir::proxy

#pragma once
// An endpoint's way to speak TLS, as one text: a transport of the TLS file, and whom it asks for where a route says so.

#include <string>
#include <string_view>

namespace weir::routing {

struct TransportText {
  std::string_view name;         // of the TLS file; "": "default"
  std::string_view server_name;  // what is asked for and checked; "": the endpoint's host
};

// No name that can be asked for holds it, and hardly a transport's own.
inline constexpr std::string_view kServerNameMark = "#sni=";

/// "internal", or "internal#sni=inner.example.com": part of an endpoint's id, so that neither connections nor sessions
/// made for one name serve another.
[[nodiscard]] inline std::string transport_text(const TransportText& transport) {
  std::string out(transport.name);
  if (transport.server_name.empty()) return out;
  if (out.empty()) out = "default";
  return out.append(kServerNameMark).append(transport.server_name);
}

[[nodiscard]] inline TransportText split_transport(std::string_view text) {
  const size_t mark = text.rfind(kServerNameMark);
  if (mark == std::string_view::npos) return {text, {}};
  return {text.substr(0, mark), text.substr(mark + kServerNameMark.size())};
}

}  // namespace weir::routing

#include "proxy/client_address.h"

#include <algorithm>
#include <string_view>

#include "weir/base/text.h"

namespace weir::proxy {
namespace {

/// What X-Forwarded-For holds, from the right, of all its fields as of one list; until `sees` returns false.
template <typename Sees>
void walk_forwarded_for(const http::RequestHead& request, const Sees& sees) {
  for (auto field = request.headers.rbegin(); field != request.headers.rend(); ++field) {
    if (!equals_ignore_case(field->name, "x-forwarded-for")) continue;
    std::string_view rest = field->value;
    for (bool more = true; more;) {
      const size_t comma = rest.rfind(',');
      more = comma != std::string_view::npos;
      if (!sees(IpAddress::parse(trim(more ? rest.substr(comma + 1) : rest)))) return;
      rest = rest.substr(0, more ? comma : 0);
    }
  }
}

IpAddress first_bits(IpAddress ip, unsigned bits) {
  for (uint8_t& byte : ip.bytes) {
    const unsigned kept = std::min(bits, 8U);
    byte &= static_cast<uint8_t>(0xff << (8 - kept));
    bits -= kept;
  }
  return ip;
}

}  // namespace

bool is_admitted(const routing::Middleware& middleware, const http::RequestHead& request, const IpAddress& client) {
  const auto passes = [&](const auto& ip) { return !ip || contains(middleware.networks, *ip) != middleware.deny; };
  bool all_pass = passes(std::optional(client));
  walk_forwarded_for(request, [&](const auto& ip) { return all_pass = all_pass && passes(ip); });
  return all_pass;
}

std::optional<IpAddress> address_by_strategy(const routing::IpStrategy& strategy, const http::RequestHead& request,
                                             const ForwardedBy& by) {
  const auto told = [&](const IpAddress& ip) { return ip.v6 ? first_bits(ip, strategy.v6_prefix_bits) : ip; };
  if (strategy.depth == 0 && strategy.proxies.empty()) return told(by.client.ip);
  if (!by.trusted) return {};
  std::optional<IpAddress> found;
  uint32_t place = 0;
  walk_forwarded_for(request, [&](const auto& ip) {
    ++place;
    if (strategy.depth > 0 && place < strategy.depth) return true;
    if (!ip) return false;
    if (strategy.depth == 0 && contains(strategy.proxies, *ip)) return true;
    found = strategy.depth > 0 ? told(*ip) : *ip;
    return false;
  });
  return found;
}

bool is_allowed(const routing::Middleware& middleware, const http::RequestHead& request, const ForwardedBy& by) {
  auto ip = address_by_strategy(middleware.ip_strategy, request, by);
  return ip && contains(middleware.networks, *ip);
}

}  // namespace weir::proxy

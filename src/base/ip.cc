#include "weir/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>

#include "weir/base/host_port.h"
#include "weir/base/text.h"

namespace weir {

namespace {

constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const IpAddress& ip) { return ip.v6 && std::memcmp(ip.bytes.data(), kMapped, sizeof kMapped) == 0; }

}  // namespace

IpAddress unmapped(const IpAddress& ip) {
  if (!is_mapped(ip)) return ip;
  IpAddress out;
  std::copy(ip.bytes.begin() + sizeof kMapped, ip.bytes.end(), out.bytes.begin());
  return out;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  std::string copy(text);
  IpAddress out;
  // inet_pton would not see what stands behind a NUL.
  if (copy.find('\0') != std::string::npos) return fail(ErrorCode::invalid, "not an IP address: it holds a NUL");
  if (inet_pton(AF_INET, copy.c_str(), out.bytes.data()) == 1) return out;
  out.v6 = true;
  if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
  return fail(ErrorCode::invalid, "not an IP address: \"" + copy + "\"");
}

// With every connection: inet_ntop formats by printf, ten times the work.
std::string IpAddress::text() const {
  if (v6) {
    char out[INET6_ADDRSTRLEN];
    return inet_ntop(AF_INET6, bytes.data(), out, sizeof out);
  }
  std::string out;
  for (int i = 0; i < 4; ++i) {
    if (i > 0) out += '.';
    out += std::to_string(bytes[i]);
  }
  return out;
}

IpAddress mapped(const IpAddress& ip) {
  if (ip.v6) return ip;
  IpAddress out;
  out.v6 = true;
  auto rest = std::copy(std::begin(kMapped), std::end(kMapped), out.bytes.begin());
  std::copy_n(ip.bytes.begin(), 4, rest);
  return out;
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  auto [host, port_text] = split_host_port(text);
  if (host.size() == text.size()) return fail(ErrorCode::invalid, "no port in address \"" + std::string(text) + "\"");
  auto port = parse_u64(port_text);
  if (!port || *port > 65535) return fail(ErrorCode::invalid, "bad port in address \"" + std::string(text) + "\"");
  if (host.empty()) host = "[::]";
  if (host.front() != '[' && host.find(':') != std::string_view::npos) {
    return fail(ErrorCode::invalid, "an IPv6 address needs brackets: \"" + std::string(text) + "\"");
  }
  auto ip = IpAddress::parse(without_brackets(host));
  if (!ip) return fail(ip.error());
  return SocketAddress{*ip, static_cast<uint16_t>(*port)};
}

SocketAddress SocketAddress::from_sockaddr(const sockaddr* address) {
  SocketAddress out;
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    out.ip.v6 = true;
    std::memcpy(out.ip.bytes.data(), &v6->sin6_addr, 16);
    out.ip = unmapped(out.ip);  // a client of IPv4 at a socket of both families
    out.port = ntohs(v6->sin6_port);
  } else if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    std::memcpy(out.ip.bytes.data(), &v4->sin_addr, 4);
    out.port = ntohs(v4->sin_port);
  }
  return out;
}

void SocketAddress::to_sockaddr(sockaddr_storage& out) const {
  std::memset(&out, 0, sizeof out);
  if (ip.v6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::memcpy(&v6->sin6_addr, ip.bytes.data(), 16);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, ip.bytes.data(), 4);
  }
}

std::string SocketAddress::text() const {
  return (ip.v6 ? "[" + ip.text() + "]" : ip.text()) + ":" + std::to_string(port);
}

Result<Cidr> Cidr::parse(std::string_view text) {
  size_t slash = text.find('/');
  auto ip = IpAddress::parse(text.substr(0, slash));
  if (!ip) return fail(ErrorCode::invalid, "not a network: \"" + std::string(text) + "\"");
  uint8_t bits_max = ip->v6 ? 128 : 32;
  auto bits = slash == std::string_view::npos ? std::optional<uint64_t>(bits_max) : parse_u64(text.substr(slash + 1));
  if (!bits || *bits > bits_max)
    return fail(ErrorCode::invalid, "bad prefix length in network \"" + std::string(text) + "\"");
  constexpr uint8_t kMappedBits = sizeof kMapped * 8;
  if (is_mapped(*ip) && *bits >= kMappedBits) return Cidr{unmapped(*ip), static_cast<uint8_t>(*bits - kMappedBits)};
  return Cidr{*ip, static_cast<uint8_t>(*bits)};
}

bool Cidr::contains(const IpAddress& ip) const {
  const IpAddress plain = base.v6 ? ip : unmapped(ip);
  if (plain.v6 != base.v6) return false;
  size_t whole = prefix_bits / 8;
  if (std::memcmp(plain.bytes.data(), base.bytes.data(), whole) != 0) return false;
  unsigned rest = prefix_bits % 8;
  if (rest == 0) return true;
  auto mask = static_cast<uint8_t>(0xff << (8 - rest));
  return (plain.bytes[whole] & mask) == (base.bytes[whole] & mask);
}

bool contains(std::span<const Cidr> networks, const IpAddress& ip) {
  return std::any_of(networks.begin(), networks.end(), [&](const Cidr& network) { return network.contains(ip); });
}

}  // namespace weir

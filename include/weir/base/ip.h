#pragma once
// Addresses: an IP, an IP with a port, and a network. Values; no I/O, no names.

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "weir/base/result.h"

struct sockaddr;
struct sockaddr_storage;

namespace weir {

/// An IPv4 or IPv6 address. IPv4 lives in the first four bytes.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};
  bool v6 = false;

  static Result<IpAddress> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  auto operator<=>(const IpAddress&) const = default;
};
/// As IPv6 writes it: ::ffff:a.b.c.d for an address of IPv4.
[[nodiscard]] IpAddress mapped(const IpAddress& ip);
/// The address of IPv4 that such a one stands for; any other as it is.
[[nodiscard]] IpAddress unmapped(const IpAddress& ip);

/// "127.0.0.1:80", "[::1]:80".
struct SocketAddress {
  IpAddress ip;
  uint16_t port = 0;

  /// An address with a port, brackets around IPv6; ":80" means [::]:80, of both families where one listens.
  static Result<SocketAddress> parse(std::string_view text);
  static SocketAddress from_sockaddr(const sockaddr* address);  // ::ffff:a.b.c.d is a.b.c.d
  void to_sockaddr(sockaddr_storage& out) const;
  [[nodiscard]] std::string text() const;
  auto operator<=>(const SocketAddress&) const = default;
};

/// A network: "10.0.0.0/8", "::1/128"; a bare address is a network of one.
struct Cidr {
  IpAddress base;
  uint8_t prefix_bits = 0;

  static Result<Cidr> parse(std::string_view text);
  /// IPv4-mapped IPv6 addresses (::ffff:1.2.3.4) count as IPv4, in networks too.
  [[nodiscard]] bool contains(const IpAddress& ip) const;
  auto operator<=>(const Cidr&) const = default;
};
/// Whether one of them contains it.
[[nodiscard]] bool contains(std::span<const Cidr> networks, const IpAddress& ip);

}  // namespace weir

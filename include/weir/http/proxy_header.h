#pragma once
// The PROXY protocol, versions 1 and 2 (HAProxy's doc/proxy-protocol.txt): whose connection a proxy passes on. Pure.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "weir/base/ip.h"

namespace weir::http {

/// What a header says about the connection behind it.
struct ProxyHeader {
  // False: the proxy speaks for itself (LOCAL), knows nothing (UNKNOWN, AF_UNSPEC), or the client has no IP (AF_UNIX,
  // datagrams): the connection's own addresses count.
  bool has_addresses = false;
  bool tls = false;  // the client has come to the proxy over TLS (PP2_TYPE_SSL)
  SocketAddress source;
  SocketAddress destination;
};

/// What became of some bytes, as H1Parser::Taken.
struct ProxyHeaderTaken {
  enum class Outcome : uint8_t {
    incomplete,  // so far it may become a header
    complete,    // it ends at `consumed`
    invalid,     // it is none
  };
  Outcome outcome;
  size_t consumed;
};

/// A longer version 2 header, with whatever TLVs, is refused. A version 1 header is at most 107 bytes by its document.
inline constexpr size_t kProxyHeaderBytesMax = 4096;

/// Reads a header of either version from the start of `input`, all bytes of the connection so far. Whoever knows that
/// a header must come decides so by the peer, never by looking at the bytes (section 2). Strict: version 1 in its
/// canonical form only; of version 2 a CRC32c is checked, TLVs must fill the length to the byte.
ProxyHeaderTaken take_proxy_header(std::string_view input, ProxyHeader& header);

enum class ProxyVersion : uint8_t { none, v1, v2 };

/// Writes a header. Where only one address is IPv4 it is written as IPv4-mapped.
void append_proxy_header(std::string& out, ProxyVersion version, SocketAddress source, SocketAddress destination);

}  // namespace weir::http

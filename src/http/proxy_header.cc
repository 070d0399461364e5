#include "weir/http/proxy_header.h"

#include <algorithm>
#include <optional>

#include "weir/base/text.h"

namespace weir::http {
namespace {

using Taken = ProxyHeaderTaken;
using Outcome = ProxyHeaderTaken::Outcome;

constexpr std::string_view kV1Start = "PROXY ";
constexpr size_t kV1BytesMax =
    107;  // "PROXY TCP6 " 39 " " 39 " " 5 " " 5 CRLF, and three to spare, as the document counts
constexpr std::string_view kV2Signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kV2HeadBytes = 16;
constexpr uint8_t kTlvCrc32c = 0x03;
constexpr uint8_t kTlvSsl = 0x20;
constexpr uint8_t kSslClient = 0x01;

constexpr Taken kIncomplete{Outcome::incomplete, 0};
constexpr Taken kInvalid{Outcome::invalid, 0};

uint8_t byte_at(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }
uint16_t number_at(std::string_view text, size_t at) {
  return static_cast<uint16_t>(byte_at(text, at) << 8 | byte_at(text, at + 1));
}

// ---- Version 1: a line ----

std::optional<IpAddress> address_of(std::string_view text, bool v6) {
  // Also keeps a NUL, at which a C parser would stop, out of it.
  bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    char lower = ascii_lower(c);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f') || c == '.' || c == ':';
  });
  if (!plain) return std::nullopt;
  auto parsed = IpAddress::parse(text);
  if (!parsed || parsed->v6 != v6) return std::nullopt;
  return *parsed;
}

std::optional<uint16_t> port_of(std::string_view text) {
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  auto number = parse_u64(text);
  if (!number || *number > 65535) return std::nullopt;
  return static_cast<uint16_t>(*number);
}

Taken take_v1(std::string_view input, ProxyHeader& header) {
  size_t end = input.substr(0, kV1BytesMax).find("\r\n");
  if (end == std::string_view::npos) return input.size() < kV1BytesMax ? kIncomplete : kInvalid;
  std::string_view line = input.substr(kV1Start.size(), end - kV1Start.size());
  Taken taken{Outcome::complete, end + 2};
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return taken;  // what follows it is to be ignored
  bool v6 = line.starts_with("TCP6 ");
  if (!v6 && !line.starts_with("TCP4 ")) return kInvalid;
  std::string_view fields[4];
  std::string_view rest = line.substr(5);
  for (size_t i = 0; i < 4; ++i) {
    size_t space = rest.find(' ');
    if ((space == std::string_view::npos) != (i == 3)) return kInvalid;
    fields[i] = rest.substr(0, space);
    if (i < 3) rest.remove_prefix(space + 1);
  }
  auto source = address_of(fields[0], v6);
  auto destination = address_of(fields[1], v6);
  auto source_port = port_of(fields[2]);
  auto destination_port = port_of(fields[3]);
  if (!source || !destination || !source_port || !destination_port) return kInvalid;
  header.has_addresses = true;
  header.source = {unmapped(*source), *source_port};
  header.destination = {unmapped(*destination), *destination_port};
  return taken;
}

// ---- Version 2: binary ----

/// CRC-32C over a header whose own checksum, at `sum_at`, counts as zero.
uint32_t crc32c(std::string_view bytes, size_t sum_at) {
  uint32_t crc = ~0U;
  for (size_t i = 0; i < bytes.size(); ++i) {
    crc ^= i >= sum_at && i < sum_at + 4 ? 0U : byte_at(bytes, i);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

/// Walks the TLVs from `at` to the end of the header, which they must fill.
bool take_tlvs(std::string_view whole, size_t at, ProxyHeader& header) {
  while (at < whole.size()) {
    if (whole.size() - at < 3) return false;
    uint8_t type = byte_at(whole, at);
    size_t length = number_at(whole, at + 1);
    at += 3;
    if (whole.size() - at < length) return false;
    if (type == kTlvCrc32c) {
      if (length != 4) return false;
      uint32_t told = uint32_t{number_at(whole, at)} << 16 | number_at(whole, at + 2);
      if (told != crc32c(whole, at)) return false;
    }
    if (type == kTlvSsl) {
      if (length < 5) return false;
      header.tls = (byte_at(whole, at) & kSslClient) != 0;
    }
    at += length;
  }
  return true;
}

SocketAddress socket_address(std::string_view whole, size_t ip_at, size_t port_at, bool v6) {
  SocketAddress out;
  out.ip.v6 = v6;
  std::copy_n(whole.data() + ip_at, v6 ? 16 : 4, reinterpret_cast<char*>(out.ip.bytes.data()));
  out.ip = unmapped(out.ip);
  out.port = number_at(whole, port_at);
  return out;
}

Taken take_v2(std::string_view input, ProxyHeader& header) {
  if (input.size() > 12 && byte_at(input, 12) >> 4 != 2) return kInvalid;
  if (input.size() < kV2HeadBytes) return kIncomplete;
  uint8_t command = byte_at(input, 12) & 0xf;
  uint8_t family = byte_at(input, 13) >> 4;
  uint8_t transport = byte_at(input, 13) & 0xf;
  size_t bytes = kV2HeadBytes + number_at(input, 14);
  if (command > 1 || family > 3 || transport > 2 || bytes > kProxyHeaderBytesMax) return kInvalid;
  constexpr size_t kAddressBytes[4] = {0, 12, 36, 216};  // unspecified, IPv4, IPv6, UNIX
  size_t tlvs_at = kV2HeadBytes + kAddressBytes[family];
  if (command == 1 && bytes < tlvs_at) return kInvalid;
  if (input.size() < bytes) return kIncomplete;
  std::string_view whole = input.substr(0, bytes);
  Taken taken{Outcome::complete, bytes};
  // LOCAL, or of a family the sender does not know: what follows is to be skipped, whatever it is.
  if (command == 0 || family == 0) return taken;
  if (!take_tlvs(whole, tlvs_at, header)) return kInvalid;
  if (transport != 1 || (family != 1 && family != 2)) return taken;
  bool v6 = family == 2;
  header.has_addresses = true;
  header.source = socket_address(whole, 16, v6 ? 48 : 24, v6);
  header.destination = socket_address(whole, v6 ? 32 : 20, v6 ? 50 : 26, v6);
  return taken;
}

void append_number(std::string& out, size_t number) {
  out += static_cast<char>(number >> 8);
  out += static_cast<char>(number & 0xff);
}

void append_ip(std::string& out, const IpAddress& ip) {
  out.append(reinterpret_cast<const char*>(ip.bytes.data()), ip.v6 ? 16 : 4);
}

bool may_become(std::string_view input, std::string_view start) {
  size_t known = std::min(input.size(), start.size());
  return input.substr(0, known) == start.substr(0, known);
}

}  // namespace

ProxyHeaderTaken take_proxy_header(std::string_view input, ProxyHeader& header) {
  header = {};
  if (may_become(input, kV1Start)) return input.size() < kV1Start.size() ? kIncomplete : take_v1(input, header);
  if (may_become(input, kV2Signature)) return take_v2(input, header);
  return kInvalid;
}

void append_proxy_header(std::string& out, ProxyVersion version, SocketAddress source, SocketAddress destination) {
  if (version == ProxyVersion::none) return;
  if (source.ip.v6 != destination.ip.v6) {
    source.ip = mapped(source.ip);
    destination.ip = mapped(destination.ip);
  }
  bool v6 = source.ip.v6;
  if (version == ProxyVersion::v1) {
    out += v6 ? "PROXY TCP6 " : "PROXY TCP4 ";
    ((out += source.ip.text()) += ' ') += destination.ip.text();
    ((out += ' ') += std::to_string(source.port)) += ' ';
    (out += std::to_string(destination.port)) += "\r\n";
    return;
  }
  out += kV2Signature;
  out += '\x21';  // version 2, PROXY
  out += v6 ? '\x21' : '\x11';
  append_number(out, v6 ? 36 : 12);
  append_ip(out, source.ip);
  append_ip(out, destination.ip);
  append_number(out, source.port);
  append_number(out, destination.port);
}

}  // namespace weir::http

// The PROXY protocol: what is read, what is refused, and that no split of the bytes changes either.

#include "weir/http/proxy_header.h"

#include "catch.h"

using namespace weir;
using namespace weir::http;
using namespace std::string_literals;
using Outcome = ProxyHeaderTaken::Outcome;

namespace {

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

/// A version 2 header: version and command, family and transport, and what follows, with its length.
std::string v2(char command, char family, const std::string& rest) {
  std::string out = kSignature + command + family;
  out += static_cast<char>(rest.size() >> 8);
  out += static_cast<char>(rest.size() & 0xff);
  return out + rest;
}

const std::string kIpv4 = "\x0a\x01\x02\x03\x0a\x00\x00\x01\xdc\x04\x01\xbb"s;  // 10.1.2.3:56324 to 10.0.0.1:443

std::string tlv(char type, const std::string& value) {
  return type + std::string(1, static_cast<char>(value.size() >> 8)) + static_cast<char>(value.size() & 0xff) + value;
}

/// Every beginning asks for more, the whole is taken, and what stands behind it is left.
ProxyHeader accepted(const std::string& bytes) {
  ProxyHeader header;
  for (size_t n = 0; n < bytes.size(); ++n) {
    CAPTURE(n);
    CHECK(take_proxy_header(std::string_view(bytes).substr(0, n), header).outcome == Outcome::incomplete);
  }
  ProxyHeaderTaken taken = take_proxy_header(bytes + "GET / HTTP/1.1\r\n\r\n", header);
  CHECK(taken.outcome == Outcome::complete);
  CHECK(taken.consumed == bytes.size());
  return header;
}

/// Refused as a whole, and no beginning of it is taken.
void refused(const std::string& bytes) {
  CAPTURE(bytes);
  ProxyHeader header;
  for (size_t n = 0; n < bytes.size(); ++n) {
    CHECK(take_proxy_header(std::string_view(bytes).substr(0, n), header).outcome != Outcome::complete);
  }
  CHECK(take_proxy_header(bytes, header).outcome == Outcome::invalid);
}

}  // namespace

TEST_CASE("proxy header: version 1 names both ends") {
  ProxyHeader header = accepted("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
  CHECK(header.has_addresses);
  CHECK(header.source.text() == "192.168.0.1:56324");
  CHECK(header.destination.text() == "192.168.0.11:443");
  header = accepted("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n");
  CHECK(header.source.text() == "[2001:db8::1]:0");
  CHECK(header.destination.text() == "[::1]:65535");
}

TEST_CASE("proxy header: version 1 UNKNOWN says nothing, whatever follows it") {
  CHECK_FALSE(accepted("PROXY UNKNOWN\r\n").has_addresses);
  CHECK_FALSE(accepted("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n").has_addresses);
}

TEST_CASE("proxy header: version 1 is at most 107 bytes") {
  CHECK_FALSE(accepted("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").has_addresses);  // 107
  refused("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n");
}

TEST_CASE("proxy header: malformed version 1 lines are refused") {
  for (const char* line : {"PROXY TCP4 1.2.3.4 1.2.3.5 1 2 \r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.5 1\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.5 1 2 3\r\n",
                           "PROXY TCP4  1.2.3.4 1.2.3.5 1 2\r\n",
                           "PROXY  TCP4 1.2.3.4 1.2.3.5 1 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.5 65536 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.5 -1 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.5 +1 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.5 01 2\r\n",
                           "PROXY TCP4 1.2.3.4 1.2.3.5  2\r\n",
                           "PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
                           "PROXY TCP6 1.2.3.4 1.2.3.5 1 2\r\n",
                           "PROXY TCP4 1.2.3 1.2.3.5 1 2\r\n",
                           "PROXY TCP4 1.2.3.256 1.2.3.5 1 2\r\n",
                           "PROXY TCP4 1.2.3.04 1.2.3.5 1 2\r\n",
                           "PROXY TCP6 ::1%lo ::1 1 2\r\n",
                           "PROXY TCP6 [::1] ::1 1 2\r\n",
                           "PROXY UDP4 1.2.3.4 1.2.3.5 1 2\r\n",
                           "PROXY TCP5 1.2.3.4 1.2.3.5 1 2\r\n",
                           "PROXY UNKNOWNX\r\n",
                           "PROXY \r\n",
                           "PROXY\r\n",
                           "proxy TCP4 1.2.3.4 1.2.3.5 1 2\r\n",
                           "PROXY tcp4 1.2.3.4 1.2.3.5 1 2\r\n",
                           "PROXY\tTCP4 1.2.3.4 1.2.3.5 1 2\r\n",
                           "GET / HTTP/1.1\r\n\r\n",
                           "\x16\x03\x01",
                           "\r\n\r\nGET"}) {
    refused(line);
  }
  refused("PROXY TCP4 1.2.3.4\0 1.2.3.5 1 2\r\n"s);
  refused("PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n" + std::string(120, 'x'));  // a bare LF ends nothing
}

TEST_CASE("proxy header: version 2 names both ends, and TLVs say whether it was TLS") {
  ProxyHeader header = accepted(v2('\x21', '\x11', kIpv4));
  CHECK(header.has_addresses);
  CHECK(header.source.text() == "10.1.2.3:56324");
  CHECK(header.destination.text() == "10.0.0.1:443");
  CHECK_FALSE(header.tls);
  std::string v6 = std::string(15, '\0') + "\x01" + std::string(15, '\0') + "\x02" + "\x00\x50\x1f\x90"s;
  header = accepted(v2('\x21', '\x21', v6));
  CHECK(header.source.text() == "[::1]:80");
  CHECK(header.destination.text() == "[::2]:8080");
  CHECK(accepted(v2('\x21', '\x11', kIpv4 + tlv('\x20', "\x01\0\0\0\0"s))).tls);
  CHECK_FALSE(accepted(v2('\x21', '\x11', kIpv4 + tlv('\x20', "\x06\0\0\0\0"s))).tls);
  CHECK_FALSE(accepted(v2('\x21', '\x11', kIpv4 + tlv('\xea', "vpce-1") + tlv('\x04', ""))).tls);
}

TEST_CASE("proxy header: version 2 that names no IP stands for the connection itself") {
  CHECK_FALSE(accepted(v2('\x20', '\x00', "")).has_addresses);                     // LOCAL
  CHECK_FALSE(accepted(v2('\x20', '\x11', kIpv4 + "xx")).has_addresses);           // LOCAL with anything behind it
  CHECK_FALSE(accepted(v2('\x21', '\x00', "")).has_addresses);                     // unspecified
  CHECK_FALSE(accepted(v2('\x21', '\x00', "no TLVs at all")).has_addresses);       // its bytes are not ours to read
  CHECK_FALSE(accepted(v2('\x21', '\x31', std::string(216, 'u'))).has_addresses);  // UNIX
  CHECK_FALSE(accepted(v2('\x21', '\x12', kIpv4)).has_addresses);                  // datagrams
}

TEST_CASE("proxy header: malformed version 2 is refused") {
  refused(v2('\x11', '\x11', kIpv4));                  // version 1
  refused(v2('\x31', '\x11', kIpv4));                  // version 3
  refused(v2('\x22', '\x11', kIpv4));                  // an unknown command
  refused(v2('\x21', '\x41', kIpv4));                  // an unknown family
  refused(v2('\x21', '\x13', kIpv4));                  // an unknown transport
  refused(v2('\x21', '\x11', kIpv4.substr(0, 11)));    // addresses cut short
  refused(v2('\x21', '\x21', kIpv4));                  // IPv6 in the room of IPv4
  refused(v2('\x21', '\x31', std::string(215, 'u')));  // a UNIX path cut short
  refused(v2('\x21', '\x11', kIpv4 + "\x04"));         // TLVs that do not fill the length
  refused(v2('\x21', '\x11', kIpv4 + "\x04\x00"s));
  refused(v2('\x21', '\x11', kIpv4 + "\x04\x00\x02x"s));
  refused(v2('\x21', '\x11', kIpv4 + tlv('\x20', "\x01\0\0\0"s)));  // an SSL TLV cut short
  refused(v2('\x21', '\x11', kIpv4 + tlv('\x03', "abc")));          // a checksum of three bytes
  refused(kSignature.substr(0, 11) + "X");
}

TEST_CASE("proxy header: version 2 has a limit, exactly") {
  size_t value_bytes = kProxyHeaderBytesMax - 16 - kIpv4.size() - 3;
  ProxyHeader header;
  std::string bytes = v2('\x21', '\x11', kIpv4 + tlv('\x04', std::string(value_bytes, 'n')));
  CHECK(bytes.size() == kProxyHeaderBytesMax);
  CHECK(take_proxy_header(bytes, header).outcome == Outcome::complete);
  refused(v2('\x21', '\x11', kIpv4 + tlv('\x04', std::string(value_bytes + 1, 'n'))));
}

TEST_CASE("proxy header: a CRC32c is checked over the whole header") {
  // CRC-32C with zeros in its place, computed with another implementation (by a table, checked with "123456789" ->
  // e3069283).
  std::string good = v2('\x21', '\x11', kIpv4 + tlv('\x03', std::string(4, '\0')));
  ProxyHeader header;
  CHECK(take_proxy_header(good, header).outcome == Outcome::invalid);
  good.replace(good.size() - 4, 4, "\xa3\xc1\x90\x61");
  CHECK(accepted(good).has_addresses);
  for (size_t at : {size_t{13}, size_t{17}, good.size() - 1}) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    CAPTURE(at);
    CHECK(take_proxy_header(bad, header).outcome != Outcome::complete);
  }
}

TEST_CASE("proxy header: what is written is read back") {
  for (ProxyVersion version : {ProxyVersion::v1, ProxyVersion::v2}) {
    for (auto [source, destination] : {std::pair{"1.2.3.4:5", "6.7.8.9:80"}, {"[2001:db8::1]:65535", "[::1]:443"}}) {
      std::string out = "x";
      append_proxy_header(out, version, SocketAddress::parse(source).value(),
                          SocketAddress::parse(destination).value());
      ProxyHeader header = accepted(out.substr(1));
      CHECK(header.source.text() == source);
      CHECK(header.destination.text() == destination);
    }
    std::string out;
    append_proxy_header(out, version, SocketAddress::parse("1.2.3.4:5").value(),
                        SocketAddress::parse("[::1]:80").value());
    CHECK(accepted(out).source.text() == "1.2.3.4:5");  // no rule and no limit meets ::ffff:
  }
  std::string nothing;
  append_proxy_header(nothing, ProxyVersion::none, {}, {});
  CHECK(nothing.empty());
}

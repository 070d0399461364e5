#include "weir/base/ip.h"

#include <string_view>

#include "catch.h"

using namespace weir;

TEST_CASE("ip: addresses with ports go both ways") {
  CHECK(SocketAddress::parse("127.0.0.1:80")->text() == "127.0.0.1:80");
  CHECK(SocketAddress::parse("[::1]:80")->text() == "[::1]:80");
  CHECK(SocketAddress::parse(":80")->text() == "[::]:80");
  CHECK(IpAddress::parse("0.9.10.255")->text() == "0.9.10.255");
  CHECK(IpAddress::parse("99.100.1.200")->text() == "99.100.1.200");
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", "::1:80", "127.0.0.1:65536", "localhost:80"}) {
    CHECK_FALSE(SocketAddress::parse(bad));
  }
}

TEST_CASE("ip: nothing stands behind a NUL") {
  using namespace std::string_view_literals;
  CHECK_FALSE(IpAddress::parse("127.0.0.1\0x"sv));
  CHECK_FALSE(IpAddress::parse("::1\0"sv));
  CHECK_FALSE(SocketAddress::parse("127.0.0.1\0x:80"sv));
  CHECK_FALSE(Cidr::parse("10.0.0.0\0/8"sv));
}

TEST_CASE("ip: an address of IPv4 has a form in IPv6") {
  CHECK(mapped(IpAddress::parse("10.1.2.3").value()).text() == "::ffff:10.1.2.3");
  CHECK(mapped(IpAddress::parse("2001:db8::1").value()).text() == "2001:db8::1");
}

TEST_CASE("ip: a network holds what its prefix says") {
  auto network = Cidr::parse("10.1.128.0/17").value();
  CHECK(network.contains(IpAddress::parse("10.1.255.1").value()));
  CHECK_FALSE(network.contains(IpAddress::parse("10.1.127.1").value()));
  CHECK(network.contains(IpAddress::parse("::ffff:10.1.128.1").value()));
  CHECK(Cidr::parse("::1")->contains(IpAddress::parse("::1").value()));
  CHECK(Cidr::parse("0.0.0.0/0")->contains(IpAddress::parse("8.8.8.8").value()));
  CHECK_FALSE(Cidr::parse("10.0.0.0/33"));
  for (const char* mapped : {"::ffff:10.1.128.0/113", "::ffff:10.1.129.1", "::ffff:10.1.129.1/128", "::ffff:0:0/96"}) {
    INFO(mapped);
    CHECK(Cidr::parse(mapped)->contains(IpAddress::parse("10.1.129.1").value()));
  }
  CHECK_FALSE(Cidr::parse("::/0")->contains(IpAddress::parse("10.1.129.1").value()));
}

#include "weir/base/host_port.h"

#include "catch.h"

using namespace weir;

TEST_CASE("host and port: the colons of an IPv6 literal stand within brackets") {
  auto split = [](std::string_view text) {
    const HostPort out = split_host_port(text);
    return std::string(out.host) + "|" + std::string(out.port);
  };
  CHECK(split("a.test:80") == "a.test|80");
  CHECK(split("a.test") == "a.test|");
  CHECK(split("") == "|");
  CHECK(split(":80") == "|80");
  CHECK(split("a:") == "a|");
  CHECK(split("[::1]:80") == "[::1]|80");
  CHECK(split("[::1]") == "[::1]|");
  CHECK(split("::1") == ":|1");  // no literal without brackets
  CHECK(without_brackets("[::1]") == "::1");
  CHECK(without_brackets("a") == "a");
  CHECK(without_brackets("[") == "[");
  CHECK(without_brackets("[]").empty());
}

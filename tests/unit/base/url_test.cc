#include "weir/base/url.h"

#include "catch.h"

using namespace weir;

TEST_CASE("url: the parts are found") {
  auto url = Url::parse("HTTPS://u:p@[::1]:8501/x?y=1").value();
  CHECK(url.scheme == "https");
  CHECK(url.host == "::1");
  CHECK(url.port == 8501);
  CHECK(url.target == "/x?y=1");
  CHECK(url.user_info == "u:p");
  CHECK(url.authority() == "[::1]:8501");
  CHECK(Url::parse("127.0.0.1:8500")->authority() == "127.0.0.1:8500");
  CHECK(Url::parse("http://a")->authority() == "a");
  CHECK(Url::parse("http://a?x")->target == "/?x");
  CHECK(Url::parse_server("h2c://a:50051")->scheme == "h2c");
  CHECK(Url::parse_server("h2c://a")->port == 80);
}

TEST_CASE("url: bad ones are refused") {
  for (const char* bad : {"", "ftp://a", "http://", "http://a:0", "http://a:99999", "http://a b", "http://[::1"}) {
    CHECK_FALSE(Url::parse(bad));
    CHECK_FALSE(Url::parse_server(bad));
  }
  CHECK_FALSE(Url::parse("h2c://a"));
}

#include "weir/proxy/path.h"

#include "catch.h"

using namespace weir::proxy;

TEST_CASE("path: the query stays as it is, and an empty one is kept") {
  std::string storage;
  auto target = normalise_target("/a/../b?x=/../y", storage);
  CHECK(target.path == "/b");
  CHECK(target.query == "x=/../y");
  CHECK(target.rewritten);
  CHECK(normalise_target("/a?", storage).has_query);
  CHECK_FALSE(normalise_target("/a", storage).has_query);
  CHECK_FALSE(normalise_target("/a%20b", storage).rewritten);
  CHECK(normalise_target("/a?../x", storage).path == "/a");
  CHECK(normalise_target("*", storage).path == "*");
  target = normalise_target("/a%2fb?%2f", storage);
  CHECK(target.path == "/a%2Fb");
  CHECK(target.query == "%2f");
  CHECK(target.rewritten);
}

TEST_CASE("path: a host loses port, trailing dot and case") {
  std::string storage;
  CHECK(normalise_host("Example.COM.:80", storage) == "example.com");
  CHECK(normalise_host("a:1", storage) == "a");
  CHECK(normalise_host("[::1]:80", storage) == "[::1]");
  CHECK(normalise_host("[::1]", storage) == "[::1]");
  CHECK(normalise_host("", storage).empty());
}

#include "weir/proxy/path.h"

#include "catch.h"

using namespace weir::proxy;

TEST_CASE("path: every spelling of a path comes to one form") {
  struct {
    const char* given;
    const char* path;
  } cases[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/../../b", "/b"},
      {"//a//b", "/a/b"},
      {"/a/", "/a/"},
      {"/a/..", "/"},
      {"/a/b/..", "/a/"},
      {"/%61%2Fb", "/a%2Fb"},
      {"/%2e%2e/b", "/b"},
      {"/a%", "/a%"},
      {"/a%zz", "/a%zz"},
      {"/a?../x", "/a"},
      {"/.", "/"},
      {"/.hidden", "/.hidden"},
      {"/a/..b", "/a/..b"},
      {"/a%20b", "/a%20b"},
      {"/%c3%a9", "/%C3%A9"},
      {"/\xc3\xa9", "/%C3%A9"},
      {"/%2f", "/%2f"},
  };
  for (const auto& c : cases) {
    INFO(c.given);
    std::string storage;
    CHECK(normalise_target(c.given, storage).path == c.path);
  }
}

TEST_CASE("path: the query stays as it is, and an empty one is kept") {
  std::string storage;
  auto target = normalise_target("/a/../b?x=/../y", storage);
  CHECK(target.path == "/b");
  CHECK(target.query == "x=/../y");
  CHECK(target.rewritten);
  CHECK(normalise_target("/a?", storage).has_query);
  CHECK_FALSE(normalise_target("/a", storage).has_query);
  CHECK_FALSE(normalise_target("/a%20b", storage).rewritten);
}

TEST_CASE("path: a host loses port, trailing dot and case") {
  std::string storage;
  CHECK(normalise_host("Example.COM.:80", storage) == "example.com");
  CHECK(normalise_host("a:1", storage) == "a");
  CHECK(normalise_host("[::1]:80", storage) == "[::1]");
  CHECK(normalise_host("[::1]", storage) == "[::1]");
  CHECK(normalise_host("", storage).empty());
}

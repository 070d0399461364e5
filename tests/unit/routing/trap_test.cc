// The traps of a drop-in that lie in matching; those of reading tags are beside their decoders, by the same numbers.
#include <map>

#include "catalog_fixture.h"
#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

TEST_CASE("trap 1: PathPrefix is a beginning of bytes, not of segments") {
  auto table = build({"a: Host(`x`) && PathPrefix(`/products`)"});
  CHECK(match(table, "x", "/products-for-sale") == "a");
  CHECK(match(table, "x", "/products/1") == "a");
  CHECK(match(table, "x", "/product") == "");
}

TEST_CASE("trap 2: Query with a key alone asks for an empty value") {
  auto table = build({"a: Query(`debug`)"});
  auto asked = [&](std::string_view query) {
    RequestView one = request("x", "/");
    one.query = query;
    return match(table, one);
  };
  CHECK(asked("debug") == "a");
  CHECK(asked("debug=") == "a");
  CHECK(asked("debug=1") == "");
  CHECK(asked("") == "");
}

TEST_CASE("trap 3: a regular expression is unanchored and case-sensitive, and the host it sees is in lower case") {
  auto table = build({"host: HostRegexp(`shop`)", "upper: HostRegexp(`Forum`)", "path: PathRegexp(`/v[0-9]`)"});
  CHECK(match(table, "my-shop.example.com", "/") == "host");
  CHECK(match(table, "forum.example.com", "/") == "");
  CHECK(match(table, "x", "/api/v2/users") == "path");
  CHECK(match(table, "x", "/api/V2") == "");
}

TEST_CASE("trap 9: a router with tls=true never answers plain HTTP on the same entry point") {
  Definitions one = definitions({"secure 9: Host(`x`)", "open 1: Host(`x`)"});
  one.routers[0].tls = true;
  auto table = build_all({one}).table;
  RequestView asked = request("x", "/");
  CHECK(match(table, asked) == "open");
  asked.tls = true;
  CHECK(match(table, asked) == "secure");
}

TEST_CASE("trap 11: fabio goes from the most particular host to the next where no path fits, and then to no host") {
  std::vector<catalog::Instance> instances;
  for (const char* tag : {"urlprefix-a.b.c/deep", "urlprefix-*.b.c/deeper", "urlprefix-*.c/", "urlprefix-/deep/er",
                          "urlprefix-a.b.c:80/port"}) {
    instances.push_back(testing::instance(std::string(1, static_cast<char>('a' + instances.size())), {tag}));
  }
  auto set = std::make_shared<const Definitions>(
      definitions_from_catalog(testing::snapshot({testing::service("web", instances)}), {}));
  auto table = build_table(std::vector{set}, nullptr).table;
  auto asked = [&](std::string_view host, std::string_view path) {
    std::string name = match(table, host, path);
    return name.empty() ? name : name.substr(10, name.rfind('@') - 10);
  };
  CHECK(asked("a.b.c", "/deep/er") == "a.b.c/deep");
  CHECK(asked("a.b.c", "/deeper") == "a.b.c/deep");  // its own host first, though the other path is longer
  CHECK(asked("a.b.c", "/port") == "a.b.c:80/port");
  CHECK(asked("a.b.c", "/other") == "*.c/");
  CHECK(asked("x.b.c", "/deeper/1") == "*.b.c/deeper");
  CHECK(asked("x.b.c", "/deep/er") == "*.c/");
  CHECK(asked("1.2.3.c", "/") == "*.c/");
  CHECK(asked("else", "/deep/er") == "/deep/er");
  CHECK(asked("else", "/deep") == "");
}

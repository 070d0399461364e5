#include "weir/routing/path_text.h"

#include <random>
#include <string>

#include "catch.h"
#include "table_fixture.h"

using namespace weir::routing;
using namespace weir::routing::fixture;

TEST_CASE("path text: every spelling of a request's path comes to one form") {
  struct {
    const char* sent;
    const char* normal;
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
      {"/.", "/"},
      {"/.hidden", "/.hidden"},
      {"/a/..b", "/a/..b"},
      {"/a%20b", "/a%20b"},
      {"/%c3%a9", "/%C3%A9"},
      {"/\xc3\xa9", "/%C3%A9"},
      {"/a%2fb%3a%25%7e", "/a%2Fb%3A%25~"},
      {"/%7b\"x\"|y}", "/%7B%22x%22%7Cy%7D"},
      {"/a:b;c=d,e@f!$&'()*+[g]", "/a:b;c=d,e@f!$&'()*+[g]"},
  };
  for (const auto& c : cases) {
    INFO(c.sent);
    std::string storage;
    std::string again;
    const std::string normal(normal_path(c.sent, storage));
    CHECK(normal == c.normal);
    CHECK(normal_path(normal, again) == normal);
  }
}

TEST_CASE("path text: what is normal is not copied") {
  std::string storage = "untouched";
  const std::string_view path = "/a/b.c/d-e~f";
  CHECK(normal_path(path, storage).data() == path.data());
  CHECK(decoded_path(path, storage).data() == path.data());
  CHECK(storage == "untouched");
}

TEST_CASE("path text: whatever stays as it was sent has nothing to settle, at every length") {
  std::mt19937 random(3);
  const std::string_view alphabet = "//..%%2fFaaabbbccc-_~:x";
  for (int round = 0; round < 50'000; ++round) {
    std::string path = "/";
    for (size_t size = random() % 40; size > 0; --size) path += alphabet[random() % alphabet.size()];
    std::string storage;
    const std::string_view normal = normal_path(path, storage);
    INFO(path);
    std::string again;
    CHECK(normal_path(normal, again) == normal);
    if (normal.data() != path.data()) continue;
    CHECK(path.find_first_of("%") == std::string::npos);
    CHECK(path.find("//") == std::string::npos);
    CHECK(path.find("/.") == std::string::npos);
  }
}

TEST_CASE("path text: what people write comes to the same form, but for its segments") {
  CHECK(path_text("/a b") == "/a%20b");
  CHECK(path_text("/caf\xc3\xa9") == "/caf%C3%A9");
  CHECK(path_text("/caf%c3%a9") == "/caf%C3%A9");
  CHECK(path_text("/{x}") == "/%7Bx%7D");
  CHECK(path_text("/%61/../b") == "/a/../b");
  CHECK(path_text("/50%/%2f%") == "/50%/%2F%");  // what is no escape stays
  CHECK(path_text("/a?b#c") == "/a?b#c");        // no path holds these
  CHECK(sent_path_text("/a?b#c%3f") == "/a%3Fb%23c%3F");
}

TEST_CASE("path text: expressions see characters, but those that are reserved as they were sent") {
  std::string storage;
  CHECK(decoded_path("/a%20b/caf%C3%A9/%7B%22", storage) == "/a b/caf\xc3\xa9/{\"");
  CHECK(decoded_path("/a%2Fb%3F%25%2Bc/d", storage) == "/a%2Fb%3F%25%2Bc/d");
  CHECK(encoded_bytes("/a%20b%2Fc", 3) == 5);
  CHECK(encoded_bytes("/a%20b%2Fc", 4) == 6);
  CHECK(encoded_bytes("/a%20b%2Fc", 7) == 9);
  CHECK(encoded_bytes("/a", 9) == 2);
}

TEST_CASE("path text: rules hold for a path in each of its spellings") {
  struct {
    const char* rule;
    const char* sent;
    bool holds;
  } cases[] = {
      {"Path(`/a b`)", "/a%20b", true},
      {"Path(`/a%20b`)", "/a%20b", true},
      {"Path(`/a{b}`)", "/a{b}", true},
      {"Path(`/a{b}`)", "/a%7bb%7D", true},
      {"Path(`/a%2fb`)", "/a%2Fb", true},
      {"Path(`/a%2Fb`)", "/a%2fb", true},
      {"Path(`/a/b`)", "/a%2Fb", false},
      {"Path(`/a:b`)", "/a%3Ab", false},
      {"PathPrefix(`/%61`)", "/abc", true},
      {"PathPrefix(`/caf\xc3\xa9`)", "/caf%C3%A9/x", true},
      {"PathRegexp(`^/a b$`)", "/a%20b", true},
      {"PathRegexp(`^/a%20b$`)", "/a%20b", false},
      {"PathRegexp(`^/caf\xc3\xa9/[^ ]+$`)", "/caf%c3%a9/x", true},
      {"PathRegexp(`^/[^/]+$`)", "/a%2Fb", true},
      {"PathRegexp(`^/a%2Fb$`)", "/a%2fb", true},
      {"PathRegexp(`^/100%25$`)", "/100%25", true},
  };
  for (const auto& c : cases) {
    INFO(c.rule << " " << c.sent);
    std::string storage;
    auto table = build({std::string("one: ") + c.rule});
    CHECK(match(table, "x", normal_path(c.sent, storage)) == (c.holds ? "one" : ""));
  }
}

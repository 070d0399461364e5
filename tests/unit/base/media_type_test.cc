#include "weir/base/media_type.h"

#include <map>
#include <string>
#include <string_view>

#include "catch.h"

using namespace weir;

TEST_CASE("media type: a type, and parameters behind it") {
  using Parameters = std::map<std::string, std::string>;
  CHECK(MediaType::parse("text/html") == MediaType{"text/html", {}});
  CHECK(MediaType::parse("Text/HTML ;Charset=UTF-8") == MediaType{"text/html", Parameters{{"charset", "UTF-8"}}});
  CHECK(MediaType::parse("a/b; x=\"y \\\" ; z\";k=v;") == MediaType{"a/b", Parameters{{"x", "y \" ; z"}, {"k", "v"}}});
  CHECK(MediaType::parse("bogus") == MediaType{"bogus", {}});
  CHECK(MediaType::parse("a/b;") == MediaType{"a/b", {}});
}

TEST_CASE("media type: what is none") {
  for (std::string_view text : {"", "text/", "/html", "text/html/x", "te xt/html", "a/b;x", "a/b;=y", "a/b;x=",
                                "a/b;x=\"y", "a/b;x=\"y\\", "a/b;x=y z=w", "a/b;x=1;x=2", "a/b;x=\"y\"z", ";x=y"}) {
    INFO(text);
    CHECK_FALSE(MediaType::parse(text));
  }
}

TEST_CASE("media type: one with parameters covers only what has the same") {
  const auto type = [](std::string_view text) { return MediaType::parse(text).value(); };
  CHECK(type("text/html").covers(type("text/html; charset=utf-8")));
  CHECK(type("text/html; charset=utf-8").covers(type("TEXT/html;charset=utf-8")));
  CHECK_FALSE(type("text/html; charset=utf-8").covers(type("text/html")));
  CHECK_FALSE(type("text/html").covers(type("text/plain")));
}

// Replacing as Go's ReplaceAllString does: what Traefik's users have written must come out the same. The expectations
// are those of a Go program.

#include "weir/routing/regexp.h"

#include "catch.h"

using namespace weir::routing;

namespace {
std::string replaced(std::string_view pattern, std::string_view text, std::string_view replacement) {
  return Regexp::compile(pattern).value().replace_all(text, replacement);
}
}  // namespace

TEST_CASE("regexp: groups by number and by name") {
  CHECK(replaced("^/foo/(.*)", "/foo/x/y", "/bar/$1") == "/bar/x/y");
  CHECK(replaced("^https?://(.*?)/(.*)", "http://a.test/x?q=1", "https://${1}.example/$2") ==
        "https://a.test.example/x?q=1");
  CHECK(replaced("(?P<a>x)(y)?", "x", "[${a}][$2][$0][$3][${b}]") == "[x][][x][][]");
  CHECK(replaced("(a)", "a", "$1x") == "");  // the group called "1x"
  CHECK(replaced("(a)", "a", "${1}x") == "ax");
  CHECK(replaced("(a)", "a", "$1/x") == "a/x");
  std::string ten = "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)";
  CHECK(replaced(ten, "abcdefghij", "$10$1") == "ja");
}

TEST_CASE("regexp: dollars that begin no group") {
  CHECK(replaced("a", "a", "$$1") == "$1");
  CHECK(replaced("a", "a", "$") == "$");
  CHECK(replaced("a", "a", "x$") == "x$");
  CHECK(replaced("a", "a", "${") == "${");
  CHECK(replaced("a", "a", "${1") == "${1");
  CHECK(replaced("a", "a", "$-") == "$-");
  CHECK(replaced("a", "a", "\\1") == "\\1");
}

TEST_CASE("regexp: every match, the empty ones too, and nothing where there is none") {
  CHECK(replaced("o", "foo/boo", "0") == "f00/b00");
  CHECK(replaced("x*", "abc", "-") == "-a-b-c-");
  CHECK(replaced("a*", "baac", "-") == "-b-c-");
  CHECK(replaced("x", "abc", "-") == "abc");
  CHECK(replaced("", "", "-") == "-");
  CHECK(replaced("x*", "\xc3\xa4", "-") == "-\xc3\xa4-");  // one character of two bytes
  CHECK(replaced("^a", "aaa", "b") == "baa");
  CHECK(replaced("$", "a", "b") == "ab");
  CHECK(Regexp().replace_all("a", "b") == "a");
}

TEST_CASE("regexp: the first match is a part of the text") {
  std::string_view text = "/api/v12/x";
  std::string_view found = Regexp::compile("/v[0-9]+").value().find(text);
  CHECK(found == "/v12");
  CHECK(found.data() == text.data() + 4);
  CHECK(Regexp::compile("nothing").value().find(text).empty());
  CHECK(Regexp().find(text).empty());
}

TEST_CASE("regexp: bytes that are no UTF-8 are characters, as in Go") {
  const Regexp any = Regexp::compile("^/a.b(.*)$").value();
  CHECK(
      any.matches("/a\xff"
                  "b"));
  CHECK(any.matches("/axb\xc3\xa9\x80"));
  CHECK(
      any.matches("/a\xc3\xa9"
                  "b"));
  CHECK_FALSE(
      any.matches("/a\xff\xfe"
                  "b"));
  CHECK(Regexp::compile("^/\\x{FFFD}$").value().matches("/\xff"));
  CHECK_FALSE(Regexp::compile("^/[a-z]$").value().matches("/\xff"));
  CHECK(any.find("/a\xff"
                 "b\xfe/c") ==
        "/a\xff"
        "b\xfe/c");
  CHECK(Regexp::compile("b.").value().find("/a\xff"
                                           "b\xfe/c") == "b\xfe");
  CHECK(any.replace_all("/a\xff"
                        "b\xfe/c",
                        "<$1>") == "<\xfe/c>");
  CHECK(Regexp::compile("b").value().replace_all("/a\xff"
                                                 "b\xfe",
                                                 "x") == "/a\xffx\xfe");
  CHECK(Regexp::compile("z*").value().replace_all("\xff"
                                                  "a",
                                                  "-") == "-\xff-a-");
}

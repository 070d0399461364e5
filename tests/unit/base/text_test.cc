#include "weir/base/field_name.h"
#include "weir/base/quoted_string.h"
#include "weir/base/text.h"

#include "catch.h"

using namespace weir;

TEST_CASE("text: base64 goes both ways for every length") {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    CHECK(base64_decode(base64_encode(bytes)) == bytes);
    bytes += static_cast<char>(i * 7);
  }
  CHECK(base64_encode("hello") == "aGVsbG8=");
}

TEST_CASE("text: malformed base64 is refused") {
  for (const char* bad : {"a", "aGVsbG8", "aG=sbG8=", "aGVs*G8=", "====", "a==="}) CHECK_FALSE(base64_decode(bad));
}

TEST_CASE("text: percent decoding refuses a cut escape and keeps a plus") {
  CHECK(percent_decode("a%2Fb+c") == "a/b+c");
  CHECK_FALSE(percent_decode("a%2"));
  CHECK_FALSE(percent_decode("a%zz"));
  CHECK(percent_encode("a/b c") == "a%2Fb%20c");
}

TEST_CASE("text: numbers take digits only and refuse overflow") {
  CHECK(parse_u64("18446744073709551615") == 18446744073709551615ULL);
  for (const char* bad : {"", "18446744073709551616", "+1", "-1", " 1", "1 ", "0x1"}) CHECK_FALSE(parse_u64(bad));
  CHECK(parse_i64("-5") == -5);
}

TEST_CASE("text: split keeps empty pieces, split_list drops them") {
  CHECK(split("a,,b", ',').size() == 3);
  CHECK(split("", ',').size() == 1);
  CHECK(split_list(" a, ,b ").size() == 2);
  CHECK(trim(" \t a b\r\n") == "a b");
  CHECK(trim("  ").empty());
}

TEST_CASE("text: equal without case means letters only, at every length and place") {
  for (size_t size : {1, 3, 4, 5, 7, 8, 9, 12, 17}) {
    for (size_t at = 0; at < size; ++at) {
      for (int x = 0; x < 256; ++x) {
        for (int y : {x, x ^ 0x20, x ^ 0x80, x ^ 1}) {
          std::string a(size, 'q');
          std::string b(size, 'Q');
          a[at] = static_cast<char>(x);
          b[at] = static_cast<char>(y);
          INFO(size << " " << at << " " << x << " " << y);
          if (equals_ignore_case(a, b) != (ascii_lower(a[at]) == ascii_lower(b[at]))) FAIL();
        }
      }
    }
  }
  CHECK_FALSE(equals_ignore_case("abc", "abcd"));
  CHECK(equals_ignore_case("", ""));
}

namespace {
/// Each byte of the name exchanged for each that is no control character: named alike as equals_ignore_case has it.
template <size_t Size>
void compare_with_all(const char (&lower)[Size]) {
  std::string name = lower;
  for (size_t at = 0; at < name.size(); ++at) {
    for (int c = 0x20; c < 0x100; ++c) {
      std::string other = name;
      other[at] = static_cast<char>(c);
      INFO(other);
      if (is_named(other, lower) != equals_ignore_case(other, name)) FAIL();
    }
  }
  CHECK_FALSE(is_named(name + "x", lower));
  CHECK_FALSE(is_named(name.substr(1), lower));
}
}  // namespace

TEST_CASE("text: a quoted string is taken from the front of a text") {
  std::string_view text = R"("a \"b\" \\" ; c="d")";
  CHECK(take_quoted_string(text) == R"(a "b" \)");
  CHECK(text == R"( ; c="d")");
  text = R"("")";
  CHECK(take_quoted_string(text) == "");
  CHECK(text.empty());
  for (std::string_view none : {R"()", R"(a)", R"(")", R"("a)", R"("a\)", R"("a\")"}) {
    text = none;
    CHECK_FALSE(take_quoted_string(text));
    CHECK(text == none);
  }
}

TEST_CASE("text: a name known beforehand is told from every other, in any case") {
  compare_with_all("te");
  compare_with_all("date");
  compare_with_all("close");
  compare_with_all("expect");
  compare_with_all("upgrade");
  compare_with_all("keep-alive");
  compare_with_all("content-length");
  compare_with_all("proxy-connection");
  compare_with_all("transfer-encoding");
  compare_with_all("proxy-authorization");
}

TEST_CASE("text: an upper-case letter is found wherever it stands") {
  CHECK_FALSE(has_upper(""));
  for (size_t size = 1; size < 20; ++size) {
    std::string text(size, 'a');
    CHECK_FALSE(has_upper(text));
    for (size_t at = 0; at < size; ++at) {
      for (char c : {'A', 'Z', '@', '['}) {
        text[at] = c;
        if (has_upper(text) != (c == 'A' || c == 'Z')) FAIL();
        text[at] = 'a';
      }
    }
  }
}

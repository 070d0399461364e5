#include "weir/config/document.h"

#include <algorithm>

#include "catch.h"

using namespace weir;
using namespace weir::config;

TEST_CASE("document: a syntax error names file, line and column") {
  auto cut = parse_toml("a = 1\nb = [1,\n", "weir.toml");
  REQUIRE_FALSE(cut);
  CHECK(cut.error().file == "weir.toml");
  CHECK(cut.error().line == 2);

  auto garbage = parse_toml("a = 1\nb = = 2\n", "weir.toml");
  REQUIRE_FALSE(garbage);
  CHECK(garbage.error().line == 2);
  CHECK(garbage.error().column == 5);
}

TEST_CASE("document: a key given twice is an error at the second") {
  auto twice = parse_toml("a = 1\na = 2\n", "x.toml");
  REQUIRE_FALSE(twice);
  CHECK(twice.error().line == 2);
}

TEST_CASE("document: a table's header without a name is an error, not an assertion of the library") {
  for (const char* text :
       {"[=", "[{", "[,]", "[[=]]", "[a.=]", "[.a]", "a.= 1", "[\n]", "[[ ", "{", "=", "a={b=[", "a=[[[[{"}) {
    INFO(text);
    auto bad = parse_toml(text, "x.toml");
    REQUIRE_FALSE(bad);
    CHECK(bad.error().line >= 1);
  }
}

TEST_CASE("document: letters that are not ASCII are an error outside of strings and fine inside") {
  for (const char* text :
       {"\u00e9 = 1", "a \u00e9 = 1", "a = \u00e9", "a = 1 \u00fc", "[a\u1234]", "a = [1, \u2f00]", "\u00a0 = 1"}) {
    INFO(text);
    CHECK_FALSE(parse_toml(text, "x.toml"));
  }
  auto inside = parse_toml("a = \"\u00e9\" # \u00fc\nb = '\u1234'\nc = \"\"\"\\\n  \u00e9\"\"\"\n", "x.toml");
  REQUIRE(inside);
  CHECK(inside->root.find("a")->text == "\u00e9");
  CHECK(inside->root.find("c")->text == "\u00e9");
}

TEST_CASE("document: bytes that are no UTF-8 are an error, not a crash") {
  CHECK_FALSE(parse_toml("a = \"\xff\xfe\"", "x.toml"));
  CHECK_FALSE(parse_toml(std::string_view("a\0b = 1", 7), "x.toml"));
}

TEST_CASE("document: nesting without end is an error, not a crash") {
  CHECK_FALSE(parse_toml("a = " + std::string(100'000, '['), "x.toml"));
}

namespace {

/// "a.a.a", with that many dots.
std::string dotted(size_t dots) {
  std::string out = "a";
  for (size_t i = 0; i < dots; ++i) out += ".a";
  return out;
}

}  // namespace

TEST_CASE("document: a key of 64 dots is taken, one of 65 is an error with its place, wherever keys stand") {
  for (auto [before, after] : {std::pair{"", " = 1.5"}, {"\n [", "]"}, {"x = { y = '.', ", " = 1 }"}, {"[[", "]]"}}) {
    INFO(before);
    std::string_view opened = before;
    auto around =
        static_cast<size_t>(std::count_if(opened.begin(), opened.end(), [](char c) { return c == '[' || c == '{'; }));
    CHECK(parse_toml(before + dotted(64 - around) + after, "x.toml"));
    auto bad = parse_toml(before + dotted(65 - around) + after, "x.toml");
    REQUIRE_FALSE(bad);
    CHECK(bad.error().message == "nested deeper than 64");
    CHECK(bad.error().line == (opened.starts_with("\n") ? 2U : 1U));
  }
  auto far = parse_toml("\u00fc" + dotted(100'000), "x.toml");
  REQUIRE_FALSE(far);
  CHECK(far.error().text() == "x.toml:1:131: nested deeper than 64");
}

TEST_CASE("document: keys within the values of dotted keys do not nest without end") {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "{" + dotted(60) + " = ";
  CHECK_FALSE(parse_toml("a = " + text + "1" + std::string(200, '}'), "x.toml"));
}

TEST_CASE("document: dots in strings and comments are none of a key, and hide none") {
  const std::string dots(100, '.');
  for (const std::string& text :
       {"a = \"" + dots + "\"", "a = '" + dots + "'", "a = 1 # " + dots, "\"" + dots + "\" = 1",
        "a = \"\\\"" + dots + "\"", "a = \"\"\"\n\"" + dots + "\"\"\"\"\"", "a = '''\n'" + dots + "'''"}) {
    INFO(text);
    CHECK(parse_toml(text, "x.toml"));
  }
  for (const char* before :
       {"x = \"\"\"a\"\"\"\", ", "x = '''a''''', ", "x = \"\\\\\", ", "x = '\\', ", "x = \"#\", "}) {
    INFO(before);
    auto bad = parse_toml("t = {" + std::string(before) + dotted(64) + " = 1}", "x.toml");
    REQUIRE_FALSE(bad);
    CHECK(bad.error().message == "nested deeper than 64");
  }
}

TEST_CASE("document: a text over 4 MiB is refused, at 4 MiB it is read") {
  std::string text = "a = 1\n#";
  text.resize(4 * 1024 * 1024, 'x');
  CHECK(parse_toml(text, "x.toml"));
  auto large = parse_toml(text + "x", "x.toml");
  REQUIRE_FALSE(large);
  CHECK(large.error().code == ErrorCode::too_large);
}

TEST_CASE("document: a date is refused at its place") {
  auto date = parse_toml("ok = 1\nwhen = 2026-11-21\n", "x.toml");
  REQUIRE_FALSE(date);
  CHECK(date.error().line == 2);
  CHECK(date.error().column == 8);
}

TEST_CASE("document: every kind of value keeps its place and members their order") {
  auto document = parse_toml("z = \"text\"\na = 7\n[t]\nb = true\nlist = [1.5,\n  2.5]\n", "x.toml");
  REQUIRE(document);
  const Node& root = document->root;
  REQUIRE(root.members.size() == 3);
  CHECK(root.members[0].key == "z");
  CHECK(root.members[0].text == "text");
  CHECK(root.members[1].integer == 7);
  const Node* table = root.find("t");
  REQUIRE(table != nullptr);
  CHECK(table->find("b")->boolean);
  CHECK(table->find("b")->key_line == 4);
  const Node* list = table->find("list");
  REQUIRE(list->items.size() == 2);
  CHECK(list->items[1].real == 2.5);
  CHECK(list->items[1].line == 6);
  CHECK(list->items[1].error("no").text() == "x.toml:6:3: no");
  CHECK(root.find("nothing") == nullptr);
}

TEST_CASE("document: an empty text is an empty table") {
  auto document = parse_toml("", "x.toml");
  REQUIRE(document);
  CHECK(document->root.kind == Node::Kind::table);
  CHECK(document->root.members.empty());
}

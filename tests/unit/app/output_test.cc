// What client subcommands print.

#include "app/output.h"

#include "catch.h"

using namespace weir::app;

TEST_CASE("output: the last lines of a text, of which an unfinished one is one") {
  CHECK(last_lines("a\nb\nc\n", 2) == "b\nc\n");
  CHECK(last_lines("a\nb\nc", 2) == "b\nc");
  CHECK(last_lines("a\nb\n\n", 1) == "\n");
  CHECK(last_lines("\n", 1) == "\n");
  CHECK(last_lines("a\nb", 2) == "a\nb");
  CHECK(last_lines("a\nb", 9) == "a\nb");
  CHECK(last_lines("a\nb", 0).empty());
  CHECK(last_lines("", 3).empty());
}

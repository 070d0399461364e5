#include "weir/base/nearest_word.h"

#include <vector>

#include "catch.h"

using namespace weir;

TEST_CASE("nearest word: a slip of the hand finds its word, another word finds nothing") {
  const std::vector<std::string> known = {"address", "admin", "workers", "port", "tag"};
  CHECK(nearest_word("adress", known) == "address");
  CHECK(nearest_word("wrokers", known) == "workers");
  CHECK(nearest_word("wrker", known) == "workers");
  CHECK(nearest_word("prot", known) == "port");  // two letters changed their places: one slip
  CHECK(nearest_word("tags", known) == "tag");
  for (const char* other : {"", "x", "pit", "args", "zebra", "worked on"}) {
    INFO(other);
    CHECK(nearest_word(other, known).empty());
  }
  CHECK(nearest_word(std::string(100'000, 'a'), known).empty());
}

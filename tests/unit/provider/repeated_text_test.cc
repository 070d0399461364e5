// A text that comes again: whatever changes in it and however it is cut, what is put together is what has come.

#include "provider/repeated_text.h"

#include "catch.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::provider;

namespace {

void take(RepeatedText& text, std::string_view all, size_t piece_bytes) {
  text.begin();
  for (; all.size() > piece_bytes; all.remove_prefix(piece_bytes)) text.take(all.substr(0, piece_bytes));
  text.take(all);
}

std::string list_of(const std::vector<std::string>& entries) {
  std::string out = "[";
  for (const std::string& one : entries) out += (out.size() > 1 ? "," : "") + one;
  return out + "]";
}

}  // namespace

TEST_CASE("repeated text: the same one is known to be, and costs no copy") {
  RepeatedText text('[', ']');
  take(text, "[1,2,3]", 3);
  CHECK_FALSE(text.same());
  CHECK(text.whole() == "[1,2,3]");
  text.accept_whole();
  take(text, "[1,2,3]", 2);
  CHECK(text.same());
  CHECK(text.size() == 7);
  take(text, "[1,2,3", 2);
  CHECK_FALSE(text.same());
  CHECK(text.whole() == "[1,2,3");
  take(text, "[1,2,3]]", 2);
  CHECK_FALSE(text.same());
  CHECK(text.whole() == "[1,2,3]]");
}

TEST_CASE("repeated text: the entries that differ are found") {
  RepeatedText text('[', ']');
  RepeatedText::Middle middle;
  take(text, R"([{"a":1},{"b":2},{"c":3}])", 100);
  CHECK_FALSE(text.find_middle(middle));
  text.accept_whole();
  take(text, R"([{"a":1},{"b":2,"x":[]},{"c":3}])", 100);
  REQUIRE(text.find_middle(middle));
  CHECK(middle.was == R"({"b":2})");
  CHECK(middle.now == R"({"b":2,"x":[]})");
  text.accept_middle();
  CHECK(text.entries_before() == 3);
  take(text, R"([{"a":1},{"c":3}])", 5);
  REQUIRE(text.find_middle(middle));
  CHECK(middle.was == R"({"b":2,"x":[]},{"c":3})");
  CHECK(middle.now == R"({"c":3})");
  text.accept_middle();
  take(text, R"([{"a":1},{"c":3}])", 5);
  CHECK(text.same());
}

TEST_CASE("repeated text: a text beyond the limit is not kept, and the one before stays") {
  RepeatedText text('[', ']');
  take(text, "[1]", 3);
  text.accept_whole();
  text.begin();
  const std::string piece(1024 * 1024, ' ');
  for (size_t i = 0; i <= RepeatedText::kBytesMax / piece.size(); ++i) text.take(piece);
  CHECK(text.overflowed());
  CHECK_FALSE(text.same());
  CHECK(text.size() == 0);
  take(text, "[1]", 3);
  CHECK(text.same());
  CHECK_FALSE(text.overflowed());
}

TEST_CASE("repeated text: over any changes of a long list, cut anywhere, it is what has come") {
  Random random(11);
  RepeatedText text('[', ']');
  RepeatedText::Middle middle;
  std::vector<std::string> entries;
  size_t middles = 0;
  for (int round = 0; round < 150; ++round) {
    for (uint64_t i = random.below(4); i > 0; --i) {
      const size_t at = random.below(entries.size() + 1);
      const uint64_t what = random.below(6);
      const auto place = entries.begin() + static_cast<std::ptrdiff_t>(at);
      if (what == 0 && at < entries.size()) {
        entries.erase(place);
      } else if (what == 1 && at < entries.size()) {
        *place = "\"" + std::string(random.below(20'000), 'y') + "\"";
      } else {
        entries.insert(place, "[\"entry\"," + std::to_string(random.below(1'000)) + "]");
      }
    }
    const std::string now = list_of(entries);
    take(text, now, 1 + random.below(round % 2 == 0 ? 100 : 70'000));
    REQUIRE(text.size() == now.size());
    const bool piecewise = !text.same() && text.find_middle(middle);
    REQUIRE(text.whole() == now);
    if (piecewise) {
      ++middles;
      text.accept_middle();
    } else {
      text.accept_whole();
    }
    REQUIRE(text.entries_before() == entries.size());
    take(text, now, 4'096);
    REQUIRE(text.same());
  }
  CHECK(middles > 70);
}

#include "provider/map_difference.h"

#include <map>
#include <string>

#include "catch.h"

using namespace weir::provider;

TEST_CASE("map difference: keys that came, went or have another value, in order") {
  using Map = std::map<std::string, int>;
  auto changed = [](const Map& before, const Map& after) {
    std::string out;
    for_each_changed(before, after, [&](const std::string& key) { out += key; });
    return out;
  };
  CHECK(changed({}, {}).empty());
  CHECK(changed({{"a", 1}, {"b", 2}}, {{"a", 1}, {"b", 2}}).empty());
  CHECK(changed({{"a", 1}, {"c", 3}}, {{"b", 2}, {"c", 4}, {"d", 5}}) == "abcd");
  CHECK(changed({{"z", 1}}, {}) == "z");
  CHECK(changed({}, {{"z", 1}}) == "z");
}

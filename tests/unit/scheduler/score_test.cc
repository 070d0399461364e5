#include "catch.h"
#include "plan_fixture.h"
#include "scheduler/plan/constraint.h"
#include "scheduler/plan/score.h"
#include "scheduler/plan/version.h"

namespace weir::scheduler {

TEST_CASE("score: bin packing gives the published vectors") {
  auto rounded = [](double value) { return std::round(value * 1e6) / 1e6; };
  CHECK(rounded(binpack_score(1000, 4000, 2048, 8192)) == 0.486287);
  CHECK(rounded(binpack_score(500, 4000, 256, 8192)) == 0.177519);
  CHECK(rounded(binpack_score(2000, 4000, 1024, 8192)) == 0.518821);
  CHECK(binpack_score(4000, 4000, 8192, 8192) == 1.0);
  CHECK(binpack_score(0, 4000, 0, 8192) == 0.0);
}

TEST_CASE("score: anti-affinity weighs collisions against the desired count") {
  CHECK(anti_affinity_score(0, 2) == 0);
  CHECK(anti_affinity_score(1, 2) == -1.0);
  CHECK(anti_affinity_score(1, 10) == -0.2);
}

TEST_CASE("score: affinity is the share of the weights that hold") {
  Node node = test_node(1);
  std::vector<Affinity> affinities{
      {.l_target = "${attr.kernel.name}", .r_target = "linux", .operand = "=", .weight = 50},
      {.l_target = "${meta.rack}", .r_target = "r1", .operand = "=", .weight = -50}};
  CHECK(affinity_score(affinities, node) == 0.5);
  node.meta["rack"] = "r1";
  CHECK(affinity_score(affinities, node) == 0);
  CHECK(affinity_score({}, node) == 0);
}

TEST_CASE("score: spread prefers values below their target and refuses unknown ones") {
  Node node = test_node(1);
  Spread spread{.attribute = "${node.datacenter}", .weight = 100, .targets = {{"dc1", 70}, {"dc2", 30}}};
  CHECK(spread_score(spread, node, {}, 10, 100) == Approx(6.0 / 7.0));
  CHECK(spread_score(spread, node, {{"dc1", 7}}, 10, 100) == Approx(-1.0 / 7.0));
  node.datacenter = "dc3";
  CHECK(spread_score(spread, node, {}, 10, 100) == -1);
  spread.attribute = "${meta.none}";
  CHECK(spread_score(spread, node, {}, 10, 100) == -1);
}

TEST_CASE("score: even spread sends the next one where there are fewest") {
  Node node = test_node(1);
  Spread spread{.attribute = "${node.datacenter}", .weight = 100};
  CHECK(spread_score(spread, node, {}, 10, 100) == 0);
  CHECK(spread_score(spread, node, {{"dc2", 2}}, 10, 100) > 0);
  CHECK(spread_score(spread, node, {{"dc1", 2}, {"dc2", 1}}, 10, 100) == -1);
  CHECK(spread_score(spread, node, {{"dc1", 2}, {"dc2", 2}}, 10, 100) == -1);
}

TEST_CASE("constraint: each operand, with what makes it fail first") {
  Node node = test_node(1);
  node.attributes["cpu.numcores"] = "16";
  node.attributes["nomad.version"] = "1.9.7";
  node.attributes["features"] = "a, b,c";
  auto holds = [&](const char* left, const char* operand, const char* right) {
    return constraint_holds(left, operand, right, node);
  };
  CHECK_FALSE(holds("${attr.none}", "=", "x"));
  CHECK_FALSE(holds("${attr.kernel.name}", "=", "windows"));
  CHECK(holds("${attr.kernel.name}", "=", "linux"));
  CHECK(holds("${attr.kernel.name}", "is", "linux"));
  CHECK_FALSE(holds("${attr.kernel.name}", "!=", "linux"));
  CHECK(holds("${attr.none}", "!=", "linux"));
  CHECK_FALSE(holds("${attr.cpu.numcores}", "<", "9"));  // as numbers, not as text
  CHECK(holds("${attr.cpu.numcores}", ">=", "9"));
  CHECK(holds("1.5", "<", "1.25e1"));
  CHECK(holds("abc", "<", "abd"));
  CHECK_FALSE(holds("${attr.none}", "is_set", ""));
  CHECK(holds("${attr.none}", "is_not_set", ""));
  CHECK(holds("${attr.kernel.name}", "is_set", ""));
  CHECK_FALSE(holds("${attr.kernel.name}", "regexp", "^win"));
  CHECK_FALSE(holds("${attr.kernel.name}", "regexp", "(["));
  CHECK(holds("${attr.kernel.name}", "regexp", "li.ux"));
  CHECK_FALSE(holds("${attr.nomad.version}", "version", ">= 2.0"));
  CHECK(holds("${attr.nomad.version}", "version", ">= 1.6, < 2.0"));
  CHECK_FALSE(holds("${attr.features}", "set_contains", "a,d"));
  CHECK(holds("${attr.features}", "set_contains_all", "a,c"));
  CHECK(holds("${attr.features}", "set_contains_any", "d,c"));
  CHECK_FALSE(holds("a", "no-such-operand", "a"));
  CHECK(holds("${node.datacenter}", "=", "dc1"));
  CHECK(holds("${node.unique.id}", "=", test_uuid(1).c_str()));
}

TEST_CASE("constraint: a star in a datacenter matches any run of characters") {
  CHECK(glob_matches("*", "dc1"));
  CHECK(glob_matches("dc*", "dc1"));
  CHECK(glob_matches("*-eu-*", "a-eu-1"));
  CHECK_FALSE(glob_matches("dc", "dc1"));
  CHECK_FALSE(glob_matches("*2", "dc1"));
  CHECK_FALSE(glob_matches("", "dc1"));
}

TEST_CASE("version: order, requirements and what is malformed") {
  CHECK_FALSE(version_meets("x", "> 1", false).has_value());
  CHECK_FALSE(version_meets("1.0", ">> 1", false).has_value());
  CHECK_FALSE(version_meets("1.0", ">", false).has_value());
  CHECK_FALSE(version_meets("1.2", ">= 1.0", true).has_value());  // semver has three numbers
  CHECK(version_meets("1.2.3", ">= 1.0", true).value());
  CHECK(version_meets("v1.10.0", "> 1.9", false).value());
  CHECK(version_meets("1.4.9", "~> 1.4", false).value());
  CHECK_FALSE(version_meets("2.0.0", "~> 1.4", false).value());
  CHECK_FALSE(version_meets("1.5.0", "~> 1.4.2", false).value());
  CHECK_FALSE(version_meets("1.5.0-beta1", ">= 1.0", false).value());
  CHECK(version_meets("1.5.0-beta1", ">= 1.0.0", true).value());
  CHECK(version_meets("1.5.0", "> 1.5.0-beta1", false).value());
  CHECK(version_meets("1.5.0", "!= 1.4", false).value());
}

}  // namespace weir::scheduler

#include "weir/routing/lint.h"

#include <algorithm>

#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {

std::vector<std::string> findings(const Definitions& definitions) {
  std::vector<std::string> out;
  for (const LintFinding& one : lint(*build_all({definitions}).table)) {
    out.push_back(std::string(to_string(one.kind)) + " " + one.router + (one.other.empty() ? "" : " " + one.other));
  }
  return out;
}
std::vector<std::string> findings(const std::vector<std::string>& routers) { return findings(definitions(routers)); }

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("lint: no table and no routers have nothing to mend") {
  CHECK(lint(RoutingTable()).empty());
  CHECK(findings(Texts{}).empty());
}

TEST_CASE("lint: routes that are layered are as they should be") {
  CHECK(findings({"all 1: PathPrefix(`/`)", "host: Host(`a`)", "api: Host(`a`) && PathPrefix(`/api`)",
                  "exact 99: Host(`a`) && Path(`/api/x`)", "deep 10: Host(`**.d`)", "wild 20: Host(`*.d`)",
                  "one 30: Host(`x.d`)", "get 90: Host(`g`) && Method(`GET`)", "post 90: Host(`g`) && Method(`POST`)",
                  "head 80: Host(`h`) && Header(`A`, `1`)", "none 80: Host(`h`) && !Header(`A`, `1`)"})
            .empty());
}

TEST_CASE("lint: pain 28, a catch-all whose rule is longer than the others' is found to take their requests") {
  CHECK(findings({"all: PathPrefix(`/`)", "host: Host(`a`)"}) == Texts{"shadowed host@file all@file"});
}

TEST_CASE("lint: a rule that can never hold is told, with its place") {
  auto found = lint(*build({"a: Host(`x`) && Host(`y`)"}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].kind == LintFinding::Kind::never_holds);
  CHECK(found[0].origin == "test: a");
}

TEST_CASE("lint: a HostRegexp of Traefik 2 is told, and a count of characters is none") {
  CHECK(findings(Texts{"a: HostRegexp(`{sub:[a-z]+}.a.test`)"}) == Texts{"never_holds a@file"});
  CHECK(findings({"a: HostRegexp(`^x{2,3}.test$`)", "b: Host(`b`) && PathRegexp(`{a}`)"}).empty());
}

TEST_CASE("lint: a router that others take everything from is shadowed") {
  CHECK(findings({"big 99: Host(`a`)", "small: Host(`a`) && PathPrefix(`/api`)"}) ==
        Texts{"shadowed small@file big@file"});
  // By two together, each one of its alternatives.
  CHECK(findings({"a 99: Host(`a`)", "b 99: Host(`b`)", "both 1: Host(`a`) || Host(`b`)"}) ==
        Texts{"shadowed both@file a@file"});
  CHECK(findings({"a 99: Host(`a`)", "both 1: Host(`a`) || Host(`b`)"}).empty());
  CHECK(findings({"deep 99: Host(`**.d`)", "wild 1: Host(`*.x.d`)"}) == Texts{"shadowed wild@file deep@file"});
  CHECK(findings({"get 99: Host(`a`) && Method(`GET`)", "more 1: Host(`a`) && Method(`GET`) && Header(`B`, `1`)"}) ==
        Texts{"shadowed more@file get@file"});
  CHECK(findings({"get 99: Host(`a`) && Method(`GET`)", "any 1: Host(`a`)"}).empty());
}

TEST_CASE("lint: who does not listen where the other does shadows nobody") {
  Definitions one = definitions({"big 99: Host(`a`)", "small: Host(`a`) && PathPrefix(`/api`)"});
  one.routers[0].tls = true;
  CHECK(findings(one).empty());
  one.routers[1].tls = true;
  CHECK(findings(one) == Texts{"shadowed small@file big@file"});
  one.routers[0].entry_points = {"internal"};
  CHECK(findings(one).empty());
  one.routers[1].entry_points = {"internal"};
  CHECK(findings(one) == Texts{"shadowed small@file big@file"});
}

TEST_CASE("lint: pain 28, equal priorities for the same requests are told, not left to chance") {
  CHECK(findings({"a 7: Host(`x`) && PathPrefix(`/a`)", "b 7: Host(`x`) && Method(`GET`)"}) ==
        Texts{"equal_priority b@file a@file"});
  CHECK(findings({"a 7: Host(`x`)", "b 7: Host(`x`)"}) == Texts{"shadowed b@file a@file"});
  CHECK(findings({"a 7: Host(`x`)", "b 7: Host(`y`)"}).empty());
}

TEST_CASE("lint: of very many findings the notes leave no fault untold") {
  Texts routers;
  for (int i = 0; i < 40; ++i) {
    routers.push_back("host" + std::to_string(i) + " 9: Host(`h" + std::to_string(i) + "`)");
    routers.push_back("path" + std::to_string(i) + " 5: PathPrefix(`/p" + std::to_string(i) + "`)");
  }
  routers.push_back("z1 7: Host(`z`) && PathPrefix(`/a`)");
  routers.push_back("z2 7: Host(`z`) && Method(`GET`)");
  const Texts found = findings(routers);
  CHECK(std::count_if(found.begin(), found.end(), [](const auto& one) { return one.starts_with("note"); }) ==
        kLintFindingsMax);
  CHECK(std::count(found.begin(), found.end(), "equal_priority z2@file z1@file") +
            std::count(found.begin(), found.end(), "equal_priority z1@file z2@file") ==
        1);
}

TEST_CASE("lint: routers that cross each other are noted") {
  CHECK(findings({"host 9: Host(`x`)", "path 5: PathPrefix(`/api`)"}) == Texts{"note path@file host@file"});
}

TEST_CASE("lint: regular expressions are asked about the hosts and paths that other rules name") {
  CHECK(findings({"host 9: Host(`a.test`) && PathPrefix(`/x`)", "regexp 5: HostRegexp(`^b`)"}).empty());
  CHECK(findings({"host 9: Host(`a.test`) && PathPrefix(`/x`)", "regexp 9: HostRegexp(`^b`)"}).empty());
  CHECK(
      findings({"host 5: Host(`a.test`) && PathPrefix(`/x`)", "regexp 9: HostRegexp(`^a`) && Method(`GET`)"}).empty());
  CHECK(findings({"host 5: Host(`a.test`)", "regexp 9: HostRegexp(`^a`)"}) == Texts{"shadowed host@file regexp@file"});
  CHECK(findings({"path 9: Host(`a`) && Path(`/a`)", "regexp 9: PathRegexp(`^/b`)"}).empty());
  CHECK(findings({"path 9: Host(`a`) && PathPrefix(`/a/x`)", "regexp 9: PathRegexp(`^/b`)"}).empty());
  CHECK(findings({"path 9: Host(`a`) && PathPrefix(`/a`)", "regexp 9: PathRegexp(`^/a/b`)"}).size() == 1);
  CHECK(findings({"path 9: Host(`a`) && PathPrefix(`/a b`)", "regexp 9: PathRegexp(`^/a b`)"}).size() == 1);
}

TEST_CASE("lint: expressions that plainly begin otherwise have no request in common") {
  CHECK(findings({"a 9: PathRegexp(`^/a`)", "b 9: PathRegexp(`^/b`)"}).empty());
  CHECK(findings({"a 9: HostRegexp(`^a\\.`)", "b 9: HostRegexp(`^b`)"}).empty());
  for (const char* other : {"^/", "/b", "^/a?b", "^(/b)", "^/b|/a", "(?i)^/b", "^/a*b", "^[/]b", "^/\\x62"}) {
    INFO(other);
    CHECK(findings({"a 9: PathRegexp(`^/a`)", "b 9: PathRegexp(`" + std::string(other) + "`)"}) ==
          Texts{"equal_priority b@file a@file"});
  }
}

TEST_CASE("lint: conditions that exclude one another, and expressions that no host or path matches, are told") {
  for (const char* rule : {"Method(`GET`) && Method(`PUT`)", "HostRegexp(`^A\\.test$`)", "HostRegexp(`Api`)",
                           "HostRegexp(`^a\\.test:8080$`)", "PathRegexp(`^api`)", "PathRegexp(`/a\\?b=1`)",
                           "Host(`a`) && !Query(`q`) && Query(`q`)", "PathRegexp(`^/a`) && PathRegexp(`^/b`)"}) {
    INFO(rule);
    CHECK(findings(Texts{std::string("a: ") + rule}) == Texts{"never_holds a@file"});
  }
  for (const char* rule :
       {"HostRegexp(`(?i)^A$`)", "HostRegexp(`[A-Z]?a`)", "HostRegexp(`^a|B`)", "HostRegexp(`^(A|a)$`)",
        "HostRegexp(`A*b`)", "HostRegexp(`A{0,1}b`)", "HostRegexp(`^fe80:`)", "PathRegexp(`api`)",
        "PathRegexp(`^/api`)", "PathRegexp(`^.api`)", "PathRegexp(`^a?/`)", "PathRegexp(`^/a?b`)",
        "PathRegexp(`^api|^/`)", "Path(`/a`) || Method(`GET`) && Method(`PUT`)"}) {
    INFO(rule);
    CHECK(findings(Texts{std::string("a: ") + rule}).empty());
  }
}

TEST_CASE("lint: entry points that nobody has are told") {
  Definitions one = definitions({"a: Host(`a`)", "b: Host(`b`)", "c: Host(`c`)"});
  one.routers[1].entry_points = {"web", "nope"};
  one.routers[2].entry_points = {"nope", "never"};
  const auto table = build_all({one}).table;
  const auto found = find_unknown_entry_points(*table, {"internal", "web"});
  REQUIRE(found.size() == 2);
  CHECK(found[0].router + ": " + found[0].reason == "b@file: no entry point is named nope");
  CHECK(found[1].router + ": " + found[1].reason == "c@file: no entry point is named nope, never; it answers nowhere");
  CHECK(to_string(found[1].kind) == "entry_point");
  CHECK(find_unknown_entry_points(*table, {}).empty());
}

TEST_CASE("lint: what answers 503 for another reason is left alone") {
  Definitions one = definitions({"a 9: Host(`x`)", "b 9: Host(`x`)"});
  one.routers[0].service = "gone";
  CHECK(findings(one).empty());
}

TEST_CASE("lint: 5,000 routers of one host are compared with those above their paths, not with one another") {
  std::vector<std::string> routers = {"all 1: Host(`a`)", "any 2: PathPrefix(`/team-7`)"};
  for (int i = 0; i < 5'000; ++i) {
    std::string number = std::to_string(i);
    routers.push_back("r" + number + " 9: Host(`a`) && PathPrefix(`/team-" + number + "/`)");
  }
  routers.emplace_back("late 3: Host(`a`) && PathPrefix(`/team-42/deep`)");
  auto table = build(routers);
  uint64_t comparisons = 0;
  auto found = lint(*table, &comparisons);
  REQUIRE(found.size() == 2);
  CHECK(found[0].router + " " + found[0].other == "all@file any@file");
  CHECK(found[1].router + " " + found[1].other == "late@file r42@file");
  CHECK(comparisons < 10 * routers.size());
}

TEST_CASE("lint: a router that is there for what no other takes may be left with nothing") {
  Definitions all = definitions({"last -9: Host(`a`) && PathPrefix(`/x`)", "a 9: Host(`a`)"});
  CHECK(findings(all) == Texts{"shadowed last@file a@file"});
  all.routers[0].last_resort = true;
  CHECK(findings(all).empty());
}

TEST_CASE("lint: a command's router whose targets a route of fabio's tags has taken in is as it should be") {
  CHECK(findings({"urlprefix-a/x 10: Host(`a`) && PathPrefix(`/x`)", "a/x 9: Host(`a`) && PathPrefix(`/x`)"}).empty());
  Definitions by_path = definitions({"urlprefix-a/x 9: Host(`a`) && PathRegexp(`^/x`)",
                                     "a/x 9: Host(`a`) && PathRegexp(`^/x`)", "a/y 9: Host(`a`) && PathRegexp(`y`)"});
  for (RouterDefinition& one : by_path.routers) one.path_order = PathOrder::command;
  by_path.routers[0].path_order = PathOrder::bytes;
  // The order of paths is an order: nothing is left to chance.
  CHECK(findings(by_path).empty());
  CHECK(findings({"urlprefix-a/x 10: Host(`a`) && PathPrefix(`/x`)", "b/x 9: Host(`a`) && PathPrefix(`/x`)"}).size() ==
        1);
}

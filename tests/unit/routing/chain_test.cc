// Chains: a router runs what they name, in their place, as long as what they name is there.

#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {

using Names = std::vector<std::string>;

Names running(const BuildOutcome& outcome) {
  Names out;
  for (const auto& one : outcome.table->match(request("a", "/"))->middlewares) out.push_back(one->name);
  return out;
}
std::string problem(const BuildOutcome& outcome) {
  return std::string(outcome.table->match(request("a", "/"))->problem());
}

MiddlewareDefinition prefix(std::string name) { return middleware(std::move(name), "addPrefix", {{"prefix", "/x"}}); }
MiddlewareDefinition chain(std::string name, std::string members) {
  return middleware(std::move(name), "chain", {{"middlewares", std::move(members)}});
}

Definitions routed(const Names& middlewares) {
  Definitions out = definitions({"a: Host(`a`)"});
  out.routers[0].middlewares = middlewares;
  return out;
}

}  // namespace

TEST_CASE("chain: its members run in its place, chains in chains too, each of its own provider") {
  Definitions one = routed({"first", "outer", "last"});
  one.middlewares = {prefix("first"), prefix("last"), chain("outer", "one, inner@kv,two"), prefix("one"),
                     prefix("two")};
  Definitions other = definitions({}, "kv");
  other.middlewares = {chain("inner", "one,one@file"), prefix("one")};
  CHECK(running(build_all({one, other})) ==
        Names{"first@file", "outer@file", "one@file", "inner@kv", "one@kv", "one@file", "two@file", "last@file"});
}

TEST_CASE("chain: a member that is missing, comes, changes and goes") {
  Definitions one = routed({"c"});
  one.middlewares = {chain("c", "m")};
  auto outcome = build_all({one});
  CHECK(problem(outcome) == "middleware m@file does not exist");
  one.middlewares.push_back(prefix("m"));
  outcome = build_all({one}, outcome.table);
  CHECK(problem(outcome).empty());
  CHECK(running(outcome) == Names{"c@file", "m@file"});
  one.middlewares[1].options = {{"prefix", "/y"}};
  outcome = build_all({one}, outcome.table);
  CHECK(outcome.table->match(request("a", "/"))->middlewares[1]->values == Names{"/y"});
  one.middlewares.pop_back();
  outcome = build_all({one}, outcome.table);
  CHECK(running(outcome) == Names{"c@file", "m@file"});  // its last version stays, as anywhere
  one.middlewares.clear();
  outcome = build_all({one}, outcome.table);
  CHECK(running(outcome) == Names{"c@file", "m@file"});
}

TEST_CASE("chain: when it names others, the routers that use it run those") {
  Definitions one = routed({"c"});
  one.middlewares = {chain("c", "m"), prefix("m"), prefix("n")};
  auto outcome = build_all({one});
  one.middlewares[0] = chain("c", "n,m");
  outcome = build_all({one}, outcome.table);
  CHECK(running(outcome) == Names{"c@file", "n@file", "m@file"});
  one.middlewares[2].options = {{"prefix", "/n"}};
  outcome = build_all({one}, outcome.table);
  CHECK(outcome.table->match(request("a", "/"))->middlewares[1]->values == Names{"/n"});
}

TEST_CASE("chain: one that holds itself, or very many, is a problem of its routers alone") {
  Definitions one = routed({"c"});
  one.routers.push_back(router("b: Host(`b`)"));
  one.middlewares = {chain("c", "d"), chain("d", "m,c"), prefix("m")};
  auto outcome = build_all({one});
  CHECK(problem(outcome).find("is a chain without an end") != std::string::npos);
  CHECK(outcome.table->match(request("b", "/"))->problem().empty());
  std::string many = "m";
  for (int i = 0; i < 20; ++i) many += ",m";
  one.middlewares = {chain("c", "d,d,d,d,d"), chain("d", "e,e,e,e,e"), chain("e", many), prefix("m")};
  CHECK(problem(build_all({one})).find("too long a one") != std::string::npos);
}

TEST_CASE("chain: a router to Traefik's noop@internal runs its middlewares, and lacks nothing") {
  Definitions one = routed({"m"});
  one.routers[0].service = "noop@internal";
  one.middlewares = {prefix("m")};
  auto outcome = build_all({one});
  CHECK((outcome.rejected.empty() && problem(outcome).empty()));
  CHECK(running(outcome) == Names{"m@file"});
  CHECK(outcome.table->match(request("a", "/"))->service->endpoints.empty());
  one.routers[0].service = "api@internal";
  CHECK(problem(build_all({one})) ==
        "service api@internal is Traefik's own; the edge's API and pages are at admin.address");
}

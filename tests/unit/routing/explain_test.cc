#include "weir/routing/explain.h"

#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

TEST_CASE("explain: it names the winner and why each other that matched lost") {
  Definitions file = definitions({"api 30: Host(`x`) && PathPrefix(`/api`)", "low: Host(`x`)", "same 30: Host(`x`)",
                                  "miss: Host(`y`)", "admin 99: Host(`x`)", "secure 98: Host(`x`)"});
  file.routers[4].entry_points = {"admin"};
  file.routers[5].tls = true;
  Definitions consul = definitions({"also 30: Host(`x`)"}, "consul");
  auto table = build_all({file, consul}).table;
  auto explained = explain(*table, request("x", "/api"));
  REQUIRE(explained.winner != nullptr);
  CHECK(explained.winner->name == "api@file");
  CHECK(explained.winner == table->match(request("x", "/api")));
  std::vector<std::string> told;
  for (const RouteCandidate& one : explained.candidates) {
    told.push_back(one.router->name + " " + std::string(to_string(one.verdict)) + ": " + one.reason);
  }
  CHECK(told == std::vector<std::string>{
                    "api@file wins: the highest rank of all whose rule holds",
                    "same@file later_name: priority 30 as api@file, whose name sorts first",
                    "also@consul lower_provider: priority 30 as api@file, whose provider comes first",
                    "low@file lower_priority: priority 9 is lower than 30 of api@file",
                    "admin@file entry_point: does not listen on entry point \"web\"",
                    "secure@file needs_tls: answers on TLS connections only",
                });
}

TEST_CASE("explain: no winner, and why") {
  Definitions file = definitions({"secure: Host(`x`)"});
  file.routers[0].tls = true;
  auto table = build_all({file}).table;
  auto explained = explain(*table, request("x", "/"));
  CHECK(explained.winner == nullptr);
  REQUIRE(explained.candidates.size() == 1);
  CHECK(explained.candidates[0].verdict == RouteCandidate::Verdict::needs_tls);
  CHECK(explain(*table, request("y", "/")).candidates.empty());
  CHECK(explain(RoutingTable(), request("x", "/")).winner == nullptr);
}

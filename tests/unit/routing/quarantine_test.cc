// What happens to the broken: the rest routes on, the last good version serves, and the reason is told.
#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {
using Reasons = std::vector<std::string>;
}

TEST_CASE("quarantine: pain 17, a rule that does not parse drops its router only, with the column") {
  auto outcome = build_all({definitions({"bad: Host(`a`", "good: Host(`b`)"})});
  CHECK(match(outcome.table, "b", "/") == "good");
  CHECK(find_router(outcome.table, "bad@file") == nullptr);
  REQUIRE(outcome.rejected.size() == 1);
  CHECK(outcome.rejected[0] == Rejection{"router", "bad@file", "rule: column 9: expected `,` or `)`", "test: bad"});
}

TEST_CASE("quarantine: the last good version of a router serves on, with its service as it is now") {
  Definitions one = definitions({"a: Host(`a`)"});
  auto good = build_all({one});
  one.routers[0].rule = "Host(`a`) &&";
  auto broken = build_all({one}, good.table);
  CHECK(broken.table == good.table);  // nothing that routes changed
  CHECK(reasons(broken) ==
        Reasons{"router a@file: rule: column 13: expected a matcher, `!` or `(`; the last good version keeps serving"});
  one.services[0] = service("s", {1, 2});
  auto scaled = build_all({one}, broken.table);
  CHECK(match(scaled.table, "a", "/") == "a");
  CHECK(scaled.table->match(request("a", "/"))->service->endpoints.size() == 2);
  CHECK(scaled.rejected.size() == 1);  // told each time, not only when it is new
  auto still = build_all({one}, scaled.table);
  CHECK(still.table == scaled.table);
  one.routers[0].rule = "Host(`b`)";
  auto healed = build_all({one}, still.table);
  CHECK(healed.rejected.empty());
  CHECK(match(healed.table, "b", "/") == "a");
  CHECK(match(healed.table, "a", "/") == "");
}

TEST_CASE("quarantine: a broken router that its provider takes back is gone") {
  Definitions one = definitions({"a: Host(`a`)", "b: Host(`b`)"});
  auto table = build_all({one}).table;
  one.routers[0].rule = "?";
  table = build_all({one}, table).table;
  one.routers.erase(one.routers.begin());
  auto outcome = build_all({one}, table);
  CHECK(outcome.rejected.empty());
  CHECK(match(outcome.table, "a", "/") == "");
}

TEST_CASE("quarantine: pain 42, a router without its service is known, answers 503 and hides no other's requests") {
  Definitions one = definitions({"a: Host(`a`)", "all 1: PathPrefix(`/`)"});
  one.routers[0].service = "gone@consul";
  auto outcome = build_all({one});
  CHECK(reasons(outcome) ==
        Reasons{"router a@file: service gone@consul does not exist; its requests are answered 503"});
  const Router* found = outcome.table->match(request("a", "/"));
  REQUIRE(found != nullptr);
  CHECK(found->name == "a@file");
  CHECK(found->problem() == "service gone@consul does not exist");
  CHECK(found->service->endpoints.empty());
  CHECK(match(outcome.table, "b", "/") == "all");
  CHECK(build_all({one}, outcome.table).table == outcome.table);

  Definitions consul = definitions({}, "consul");
  consul.services.push_back(service("gone"));
  auto healed = build_all({one, consul}, outcome.table);
  CHECK(healed.rejected.empty());
  CHECK(healed.table->match(request("a", "/"))->problem().empty());
  CHECK(healed.table->matcher_identity() == outcome.table->matcher_identity());
  auto gone = build_all({one}, healed.table);
  CHECK(gone.table->match(request("a", "/"))->service->endpoints.empty());
}

TEST_CASE("quarantine: a router that is changed to a service that is not there keeps its last good version") {
  Definitions one = definitions({"a: Host(`a`)"});
  auto table = build_all({one}).table;
  one.routers[0].service = "typo";
  one.routers[0].rule = "Host(`b`)";
  auto outcome = build_all({one}, table);
  CHECK(reasons(outcome) ==
        Reasons{"router a@file: service typo@file does not exist; the last good version keeps serving"});
  CHECK(outcome.table == table);
  // The old service goes as well: then the new version stands, and its host answers 503.
  one.services[0] = service("other");
  outcome = build_all({one}, outcome.table);
  CHECK(match(outcome.table, "a", "/") == "");
  CHECK(outcome.table->match(request("b", "/"))->problem() == "service typo@file does not exist");
  one.services.push_back(service("typo"));
  outcome = build_all({one}, outcome.table);
  CHECK(outcome.rejected.empty());
  CHECK(match(outcome.table, "b", "/") == "a");
}

TEST_CASE("quarantine: a middleware that breaks keeps its last good version") {
  Definitions one = definitions({"a: Host(`a`)"});
  one.routers[0].middlewares = {"m"};
  one.middlewares.push_back(middleware("m", "addPrefix", {{"prefix", "/x"}}));
  auto good = build_all({one});
  CHECK(good.table->match(request("a", "/"))->middlewares[0]->values == std::vector<std::string>{"/x"});
  one.middlewares[0].options = {{"prefix", "/x\ty"}};
  auto broken = build_all({one}, good.table);
  CHECK(broken.table == good.table);
  CHECK(reasons(broken) == Reasons{"middleware m@file: option \"prefix\" must be a path that begins with \"/\"; "
                                   "the last good version stays"});
  one.middlewares[0].options = {{"prefix", "/y"}};
  auto healed = build_all({one}, broken.table);
  CHECK(healed.table->match(request("a", "/"))->middlewares[0]->values == std::vector<std::string>{"/y"});
}

TEST_CASE("quarantine: a router whose middleware was never good answers 503") {
  Definitions one = definitions({"a: Host(`a`)", "b: Host(`b`)"});
  one.routers[0].middlewares = {"m", "missing@consul"};
  one.middlewares.push_back(middleware("m", "noSuch", {}));
  auto outcome = build_all({one});
  CHECK(reasons(outcome) ==
        Reasons{"router a@file: middleware m@file does not exist; its requests are answered 503",
                "middleware m@file: unknown middleware type \"noSuch\"; supported are addPrefix, "
                "accessList, basicAuth, buffering, chain, compress, digestAuth, forwardAuth, grpcWeb, headers, "
                "inFlightReq, ipAllowList, ipWhiteList, passTLSClientCert, rateLimit, "
                "redirectRegex, redirectScheme, redirectUrl, replacePath, replacePathRegex, "
                "stripPrefix, stripPrefixRegex"});
  const Router* found = outcome.table->match(request("a", "/"));
  REQUIRE(found != nullptr);
  CHECK(found->service->endpoints.empty());
  CHECK(found->middlewares.empty());
  CHECK(outcome.table->match(request("b", "/"))->problem().empty());
}

TEST_CASE("quarantine: a middleware that goes away stays on the routers that had it") {
  Definitions one = definitions({"a: Host(`a`)"});
  one.routers[0].middlewares = {"m"};
  one.middlewares.push_back(middleware("m", "addPrefix", {{"prefix", "/x"}}));
  auto good = build_all({one});
  one.middlewares.clear();
  auto gone = build_all({one}, good.table);
  CHECK(reasons(gone) == Reasons{"router a@file: middleware m@file is gone; its last version stays on this router"});
  CHECK(find_router(gone.table, "a@file") == find_router(good.table, "a@file"));
  CHECK(gone.table->middlewares().empty());
  CHECK(build_all({one}, gone.table).table == gone.table);
}

TEST_CASE("quarantine: pain 16, of two definitions of one name the incumbent serves, else the first") {
  Definitions one = definitions({"a: Host(`old`)"});
  auto table = build_all({one}).table;
  one.routers.insert(one.routers.begin(), router("a: Host(`new`)"));
  auto outcome = build_all({one}, table);
  CHECK(outcome.table == table);
  CHECK(reasons(outcome) == Reasons{"router a@file: defined twice; the one that stays: test: a"});
  auto fresh = build_all({one});
  CHECK(match(fresh.table, "new", "/") == "a");
  CHECK(match(fresh.table, "old", "/") == "");
  // Definitions that say the same are one, also from two sources of one provider.
  auto same = build_all({definitions({"a: Host(`old`)"}), definitions({"a: Host(`old`)", "b: Host(`b`)"})});
  CHECK(same.rejected.empty());
  CHECK(same.table->routers().size() == 2);
  CHECK(same.table->services().size() == 1);
}

TEST_CASE("quarantine: what a provider could not decode counts as broken, not as gone") {
  Definitions one = definitions({"a: Host(`a`)", "b: Host(`b`)"});
  one.routers[0].middlewares = {"m"};
  one.middlewares.push_back(middleware("m", "addPrefix", {{"prefix", "/x"}}));
  auto good = build_all({one});
  Definitions undecoded;
  undecoded.provider = "file";
  undecoded.routers.push_back(one.routers[1]);
  undecoded.rejected = {{"router", "a@file", "unknown field", "a.toml:1:1"},
                        {"service", "s", "unknown field", "a.toml:5:1"},
                        {"middleware", "m@file", "unknown field", "a.toml:9:1"},
                        {"router", "never@file", "unknown field", "a.toml:12:1"}};
  auto outcome = build_all({undecoded}, good.table);
  CHECK(outcome.rejected.size() == 4);
  CHECK(outcome.table == good.table);
  CHECK(build_all({undecoded}, outcome.table).table == good.table);
}

TEST_CASE("quarantine: pain 33, a bad endpoint or strategy does not stop its service") {
  Definitions one = definitions({"a: Host(`a`)"});
  one.services[0] = service("s", {9001, 0});
  one.services[0].strategy = "hrw";
  EndpointDefinition bad;
  bad.port = 80;
  one.services[0].endpoints.push_back(bad);
  bad.host = "x";
  bad.scheme = "ftp";
  one.services[0].endpoints.push_back(bad);
  auto outcome = build_all({one});
  CHECK(reasons(outcome) == Reasons{"service s@file: endpoint ftp://x:80: unknown scheme; known are http, https, h2c",
                                    "service s@file: endpoint http://127.0.0.1:0: no port",
                                    "service s@file: endpoint http://:80: no host",
                                    "service s@file: strategy hrw is not supported yet; wrr is used"});
  auto made = find_service(outcome.table, "s@file");
  REQUIRE(made->endpoints.size() == 1);
  CHECK(made->strategy == "wrr");
  CHECK(build_all({one}, outcome.table).rejected == outcome.rejected);
}

TEST_CASE("quarantine: names are checked") {
  Definitions one = definitions({"a: Host(`a`)"});
  one.routers.push_back(router("x@y: Host(`b`)"));
  one.services.push_back(service(""));
  auto outcome = build_all({one});
  CHECK(reasons(outcome) == Reasons{"service @file: a name is not empty and has no `@`",
                                    "router x@y@file: a name is not empty and has no `@`"});
  CHECK(outcome.table->routers().size() == 1);
}

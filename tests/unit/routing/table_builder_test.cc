#include <set>

#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {
using Shared = std::vector<std::shared_ptr<const Definitions>>;

std::shared_ptr<const Definitions> share(Definitions definitions) {
  return std::make_shared<const Definitions>(std::move(definitions));
}
}  // namespace

TEST_CASE("table: equal input gives the previous table itself") {
  Shared input = {share(definitions({"a: Host(`a`)"}))};
  auto first = build_table(input, nullptr);
  REQUIRE(first.table != nullptr);
  CHECK(first.table->generation() == 1);
  CHECK(first.rejected.empty());
  CHECK(build_table(input, first.table).table == first.table);
  // By value too: a provider that says the same again changes nothing.
  CHECK(build_table({share(*input[0])}, first.table).table == first.table);
  // Nor does the line a definition stands on.
  Definitions moved = *input[0];
  moved.routers[0].origin.text = "routes.toml:99:1";
  CHECK(build_table({share(moved)}, first.table).table == first.table);
}

TEST_CASE("table: pain 1 to 3, new endpoints change one service and its routers, and neither matcher nor the rest") {
  Definitions one = definitions({"a: Host(`a`)", "b: Host(`b`)"});
  one.routers[1].service = "t";
  one.services.push_back(service("t"));
  auto first = build_all({one});
  one.services[1] = service("t", {9001, 9002});
  auto second = build_all({one}, first.table);
  REQUIRE(second.table != first.table);
  CHECK(second.table->generation() == 2);
  CHECK(find_router(second.table, "a@file") == find_router(first.table, "a@file"));
  CHECK(find_service(second.table, "s@file") == find_service(first.table, "s@file"));
  CHECK(find_service(second.table, "t@file") != find_service(first.table, "t@file"));
  CHECK(find_router(second.table, "b@file") != find_router(first.table, "b@file"));
  CHECK(second.table->match(request("b", "/"))->service->endpoints.size() == 2);
  CHECK(first.table->match(request("b", "/"))->service->endpoints.size() == 1);
  CHECK(second.table->matcher_identity() == first.table->matcher_identity());
}

TEST_CASE("table: a changed rule keeps services and the other routers") {
  Definitions one = definitions({"a: Host(`a`)", "b: Host(`b`)"});
  auto first = build_all({one});
  one.routers[0].rule = "Host(`c`)";
  auto second = build_all({one}, first.table);
  CHECK(match(second.table, "c", "/") == "a");
  CHECK(match(second.table, "a", "/") == "");
  CHECK(find_router(second.table, "b@file") == find_router(first.table, "b@file"));
  CHECK(second.table->services() == first.table->services());
  CHECK(second.table->matcher_identity() != first.table->matcher_identity());
}

TEST_CASE("table: a change of priority alone reorders") {
  Definitions one = definitions({"a 10: Host(`x`)", "b 20: Host(`x`)"});
  auto first = build_all({one});
  CHECK(match(first.table, "x", "/") == "b");
  one.routers[0].priority = 30;
  auto second = build_all({one}, first.table);
  CHECK(match(second.table, "x", "/") == "a");
  CHECK(match(first.table, "x", "/") == "b");
}

TEST_CASE("table: routers come and go, also with a whole provider, and slots are used again") {
  Definitions file = definitions({"a: Host(`a`)", "b: Host(`b`)"});
  Definitions consul = definitions({"c: Host(`c`)"}, "consul");
  Table table = build_all({file, consul}).table;
  CHECK(match(table, "c", "/") == "c@consul");
  table = build_all({file}, table).table;
  CHECK(match(table, "c", "/") == "");
  CHECK(table->services().size() == 1);
  for (int i = 0; i < 20; ++i) {
    file.routers[0] = router("r" + std::to_string(i) + ": Host(`a`)");
    table = build_all({file, definitions({"d: Host(`d`)"}, i % 2 == 0 ? "nomad" : "consul")}, table).table;
    CHECK(match(table, "a", "/") == "r" + std::to_string(i));
    CHECK(match(table, "b", "/") == "b");
    CHECK(match(table, "d", "/") == (i % 2 == 0 ? "d@nomad" : "d@consul"));
  }
  table = build_all({}, table).table;
  CHECK(table->routers().empty());
  CHECK(match(table, "a", "/") == "");
}

TEST_CASE("table: names are of their provider, unless they say otherwise") {
  Definitions consul = definitions({"web: Host(`w`)"}, "consul");
  Definitions file = definitions({"web: Host(`f`)"});
  file.routers[0].service = "s@consul";
  consul.routers[0].middlewares = {"strip@file", "add"};
  consul.middlewares.push_back(middleware("add", "addPrefix", {{"prefix", "/c"}}));
  file.middlewares.push_back(middleware("strip", "stripPrefix", {{"prefixes", "/f"}}));
  auto outcome = build_all({consul, file});
  CHECK(reasons(outcome).empty());
  CHECK(outcome.table->match(request("f", "/"))->service == find_service(outcome.table, "s@consul"));
  auto web = find_router(outcome.table, "web@consul");
  REQUIRE(web->middlewares.size() == 2);
  CHECK(web->middlewares[0]->name == "strip@file");
  CHECK(web->middlewares[1]->name == "add@consul");
}

TEST_CASE("table: another provider's new endpoints reach the routers that refer to it") {
  Definitions consul = definitions({}, "consul");
  Definitions file = definitions({"web: Host(`f`)"});
  file.routers[0].service = "s@consul";
  auto shared_file = share(file);
  auto first = build_table({share(consul), shared_file}, nullptr);
  consul.services[0] = service("s", {1, 2, 3});
  auto second = build_table({share(consul), shared_file}, first.table);
  CHECK(second.table->match(request("f", "/"))->service->endpoints.size() == 3);
  CHECK(second.table->matcher_identity() == first.table->matcher_identity());
}

TEST_CASE("table: endpoints are sorted by id, each id once, live when one registration is") {
  Definitions one = definitions({"a: Host(`a`)"});
  one.services[0] = service("s", {9002, 9001, 9002});
  one.services[0].endpoints[0].health = catalog::Health::critical;
  one.services[0].endpoints[0].instance_id = "down";
  one.services[0].endpoints[2].health = catalog::Health::warning;
  one.services[0].endpoints[2].instance_id = "up";
  one.services[0].endpoints[1].health = catalog::Health::maintenance;
  EndpointDefinition v6;
  v6.scheme = "https";
  v6.host = "::1";
  v6.port = 443;
  one.services[0].endpoints.push_back(v6);
  auto made = find_service(build_all({one}).table, "s@file");
  REQUIRE(made->endpoints.size() == 3);
  CHECK(made->endpoints[0].id == "http://127.0.0.1:9001");
  CHECK_FALSE(made->endpoints[0].live);
  CHECK(made->endpoints[1].id == "http://127.0.0.1:9002");
  CHECK(made->endpoints[1].live);
  CHECK(made->endpoints[1].instance_id == "up");
  CHECK(made->endpoints[2].id == "https://[::1]:443");
}

TEST_CASE("table: the dump tells all that routes, in one order") {
  Definitions one = definitions({"b: Host(`b`)", "a 7: Host(`a`)"});
  one.routers[1].entry_points = {"web"};
  one.routers[1].tls = true;
  one.routers[1].middlewares = {"h"};
  one.routers[0].service = "gone";
  one.middlewares.push_back(middleware("h", "headers", {{"customrequestheaders.x-a", "1"}}));
  one.services[0].endpoints[0].node = "n1";
  one.services[0].endpoints[0].instance_id = "i1";
  CHECK(
      build_all({one}).table->dump() ==
      "router a@file\n  rule Host(`a`)\n  priority 7\n  entry point web\n  tls\n  middleware h@file\n  service s@file\n"
      "router b@file\n  rule Host(`b`)\n  priority 9\n  service gone@file\n"
      "  problem service gone@file does not exist\n"
      "middleware h@file headers\n  request header x-a: 1\n"
      "service s@file wrr\n  endpoint http://127.0.0.1:9001 weight 1 live node n1 instance i1\n");
}

namespace {

template <typename List>
size_t chunks_not_shared(const List& before, const List& after) {
  std::set<const void*> known;
  for (auto at = before.begin(); at != before.end(); at.skip_chunk()) known.insert(at.chunk());
  size_t out = 0;
  for (auto at = after.begin(); at != after.end(); at.skip_chunk()) out += known.contains(at.chunk()) ? 0 : 1;
  return out;
}

}  // namespace

TEST_CASE("table: pain 29, of 5,000 services a change of one touches what it changes and shares all the rest") {
  Definitions one = definitions({});
  for (int i = 0; i < 5000; ++i) {
    std::string n = std::to_string(i);
    one.routers.push_back(router("r" + n + ": Host(`h" + n + "`)", "s" + n));
    one.services.push_back(service("s" + n));
  }
  auto set = share("file", {share(one)}, nullptr);
  auto first = build_table(std::vector{set}, nullptr).table;
  Versions<ServiceDefinition> changed{service("s77", {1, 2}), {}};
  DefinitionSet next = *set;
  next.services = next.services.edited({{"s77", std::make_shared<const Versions<ServiceDefinition>>(changed)}});
  auto second = build_table(std::vector{std::make_shared<const DefinitionSet>(next)}, first).table;
  CHECK(second->match(request("h77", "/"))->service->endpoints.size() == 2);
  CHECK(second->match(request("h78", "/")) == first->match(request("h78", "/")));
  CHECK(chunks_not_shared(first->services(), second->services()) == 1);
  CHECK(chunks_not_shared(first->routers(), second->routers()) == 1);
  CHECK(second->middlewares() == first->middlewares());
  CHECK(second->matcher_identity() == first->matcher_identity());
}

TEST_CASE("table: a middleware that changes reaches every router that names it, in every provider") {
  Definitions file = definitions({"a: Host(`a`)", "b: Host(`b`)"});
  Definitions consul = definitions({"c: Host(`c`)", "d: Host(`d`)"}, "consul");
  file.middlewares.push_back(middleware("m", "addPrefix", {{"prefix", "/1"}}));
  file.routers[0].middlewares = {"m"};
  consul.routers[0].middlewares = {"m@file"};
  auto first = build_all({file, consul}).table;
  file.middlewares[0].options["prefix"] = "/2";
  auto second = build_all({file, consul}, first).table;
  for (const char* host : {"a", "c"}) {
    CHECK(second->match(request(host, "/"))->middlewares.at(0)->values == std::vector<std::string>{"/2"});
  }
  for (const char* host : {"b", "d"}) CHECK(second->match(request(host, "/")) == first->match(request(host, "/")));
}

TEST_CASE("table: pain 4, of a thousand tables that came and went nothing is left but what the last one has") {
  std::vector<std::weak_ptr<const RoutingTable>> tables;
  std::vector<std::weak_ptr<const Router>> routers;
  Table table;
  for (int i = 0; i < 1'000; ++i) {
    Definitions one =
        definitions({"same: Host(`a`)", "r" + std::to_string(i) + ": HostRegexp(`" + std::to_string(i) + "`)"});
    table = build_all({one}, table).table;
    tables.emplace_back(table);
    for (auto at = table->routers().begin(); at != table->routers().end(); ++at) routers.emplace_back(*at);
  }
  auto left = [](const auto& all) {
    return std::count_if(all.begin(), all.end(), [](const auto& one) { return !one.expired(); });
  };
  CHECK(left(tables) == 1);
  CHECK(left(routers) == 1'000 + 1);  // `same` is one, counted with every table, and the newest
}

// A service that is gone: its routes answer 503 for a while and stand in nobody's way.
#include "catalog_fixture.h"
#include "catch.h"
#include "table_fixture.h"
#include "weir/routing/explain.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::testing;
using fixture::match;
using fixture::request;

namespace {

/// A catalog over time, and the table made of it.
struct World {
  explicit World(CatalogOptions options = {}) : decoder(std::move(options)) {}
  void see(std::vector<catalog::Service> services, uint64_t now_ms) {
    set = decoder.decode(snapshot(std::move(services)), now_ms);
    build();
  }
  void expire(uint64_t now_ms) {
    set = decoder.expire(now_ms);
    build();
  }
  void build() {
    auto outcome = build_table(std::vector{set}, table);
    table = outcome.table;
    rejected = outcome.rejected;
  }
  [[nodiscard]] std::string service_of(std::string_view host) const {
    const Router* router = table->match(request(host, "/"));
    if (router == nullptr) return "404";
    return router->service->endpoints.empty() ? "503 " + router->name : router->service->name;
  }

  CatalogDecoder decoder;
  std::shared_ptr<const DefinitionSet> set;
  std::shared_ptr<const RoutingTable> table;
  RejectionList rejected;
};

catalog::Service tagged(const std::string& name, const std::string& rule, uint64_t since = 1) {
  return service(name, {instance("a" + name, {"traefik.http.routers." + name + ".rule=" + rule}, since)});
}

}  // namespace

TEST_CASE(
    "tombstone: pain 18, a service whose instances are all gone answers 503, and no other route has its requests") {
  World world;
  catalog::Service all = service(
      "all", {instance("z", {"traefik.http.routers.all.rule=PathPrefix(`/`)", "traefik.http.routers.all.priority=1"})});
  world.see({tagged("web", "Host(`a`)"), all}, 1000);
  CHECK(world.service_of("a") == "web@consul");
  world.see({all}, 2000);
  CHECK(world.service_of("a") == "503 web@consul");
  CHECK(world.service_of("b") == "all@consul");
  CHECK(world.rejected.empty());
  world.expire(601'999);
  CHECK(world.service_of("a") == "503 web@consul");
  world.expire(602'000);
  CHECK(world.service_of("a") == "all@consul");
}

TEST_CASE("tombstone: a service that is listed without instances has one too, and keeps its name known after it") {
  World world;
  world.see({tagged("web", "Host(`a`)")}, 1000);
  world.see({service("web", {})}, 2000);
  CHECK(world.service_of("a") == "503 web@consul");
  world.see({}, 3000);
  world.see({service("web", {})}, 4000);
  CHECK(world.service_of("a") == "503 web@consul");
  world.expire(602'000);  // counted from the moment it went
  CHECK(world.service_of("a") == "404");
  CHECK(world.table->services().find("web@consul") != nullptr);
}

TEST_CASE("tombstone: it ends when the service comes back") {
  World world;
  world.see({tagged("web", "Host(`a`)")}, 1000);
  world.see({}, 2000);
  world.see({tagged("web", "Host(`a`)")}, 3000);
  CHECK(world.service_of("a") == "web@consul");
  world.expire(10'000'000);
  CHECK(world.service_of("a") == "web@consul");
  CHECK_FALSE(world.table->match(request("a", "/"))->tombstone);
}

TEST_CASE("tombstone: a renamed service has its rule at once, whichever comes first") {
  for (bool together : {true, false}) {
    World world;
    world.see({tagged("web", "Host(`a`)", 1)}, 1000);
    // "zweb" sorts behind "web" and is registered later: neither makes it lose.
    if (!together) world.see({}, 2000);
    world.see({tagged("zweb", "Host(`a`)", 9)}, 3000);
    CHECK(world.service_of("a") == "zweb@consul");
    CHECK(world.table->routers().find("web@consul") == nullptr);
  }
}

TEST_CASE("tombstone: another service that takes the router's name has it, whatever its rule") {
  World world;
  world.see({tagged("web", "Host(`a`)", 1)}, 1000);
  world.see({service("other", {instance("o", {"traefik.http.routers.web.rule=Host(`b`)"}, 9)})}, 2000);
  CHECK(world.service_of("b") == "other@consul");
  CHECK(world.service_of("a") == "404");
  CHECK(world.rejected.empty());
}

TEST_CASE("tombstone: with an equal priority it loses to every router that lives, and explain says so") {
  World world;
  world.see({tagged("web", "Host(`a`) && PathPrefix(`/`)")}, 1000);
  world.see({}, 2000);
  Definitions file = fixture::definitions({"zz: Path(`/`) && HostRegexp(`^a$`)"}, "zfile");
  file.routers[0].priority = world.table->match(request("a", "/"))->priority;
  auto table =
      build_table({world.set, share("zfile", {std::make_shared<const Definitions>(file)}, nullptr)}, world.table).table;
  CHECK(match(table, "a", "/") == "zz@zfile");
  CHECK(match(table, "a", "/x") == "web@consul");
  auto explained = explain(*table, request("a", "/"));
  REQUIRE(explained.candidates.size() == 2);
  CHECK(explained.candidates[1].verdict == RouteCandidate::Verdict::tombstone);
}

TEST_CASE("tombstone: tags that are taken off on purpose leave none") {
  World world;
  world.see({tagged("web", "Host(`a`)")}, 1000);
  world.see({service("web", {instance("aweb")})}, 2000);
  CHECK(world.service_of("a") == "404");
}

TEST_CASE("tombstone: a time of 0 makes routes go at once, as in Traefik and fabio") {
  CatalogOptions options;
  options.tombstone_ms = 0;
  World world(options);
  world.see({tagged("web", "Host(`a`)")}, 1000);
  world.see({}, 2000);
  CHECK(world.service_of("a") == "404");
}

TEST_CASE("tombstone: fabio's shared routes go on with those that are left") {
  World world;
  auto fabio = [](const std::string& name) { return service(name, {instance(name, {"urlprefix-a/"})}); };
  world.see({fabio("v1"), fabio("w2")}, 1000);
  CHECK(world.table->match(request("a", "/"))->service->endpoints.size() == 2);
  world.see({fabio("w2")}, 2000);
  CHECK(world.table->match(request("a", "/"))->service->endpoints.size() == 1);
  CHECK(world.rejected.empty());
  world.see({}, 3000);
  CHECK(world.service_of("a") == "503 urlprefix-a/@consul");
}

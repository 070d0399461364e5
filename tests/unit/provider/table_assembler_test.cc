#include "weir/provider/table_assembler.h"

#include "catch.h"
#include "scripted_catalog.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

/// Says what the test says.
class FakeProvider final : public Provider {
 public:
  explicit FakeProvider(const std::string& name) { state.name = name; }
  Status start(Observer&) override { return {}; }
  void stop() override {}
  [[nodiscard]] ProviderStatus status() const override { return state; }
  void want_services(std::set<std::string, std::less<>> names) override { wanted = std::move(names); }

  ProviderStatus state;
  std::set<std::string, std::less<>> wanted;
};

struct World {
  FakeClock clock;
  FakeProvider consul{"consul"};
  FakeProvider file{"file"};
  std::vector<std::shared_ptr<const routing::RoutingTable>> published;
  std::vector<TableChange> changes;
  TableAssembler assembler{clock, [this](auto table, const TableChange& change) {
                             published.push_back(std::move(table));
                             changes.push_back(change);
                           }};

  World() {
    assembler.add(consul, {});
    assembler.add(file);
  }

  void catalog(const std::vector<std::pair<std::string, std::string>>& service_tags, int instances = 1) {
    auto out = std::make_shared<catalog::CatalogSnapshot>();
    out->provider = "consul";
    for (const auto& [name, tag] : service_tags) {
      catalog::Service service{name, {}};
      for (int i = 0; i < instances; ++i) {
        catalog::Instance one;
        one.id = name + std::to_string(i);
        one.node = "n";
        one.address = "10.0.0.1";
        one.port = static_cast<uint16_t>(8'000 + i);
        one.tags = {tag};
        one.has_checks = true;  // fabio routes no instance without one
        one.check_states = {catalog::Health::passing};
        service.instances.push_back(one);
      }
      out->services.put(std::make_shared<const catalog::Service>(std::move(service)));
    }
    assembler.on_catalog(out, 1);
  }
  void routes(const std::string& host, const std::string& service) {
    auto out = std::make_shared<routing::Definitions>();
    out->provider = "file";
    out->routers.push_back({.name = "r", .rule = "Host(`" + host + "`)", .service = service, .origin = {"a.toml:1:1"}});
    assembler.on_definitions(out, 1);
  }
};

}  // namespace

TEST_CASE("assembler: a bad rule is rejected with its reason, and the rest is published") {
  World world;
  world.catalog(
      {{"good", "traefik.http.routers.good.rule=Host(`good`)"}, {"bad", "traefik.http.routers.bad.rule=Hostt(`bad`"}});
  REQUIRE(world.published.size() == 1);
  CHECK(world.published[0]->routers().size() == 1);
  REQUIRE_FALSE(world.assembler.rejected().empty());
  world.catalog({{"good", "traefik.http.routers.good.rule=Host(`good`)"}});
  CHECK(world.assembler.rejected().empty());
}

TEST_CASE("assembler: equal results publish nothing") {
  World world;
  world.catalog({{"web", "traefik.http.routers.web.rule=Host(`a`)"}});
  REQUIRE(world.published.size() == 1);
  const auto before = world.assembler.table();
  world.catalog({{"web", "traefik.http.routers.web.rule=Host(`a`)"}});
  CHECK(world.published.size() == 1);
  CHECK(world.assembler.table() == before);
}

TEST_CASE("assembler: results of a provider that was not added are ignored") {
  World world;
  auto stray = std::make_shared<routing::Definitions>();
  stray->provider = "elsewhere";
  world.assembler.on_definitions(stray, 1);
  auto catalog = std::make_shared<catalog::CatalogSnapshot>();
  catalog->provider = "file";
  world.assembler.on_catalog(catalog, 1);
  CHECK(world.published.empty());
}

TEST_CASE("assembler: catalog and files make one table, and a file's reference is told to the catalog") {
  World world;
  world.routes("shop.test", "web@consul");
  CHECK(world.consul.wanted == std::set<std::string, std::less<>>{"web"});
  CHECK(world.file.wanted.empty());
  world.catalog({{"web", "plain"}, {"other", "traefik.http.routers.other.rule=Host(`b`)"}}, 2);
  const auto& table = world.assembler.table();
  REQUIRE(table != nullptr);
  REQUIRE(table->routers().size() == 2);
  for (const auto& router : table->routers()) CHECK(router->service->endpoints.size() == 2);
  world.routes("shop.test", "local");
  CHECK(world.consul.wanted.empty());
}

TEST_CASE("assembler: commands about the routes of tags act on the catalog, whichever comes first, and until they go") {
  World world;
  auto commands = [&](const std::vector<routing::RouteEdit>& edits) {
    auto all = std::make_shared<routing::Definitions>();
    all->provider = "file";
    all->edits = edits;
    world.assembler.on_definitions(std::move(all), 1);
  };
  const routing::RouteEdit del{.service = "web"};
  commands({del});
  world.catalog({{"web", "urlprefix-a/"}, {"other", "urlprefix-b/"}}, 1);
  REQUIRE(world.assembler.table() != nullptr);
  REQUIRE(world.assembler.table()->routers().size() == 1);
  CHECK((*world.assembler.table()->routers().begin())->name == "urlprefix-b/@consul");
  commands({});
  CHECK(world.assembler.table()->routers().size() == 2);
  commands({del});
  CHECK(world.assembler.table()->routers().size() == 1);
}

TEST_CASE("assembler: pain 6, it is ready when every provider has something, live or from disk, and says which") {
  World world;
  CHECK_FALSE(world.assembler.readiness().ready);
  CHECK(world.assembler.readiness().reason == "consul: not read yet; file: not read yet");
  world.routes("a", "web@consul");
  world.file.state.source = Source::live;
  CHECK_FALSE(world.assembler.readiness().ready);
  world.consul.state.source = Source::disk;
  CHECK_FALSE(world.assembler.readiness().ready);  // it has read, and told nothing yet: the table is without it
  world.catalog({{"web", "plain"}});
  world.consul.state.age_ms = 242'500;
  world.consul.state.error = "refused";
  const Readiness ready = world.assembler.readiness();
  CHECK(ready.ready);
  CHECK(ready.reason == "consul: from disk, 4m2s old, error: refused; file: live, 0s old");
}

TEST_CASE("assembler: names that routes ask for are told when they change, whoever's routes they are") {
  using Names = TableAssembler::Names;
  FakeClock clock;
  World world;
  std::vector<Names> told;
  TableAssembler assembler{clock, [](auto, const auto&) {}, [&](const Names& names) { told.push_back(names); }};
  assembler.add(world.consul, {});
  assembler.add(world.file);
  auto catalog = [&](const std::vector<std::pair<std::string, std::string>>& tags) {
    auto out = std::make_shared<catalog::CatalogSnapshot>();
    out->provider = "consul";
    for (const auto& [name, tag] : tags) {
      catalog::Instance one{.id = name, .tags = {tag}};
      one.has_checks = true;
      one.check_states = {catalog::Health::passing};
      out->services.put(std::make_shared<const catalog::Service>(catalog::Service{name, {one}}));
    }
    assembler.on_catalog(out, 1);
  };
  catalog({{"a", "urlprefix-a/"}});
  CHECK(told.empty());
  catalog({{"a", "urlprefix-a/ register=one"}, {"b", "urlprefix-b/ register=one"}});
  catalog({{"b", "urlprefix-b/ register=one"}});
  CHECK(told == std::vector<Names>{{"one"}});
  auto commands = std::make_shared<routing::Definitions>();
  commands->provider = "file";
  commands->aliases = {"two", "one", "two"};
  assembler.on_definitions(commands, 1);
  catalog({});  // what is left of b answers 503, and needs no name
  CHECK(told == std::vector<Names>{{"one"}, {"one", "two"}});
  auto none = std::make_shared<routing::Definitions>();
  none->provider = "file";
  assembler.on_definitions(none, 1);
  CHECK(told.back().empty());
  catalog({{"a", "urlprefix-a/ register=three"}});
  CHECK(told.back() == Names{"three"});
}

TEST_CASE("assembler: the time from news to published is counted") {
  World world;
  world.catalog({{"web", "traefik.http.routers.web.rule=Host(`a`)"}});
  const ChangeLatency& latency = world.assembler.latency();
  CHECK(latency.count == 1);
  uint64_t sum = latency.over;
  for (uint64_t one : latency.counts) sum += one;
  CHECK(sum == 1);
  CHECK(world.changes[0].provider == "consul");
  CHECK(world.assembler.last_change_wall_ns() == world.clock.wall_ns());
}

TEST_CASE("assembler: stale services are told; an edge whose disk has nothing else is not ready") {
  World world;
  world.catalog(
      {{"web", "traefik.http.routers.web.rule=Host(`a`)"}, {"api", "traefik.http.routers.api.rule=Host(`b`)"}});
  world.routes("shop.test", "web@consul");
  world.consul.state.services = 2;
  world.consul.state.source = Source::live;
  world.file.state.source = Source::live;
  world.consul.state.stale = {"api"};
  CHECK(world.assembler.readiness().reason == "consul: live, 0s old, stale: 1 service; file: live, 0s old");
  world.consul.state.stale = {"api", "web"};
  CHECK(world.assembler.readiness().ready);
  world.consul.state.source = Source::disk;
  CHECK(world.assembler.readiness().reason == "consul: from disk, 0s old, stale: 2 services; file: live, 0s old");
  CHECK_FALSE(world.assembler.readiness().ready);
  world.consul.state.stale = {"api"};
  CHECK(world.assembler.readiness().ready);
}

#include "provider/definition_gate.h"

#include "catch.h"
#include "scripted_catalog.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

std::shared_ptr<routing::Definitions> routers(int count, const std::string& provider = "consulkv") {
  auto out = std::make_shared<routing::Definitions>();
  out->provider = provider;
  for (int i = 0; i < count; ++i) {
    routing::RouterDefinition router;
    router.name = "r" + std::to_string(i);
    out->routers.push_back(router);
  }
  return out;
}

struct World {
  event::Loop loop;
  SystemClock clock;
  Recorder seen;
  uint64_t hold_ms = 60'000;
  std::unique_ptr<DefinitionGate> gate;

  explicit World(uint64_t hold = 60'000, uint32_t share_percent = 50, uint64_t age_ms_max = 0) : hold_ms(hold) {
    gate = std::make_unique<DefinitionGate>(
        loop, clock, BrakeLimits{.share_percent = share_percent, .count_min = 4, .hold_ms = hold_ms}, age_ms_max,
        [this](auto definitions, uint64_t) { seen.on_definitions(definitions, 0); });
  }
  void put(std::shared_ptr<const routing::Definitions> all) { gate->put(std::move(all), 1); }
  [[nodiscard]] size_t count() const { return seen.definitions.back()->routers.size(); }
};

}  // namespace

TEST_CASE("definition gate: most of all gone at once is held, additions apply, and all is well when it is back") {
  World world;
  world.put(routers(8));
  CHECK(world.count() == 8);
  world.put(routers(3));
  CHECK(world.count() == 8);
  CHECK(world.gate->holding());
  CHECK(world.gate->held_text().starts_with("5 of 8 routers and services would go"));
  auto with_new = routers(3);
  with_new->routers.push_back({});
  with_new->routers.back().name = "new";
  world.put(with_new);
  CHECK(world.count() == 9);
  world.put(routers(8));
  CHECK_FALSE(world.gate->holding());
  CHECK(world.count() == 8);
}

TEST_CASE("definition gate: nothing at all is held whatever the count, few of many are not") {
  World world;
  world.put(routers(2));
  world.put(routers(0));
  CHECK(world.count() == 2);
  CHECK(world.gate->holding());
  world.put(routers(20));
  world.put(routers(10));  // half, and not more
  CHECK(world.count() == 10);
  world.put(routers(9));
  CHECK(world.count() == 9);
}

TEST_CASE("definition gate: the hold ends by itself, and then what the source says is so") {
  World world(5);
  world.put(routers(8));
  world.put(routers(0));
  CHECK(world.count() == 8);
  CHECK(run_until(world.loop, [&] { return world.count() == 0; }));
  CHECK_FALSE(world.gate->holding());
  CHECK(world.gate->held_text().empty());
}

TEST_CASE("definition gate: what was refused is not lost, and 100 percent is no brake") {
  World world;
  world.put(routers(8));
  auto refused = routers(0);
  for (int i = 0; i < 8; ++i) refused->rejected.push_back({"router", "r" + std::to_string(i) + "@consulkv", "bad", ""});
  world.put(refused);
  CHECK_FALSE(world.gate->holding());
  World open(60'000, 100);
  open.put(routers(8));
  open.put(routers(0));
  CHECK(open.count() == 0);
}

TEST_CASE(
    "definition gate: what is in doubt for too long is handed on without anybody who serves, until it is trusted") {
  World world(60'000, 50, 30);
  auto all = routers(2);
  all->services.push_back({.name = "app", .panic_threshold_percent = 50});
  all->services.back().endpoints.push_back({.host = "127.0.0.1", .port = 1});
  all->edits.push_back({.kind = routing::RouteEdit::Kind::add, .endpoint = {.host = "127.0.0.1", .port = 2}});
  world.put(all);
  world.gate->doubt(0);
  world.gate->doubt(0);
  CHECK(world.seen.definitions.size() == 1);
  REQUIRE(run_until(world.loop, [&] { return world.gate->stale(); }));
  const routing::Definitions stale = *world.seen.definitions.back();
  CHECK(stale.routers.size() == 2);
  CHECK(stale.services[0].endpoints[0].stale);
  CHECK(stale.services[0].endpoints[0].health == catalog::Health::critical);
  CHECK(stale.services[0].panic_threshold_percent == 0);
  CHECK(stale.edits[0].endpoint.health == catalog::Health::critical);
  world.gate->trust();
  CHECK(*world.seen.definitions.back()->services[0].endpoints.begin() == all->services[0].endpoints[0]);
  const size_t handed_on = world.seen.definitions.size();
  world.gate->doubt(10);
  world.gate->trust();
  run_for(world.loop, 40);
  CHECK(world.seen.definitions.size() == handed_on);
}

TEST_CASE("definition gate: what was too old when it was put serves nobody; without a maximum nothing is too old") {
  World world(60'000, 50, 1'000);
  auto all = routers(1);
  all->services.push_back({.name = "app"});
  all->services.back().endpoints.push_back({.host = "127.0.0.1", .port = 1});
  world.gate->doubt(1'000);
  world.put(all);
  CHECK(world.seen.definitions.size() == 1);
  CHECK(world.seen.definitions.back()->services[0].endpoints[0].stale);
  World endless;
  endless.gate->doubt(UINT64_MAX);
  endless.put(all);
  CHECK_FALSE(endless.gate->stale());
  CHECK_FALSE(endless.seen.definitions.back()->services[0].endpoints[0].stale);
}

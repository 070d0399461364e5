#include "provider/safety_brake.h"

#include "catch.h"
#include "weir/base/clock.h"

using namespace weir;
using namespace weir::provider;
using catalog::CatalogSnapshot;
using catalog::Health;
using catalog::Instance;

namespace {

using Snapshot = std::shared_ptr<const CatalogSnapshot>;
using Members = std::map<std::string, std::vector<std::pair<std::string, Health>>>;

Snapshot snapshot(const Members& members) {
  auto out = std::make_shared<CatalogSnapshot>();
  for (const auto& [name, ones] : members) {
    catalog::Service service{name, {}};
    for (const auto& [id, health] : ones) {
      Instance instance;
      instance.id = id;
      instance.node = "n";
      instance.health = health;
      service.instances.push_back(instance);
    }
    out->services.put(std::make_shared<const catalog::Service>(std::move(service)));
  }
  return out;
}

/// A service of `count` live instances, "00" to "99".
std::vector<std::pair<std::string, Health>> live(int count, int from = 0) {
  std::vector<std::pair<std::string, Health>> out;
  for (int i = from; i < from + count; ++i) {
    out.emplace_back(std::string(1, static_cast<char>('0' + i / 10)) + static_cast<char>('0' + i % 10),
                     Health::passing);
  }
  return out;
}

struct World {
  FakeClock clock;
  SafetyBrake brake{{.share_percent = 50, .count_min = 4, .hold_ms = 30'000}};
  Snapshot applied = snapshot({});
  BrakeVerdict last;

  size_t take(const Snapshot& wanted) {
    last = brake.weigh(applied, wanted, clock.monotonic_ms());
    applied = last.apply;
    return catalog::count_live_instances(*applied);
  }
};

}  // namespace

TEST_CASE("brake: pain 32, an empty catalog is held, then applied only when it is still empty after the hold") {
  World world;
  CHECK(world.take(snapshot({{"web", live(2)}})) == 2);
  CHECK(world.take(snapshot({})) == 2);
  CHECK(world.last.held_endpoints == 2);
  CHECK(world.last.release_at_ms == world.clock.monotonic_ms() + 30'000);
  world.clock.advance_ms(29'999);
  CHECK(world.take(snapshot({})) == 2);
  world.clock.advance_ms(1);
  CHECK(world.take(snapshot({})) == 0);
  CHECK(world.last.released);
  CHECK_FALSE(world.brake.holding());
}

TEST_CASE("brake: a catalog that comes back within the hold loses nothing") {
  World world;
  world.take(snapshot({{"web", live(10)}}));
  CHECK(world.take(snapshot({})) == 10);
  world.clock.advance_ms(5'000);
  CHECK(world.take(snapshot({{"web", live(3)}})) == 10);
  world.clock.advance_ms(5'000);
  CHECK(world.take(snapshot({{"web", live(10)}})) == 10);
  CHECK_FALSE(world.brake.holding());
  CHECK_FALSE(world.last.released);
}

TEST_CASE("brake: exactly the share passes, one more is held; below the count nothing is") {
  World at;
  at.take(snapshot({{"web", live(10)}}));
  CHECK(at.take(snapshot({{"web", live(5)}})) == 5);
  World above;
  above.take(snapshot({{"web", live(10)}}));
  CHECK(above.take(snapshot({{"web", live(4)}})) == 10);
  World few;
  few.take(snapshot({{"web", live(4)}}));
  CHECK(few.take(snapshot({{"web", live(1)}})) == 1);
}

TEST_CASE("brake: when all but a few are back, those few go after a moment of calm, not before") {
  World world;
  world.take(snapshot({{"web", live(10)}}));
  CHECK(world.take(snapshot({})) == 10);
  CHECK(world.take(snapshot({{"web", live(6)}})) == 10);
  world.clock.advance_ms(SafetyBrake::kCalmMs);
  CHECK(world.take(snapshot({{"web", live(6)}})) == 10);  // four missing are not few
  CHECK(world.take(snapshot({{"web", live(8)}})) == 10);
  world.clock.advance_ms(SafetyBrake::kCalmMs - 1);
  CHECK(world.take(snapshot({{"web", live(9)}})) == 10);  // more comes back: the calm begins anew
  world.clock.advance_ms(SafetyBrake::kCalmMs - 1);
  CHECK(world.take(snapshot({{"web", live(9)}})) == 10);
  world.clock.advance_ms(1);
  CHECK(world.take(snapshot({{"web", live(9)}})) == 9);
}

TEST_CASE("brake: a small catalog that is empty is held for the whole time, however few it had") {
  World world;
  world.take(snapshot({{"web", live(2)}}));
  world.take(snapshot({}));
  world.clock.advance_ms(29'999);
  CHECK(world.take(snapshot({})) == 2);
}

TEST_CASE("brake: what is added or changed during a hold applies at once") {
  World world;
  world.take(snapshot({{"web", live(10)}}));
  CHECK(world.take(snapshot({{"web", {}}, {"new", live(1)}})) == 11);
  CHECK(world.last.held_endpoints == 10);
  auto changed = std::make_shared<CatalogSnapshot>(*snapshot({{"web", live(1)}, {"new", live(3)}}));
  CHECK(world.take(changed) == 13);
  CHECK(world.last.held_endpoints == 9);
}

TEST_CASE("brake: a change of an endpoint that stays is taken during a hold") {
  World world;
  world.take(snapshot({{"web", live(10)}}));
  auto wanted = std::make_shared<CatalogSnapshot>();
  catalog::Service web{"web", {snapshot({{"web", live(1)}})->services.at("web")->instances[0]}};
  web.instances[0].port = 4711;
  wanted->services.put(std::make_shared<const catalog::Service>(web));
  CHECK(world.take(wanted) == 10);
  CHECK(world.applied->services.at("web")->instances[0].port == 4711);
}

TEST_CASE("brake: pain 35, everything turning critical at once is a mass removal, maintenance is not") {
  World critical;
  critical.take(snapshot({{"web", live(6)}}));
  auto all = live(6);
  for (auto& one : all) one.second = Health::critical;
  CHECK(critical.take(snapshot({{"web", all}})) == 6);
  World maintenance;
  maintenance.take(snapshot({{"web", live(6)}}));
  for (auto& one : all) one.second = Health::maintenance;
  CHECK(maintenance.take(snapshot({{"web", all}})) == 0);
}

TEST_CASE("brake: replacing all endpoints by as many others is no loss") {
  World world;
  world.take(snapshot({{"web", live(10)}}));
  CHECK(world.take(snapshot({{"web", live(10, 50)}})) == 10);
  CHECK_FALSE(world.brake.holding());
}

TEST_CASE("brake: a mass removal that arrives in pieces is seen as one") {
  World world;
  world.take(snapshot({{"a", live(4)}, {"b", live(4)}, {"c", live(4)}}));
  CHECK(world.take(snapshot({{"a", {}}, {"b", live(4)}, {"c", live(4)}})) == 8);
  world.clock.advance_ms(10);
  CHECK(world.take(snapshot({{"a", {}}, {"b", {}}, {"c", live(4)}})) == 8);
  CHECK(world.brake.holding());
}

TEST_CASE("brake: the same pieces with time between them are ordinary changes") {
  World world;
  world.take(snapshot({{"a", live(4)}, {"b", live(4)}, {"c", live(4)}}));
  CHECK(world.take(snapshot({{"b", live(4)}, {"c", live(4)}})) == 8);
  world.clock.advance_ms(SafetyBrake::kWindowMs + 1);
  CHECK(world.take(snapshot({{"c", live(4)}})) == 4);
  CHECK_FALSE(world.brake.holding());
}

TEST_CASE("brake: instances that are replaced one after the other never hold up a removal") {
  World world;
  world.take(snapshot({{"web", live(6)}, {"fib", live(2)}}));
  for (int i = 0; i < 40; ++i) {  // one goes, then another comes, all within the window
    world.take(snapshot({{"web", live(5, i + 1)}, {"fib", live(2)}}));
    world.clock.advance_ms(10);
    world.take(snapshot({{"web", live(6, i + 1)}, {"fib", live(2)}}));
    world.clock.advance_ms(10);
  }
  CHECK(world.take(snapshot({{"web", live(6, 40)}})) == 6);
  CHECK_FALSE(world.brake.holding());
}

TEST_CASE("brake: extra instances that come and go many times never hold up a removal") {
  World world;
  world.take(snapshot({{"web", live(4)}, {"fib", live(2)}}));
  for (int i = 0; i < 40; ++i) {
    world.take(snapshot({{"web", live(4)}, {"fib", live(2)}, {"extra", live(1, i)}}));
    world.take(snapshot({{"web", live(4)}, {"fib", live(2)}}));
  }
  CHECK(world.take(snapshot({{"web", live(4)}})) == 4);
  CHECK_FALSE(world.brake.holding());
}

TEST_CASE("brake: the peak counts while it lies within the window, and a lower one behind it afterwards") {
  World world;
  world.take(snapshot({{"web", live(20)}}));
  CHECK(world.take(snapshot({{"web", live(14)}})) == 14);
  world.clock.advance_ms(1'500);
  CHECK(world.take(snapshot({{"web", live(10)}})) == 10);
  world.clock.advance_ms(501);
  CHECK(world.take(snapshot({{"web", live(7)}})) == 7);  // 13 of 20 are gone, but of the last 2 s only 7 of 14
  CHECK(world.take(snapshot({{"web", live(6)}})) == 7);  // 8 of 14
  CHECK(world.brake.holding());
}

TEST_CASE("brake: what went into maintenance lowers the peak it is weighed against") {
  World world;
  world.take(snapshot({{"a", live(6)}, {"b", live(4)}}));
  CHECK(world.take(snapshot({{"a", live(5)}, {"b", live(4)}})) == 9);
  auto retired = live(5);
  for (auto& one : retired) one.second = Health::maintenance;
  CHECK(world.take(snapshot({{"a", retired}, {"b", live(4)}})) == 4);
  CHECK(world.take(snapshot({{"a", retired}, {"b", live(2)}})) == 2);  // 3 of 5
  CHECK_FALSE(world.brake.holding());
}

TEST_CASE("brake: after a hold has ended the next mass removal is weighed anew") {
  World world;
  world.take(snapshot({{"a", live(5)}, {"b", live(20)}}));
  world.take(snapshot({{"a", live(5)}}));
  world.clock.advance_ms(30'000);
  CHECK(world.take(snapshot({{"a", live(5)}})) == 5);
  CHECK(world.take(snapshot({})) == 5);
  CHECK(world.last.release_at_ms == world.clock.monotonic_ms() + 30'000);
}

TEST_CASE("brake: a share of 100 switches it off") {
  World world;
  SafetyBrake off({.share_percent = 100, .count_min = 0, .hold_ms = 30'000});
  auto verdict = off.weigh(snapshot({{"web", live(9)}}), snapshot({}), 1'000);
  CHECK(catalog::count_live_instances(*verdict.apply) == 0);
}

#include "provider/snapshot_gate.h"

#include "catch.h"
#include "scripted_catalog.h"
#include "weir/base/file.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

std::shared_ptr<const catalog::Service> service(const std::string& name, int instances) {
  catalog::Service out{name, {}};
  for (int i = 0; i < instances; ++i) {
    catalog::Instance one;
    one.id = name + "-" + std::to_string(i);
    one.node = "n";
    out.instances.push_back(one);
  }
  return std::make_shared<const catalog::Service>(std::move(out));
}

struct World {
  event::Loop loop;
  SystemClock clock;
  TemporaryFolder folder;
  Recorder seen;

  GateOptions options() const {
    return {.provider = "consul",
            .path = folder / "consul.catalog",
            .brake = {.share_percent = 50, .count_min = 4, .hold_ms = 50},
            .save_period_ms = 10};
  }
  std::unique_ptr<SnapshotGate> gate(GateOptions options) {
    return std::make_unique<SnapshotGate>(loop, clock, std::move(options),
                                          [this](auto snapshot, uint64_t) { seen.on_catalog(snapshot, 0); });
  }
  std::unique_ptr<SnapshotGate> gate() { return gate(options()); }
};

}  // namespace

TEST_CASE("gate: what was handed out last is on disk when it is gone") {
  World world;
  {
    auto gate = world.gate();
    gate->put_service(service("web", 3), 1);
    REQUIRE(run_until(world.loop, [&] { return world.seen.live() == 3; }));
    gate->put_service(service("web", 4), 1);
    REQUIRE(run_until(world.loop, [&] { return world.seen.live() == 4; }));
  }
  auto saved = decode_snapshot(read_file(world.folder / "consul.catalog").value());
  REQUIRE(saved);
  CHECK(catalog::count_live_instances(*saved->snapshot) == 4);
}

TEST_CASE("gate: many changes are written once a period, and the newest in the end") {
  World world;
  auto options = world.options();
  options.save_period_ms = 60'000;
  auto gate = world.gate(options);
  auto on_disk = [&] {
    auto text = read_file(world.folder / "consul.catalog");
    return text ? catalog::count_live_instances(*decode_snapshot(*text)->snapshot) : 0;
  };
  for (int i = 1; i <= 5; ++i) {
    gate->put_service(service("web", i), 1);
    REQUIRE(run_until(world.loop, [&] { return world.seen.live() == static_cast<size_t>(i) && on_disk() > 0; }));
  }
  CHECK(on_disk() == 1);
  gate.reset();
  CHECK(on_disk() == 5);
}

TEST_CASE("gate: a saved catalog of another provider is ignored") {
  World world;
  auto other = world.options();
  other.provider = "nomad";
  {
    auto gate = world.gate(other);
    gate->put_service(service("web", 3), 1);
    REQUIRE(run_until(world.loop, [&] { return world.seen.live() == 3; }));
  }
  world.seen.snapshots.clear();
  auto gate = world.gate();
  CHECK(gate->load() == 0);
  CHECK(world.seen.snapshots.empty());
}

TEST_CASE("gate: no file and a damaged file load nothing") {
  World world;
  CHECK(world.gate()->load() == 0);
  world.folder.write("consul.catalog", "\x01\x02");
  CHECK(world.gate()->load() == 0);
  auto without = world.options();
  without.path = "";
  CHECK(world.gate(without)->load() == 0);
}

TEST_CASE("gate: an empty catalog is handed out once complete") {
  World world;
  auto gate = world.gate();
  gate->complete();
  gate->complete();
  REQUIRE(run_until(world.loop, [&] { return !world.seen.snapshots.empty(); }));
  run_for(world.loop, 20);
  CHECK(world.seen.snapshots.size() == 1);
}

TEST_CASE("gate: a hold ends by itself") {
  World world;
  auto gate = world.gate();
  gate->put_service(service("web", 6), 1);
  REQUIRE(run_until(world.loop, [&] { return world.seen.live() == 6; }));
  gate->remove_service("web", 1);
  REQUIRE(run_until(world.loop, [&] { return !gate->held_text().empty(); }));
  CHECK(world.seen.live() == 6);
  CHECK(run_until(world.loop, [&] { return world.seen.live() == 0; }));
  CHECK(gate->held_text().empty());
}

TEST_CASE("gate: an unchanged catalog is saved again so that its age stays honest") {
  World world;
  FakeClock clock;
  auto options = world.options();
  options.resave_ms = 1'000;
  SnapshotGate gate(world.loop, clock, options, [&](auto snapshot, uint64_t) { world.seen.on_catalog(snapshot, 0); });
  gate.put_service(service("web", 1), 1);
  gate.complete();
  REQUIRE(run_until(world.loop, [&] { return world.seen.live() == 1; }));
  auto saved_ns = [&] {
    auto text = read_file(world.folder / "consul.catalog");
    return text ? decode_snapshot(*text)->saved_wall_ns : 0;
  };
  REQUIRE(run_until(world.loop, [&] { return saved_ns() != 0; }));
  const int64_t first = saved_ns();
  clock.advance_ms(2'000);
  gate.confirm();
  CHECK(run_until(world.loop, [&] { return saved_ns() == first + 2'000'000'000; }));
}

TEST_CASE("gate: a mark is handed out and taken back, and neither is saved nor weighed") {
  World world;
  auto gate = world.gate();
  gate->put_service(service("api", 3), 1);
  gate->put_service(service("web", 8), 1);
  REQUIRE(run_until(world.loop, [&] { return world.seen.live() == 11; }));
  gate->mark({{"web", catalog::Freshness::stale}, {"gone", catalog::Freshness::stale}});
  REQUIRE(run_until(world.loop, [&] { return world.seen.live() == 3; }));
  CHECK(gate->held_text().empty());
  CHECK(world.seen.snapshots.back()->services.at("web")->instances.size() == 8);
  const auto marked = world.seen.snapshots.back()->services.at("web");
  CHECK(catalog::count_live_instances(gate->applied()) == 11);
  gate->put_service(service("api", 4), 1);  // a change of another leaves the marked one the same object
  REQUIRE(run_until(world.loop, [&] { return world.seen.live() == 4; }));
  CHECK(world.seen.snapshots.back()->services.at("web") == marked);
  gate->unmark("web");
  REQUIRE(run_until(world.loop, [&] { return world.seen.live() == 12; }));
  const size_t handed_out = world.seen.snapshots.size();
  gate->unmark("web");
  run_for(world.loop, 20);
  CHECK(world.seen.snapshots.size() == handed_out);
}

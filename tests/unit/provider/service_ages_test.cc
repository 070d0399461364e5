#include "provider/service_ages.h"

#include <algorithm>

#include "catalog_world.h"
#include "catch.h"
#include "provider/catalog_provider.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;
using catalog::Freshness;

namespace {

const std::string kNames = "/v1/catalog/services";
const std::string kWeb = "/v1/health/service/web";
const std::string kApi = "/v1/health/service/api";

/// A catalog that is followed by a clock that stands still until told.
struct AgeWorld : CatalogWorld {
  FakeClock time;

  AgeWorld() { options.safety.last_good_age_ms_max = 400; }
  ~AgeWorld() { provider.reset(); }
  void start_with_web() {
    catalog.put({.service = "api", .id = "api-1"});
    catalog.put({.service = "web", .id = "web-1"});
    follow();
    REQUIRE(until_text("api:api-1 web:web-1"));
  }
  void follow() {
    provider = make_consul_provider(loop, time, options);
    REQUIRE(provider->start(seen));
  }
  /// These paths are answered with 500. Until each of them has been, and has been asked for again.
  void fail_on(const std::set<std::string>& paths) {
    auto refused = std::make_shared<std::map<std::string, int>>();
    catalog.lie = [paths, refused](const http::Request& request, const auto& to) {
      if (!paths.contains(request.path)) return false;
      ++(*refused)[request.path];
      to->respond({500, {}, "No cluster leader"});
      return true;
    };
    catalog.wake_all();
    REQUIRE(until([&] {
      return std::all_of(paths.begin(), paths.end(), [&](const auto& path) { return (*refused)[path] >= 2; });
    }));
  }
  [[nodiscard]] Freshness freshness(const std::string& name) const {
    return seen.snapshots.back()->services.at(name)->freshness;
  }
  bool until_freshness(const std::string& name, Freshness wanted) {
    return until([&] { return freshness(name) == wanted; });
  }
};

}  // namespace

TEST_CASE(
    "service ages: late and stale by the time since it was good; a saved one is late by the time since the start") {
  ServiceAges ages({.late_ms = 10, .stale_ms = 100});
  ages.note_doubted("web", 1'000);
  ages.note_doubted("web", 1'050);  // the older doubt stays
  ages.note_saved("old", 95, 1'000);
  CHECK(ages.overdue(1'004).empty());
  CHECK(ages.overdue(1'005) == FreshnessMap{{"old", Freshness::stale}});
  CHECK(ages.overdue(1'010) == FreshnessMap{{"old", Freshness::stale}, {"web", Freshness::late}});
  CHECK(ages.overdue(1'099).at("web") == Freshness::late);
  CHECK(ages.overdue(1'100).at("web") == Freshness::stale);
  ages.forget("web");
  ages.forget("nobody");
  CHECK(ages.overdue(9'000) == FreshnessMap{{"old", Freshness::stale}});
  ServiceAges endless({});
  endless.note_doubted("web", 0);
  CHECK(endless.overdue(UINT64_MAX / 2).empty());
}

TEST_CASE("service ages: who is in doubt for half of the time is asked once") {
  ServiceAges ages({.late_ms = 0, .stale_ms = 100});
  ages.note_doubted("web", 1'000);
  CHECK(ages.take_unasked(1'049).empty());
  CHECK(ages.take_unasked(1'050) == std::vector<std::string>{"web"});
  CHECK(ages.take_unasked(1'060).empty());
  ages.forget("web");
  ages.note_doubted("web", 1'100);
  CHECK(ages.take_unasked(1'150) == std::vector<std::string>{"web"});
}

TEST_CASE("service ages: after an outage an unchanged catalog is asked without waiting, and nothing becomes stale") {
  AgeWorld world;
  world.options.timing.wait_ms = 3'600'000;
  world.start_with_web();
  auto asked_afresh = [&](const std::string& path) {
    return std::count_if(world.catalog.requests.begin(), world.catalog.requests.end(), [&](const auto& request) {
      return request.path == path && request.parameter("index") == nullptr;
    });
  };
  auto all_wait = [&] { return world.catalog.waiting() == 3; };
  // A short one: the queries wait, as if nothing had been, and half-way they are asked anew.
  world.fail_on({kNames, kWeb, kApi});
  world.catalog.lie = nullptr;
  REQUIRE(world.until(all_wait));
  CHECK(asked_afresh(kWeb) == 1);
  const size_t handed_out = world.seen.snapshots.size();
  world.time.advance_ms(250);
  REQUIRE(world.until([&] { return asked_afresh(kWeb) == 2 && asked_afresh(kApi) == 2 && all_wait(); }));
  world.time.advance_ms(10'000);
  run_for(world.loop, 120);
  CHECK(world.seen.snapshots.size() == handed_out);
  // A long one.
  world.fail_on({kNames, kWeb, kApi});
  world.time.advance_ms(1'000);
  REQUIRE(world.until_freshness("web", Freshness::stale));
  world.catalog.lie = nullptr;
  REQUIRE(world.until_freshness("web", Freshness::fresh));
  REQUIRE(world.until_freshness("api", Freshness::fresh));
}

TEST_CASE("service ages: what a catalog cannot confirm for too long is stale, and fresh at once when it answers") {
  AgeWorld world;
  world.start_with_web();
  world.fail_on({kNames, kWeb, kApi});
  world.time.advance_ms(399);
  run_for(world.loop, 120);  // it looks every 100 ms
  CHECK(world.freshness("web") == Freshness::fresh);
  CHECK(world.provider->status().stale.empty());
  world.time.advance_ms(1'000);
  REQUIRE(world.until_freshness("web", Freshness::stale));
  CHECK(world.seen.text() == "api:api-1 web:web-1");  // nothing is removed
  CHECK(world.provider->status().stale == std::vector<std::string>{"api", "web"});
  CHECK(world.provider->status().live_endpoints == 0);
  world.catalog.lie = nullptr;
  REQUIRE(world.until_freshness("web", Freshness::fresh));
  REQUIRE(world.until_freshness("api", Freshness::fresh));
  CHECK(world.provider->status().stale.empty());
  CHECK(world.provider->status().live_endpoints == 2);
}

TEST_CASE("service ages: one service that cannot be read becomes stale alone") {
  AgeWorld world;
  world.start_with_web();
  world.fail_on({kWeb});
  world.time.advance_ms(1'000);
  REQUIRE(world.until_freshness("web", Freshness::stale));
  CHECK(world.freshness("api") == Freshness::fresh);
  CHECK(world.provider->status().stale == std::vector<std::string>{"web"});
}

TEST_CASE("service ages: without a maximum the last good answer serves for ever") {
  AgeWorld world;
  world.options.safety.last_good_age_ms_max = 0;
  world.start_with_web();
  world.fail_on({kNames, kWeb, kApi});
  world.time.advance_ms(uint64_t{365} * 86'400'000);
  run_for(world.loop, 60);
  CHECK(world.freshness("web") == Freshness::fresh);
  CHECK(world.provider->status().stale.empty());
}

TEST_CASE("service ages: of a healthy catalog nothing is stale, however long nothing changes") {
  AgeWorld world;
  world.start_with_web();
  world.time.advance_ms(86'400'000);
  run_for(world.loop, 120);
  CHECK(world.freshness("web") == Freshness::fresh);
}

TEST_CASE("service ages: services that share queries are stale when those cannot be read") {
  AgeWorld world;
  world.options.watches_max = 1;
  world.start_with_web();
  for (const std::string& path : {std::string("/v1/health/state/any"), kNames}) {
    world.fail_on({path});
    world.time.advance_ms(1'000);
    REQUIRE(world.until([&] { return world.provider->status().stale.size() == 1; }));  // the other has its own
    world.catalog.lie = nullptr;
    REQUIRE(world.until([&] { return world.provider->status().stale.empty(); }));
  }
}

TEST_CASE("service ages: a catalog on disk that is too old serves nobody, and becomes no younger by that") {
  TemporaryFolder folder;
  AgeWorld world;
  world.options.snapshot_path = folder / "catalog.json";
  world.start_with_web();
  world.provider.reset();
  world.catalog.stop_listening();
  for (int i = 0; i < 2; ++i) {
    world.time.advance_ms(1'000);
    world.seen.snapshots.clear();
    world.follow();
    REQUIRE(world.seen.snapshots.size() == 1);
    CHECK(world.freshness("web") == Freshness::stale);
    CHECK(world.provider->status().source == Source::disk);
    CHECK(world.provider->status().stale.size() == 2);
    CHECK(world.provider->status().age_ms == uint64_t{1'000} * static_cast<uint64_t>(i + 1));
    run_for(world.loop, 20);
    world.provider.reset();
  }
  world.follow();
  world.catalog.listen_again();
  REQUIRE(world.until_freshness("web", Freshness::fresh));
}

TEST_CASE("service ages: a file that is younger than the maximum serves until it is too old") {
  TemporaryFolder folder;
  AgeWorld world;
  world.options.snapshot_path = folder / "catalog.json";
  world.start_with_web();
  world.provider.reset();
  world.catalog.stop_listening();
  world.time.advance_ms(300);
  world.seen.snapshots.clear();
  world.follow();
  CHECK(world.freshness("web") == Freshness::fresh);
  world.time.advance_ms(100);
  CHECK(world.until_freshness("web", Freshness::stale));
}

// Services above the number that have a query of their own.

#include <algorithm>

#include "catalog_world.h"
#include "catch.h"

using namespace weir;
using namespace weir::provider::test;

namespace {

std::string name(int i) { return "s" + std::to_string(100 + i); }

struct CrowdWorld : CatalogWorld {
  static constexpr uint64_t kPatientMs = 1'000;

  /// Whoever says that somebody was not asked waits longer than a starved machine does for an answer that is there.
  explicit CrowdWorld(int services, bool patient = false, const std::vector<FakeInstance>& more = {},
                      uint64_t backoff_ms = 0) {
    options.watches_max = 2;
    if (backoff_ms > 0) options.timing.backoff_first_ms = options.timing.backoff_max_ms = backoff_ms;
    if (patient) options.timing.proof_ms = kPatientMs;
    if (patient) options.timing.immediate_ms = 10 * kPatientMs;
    for (int i = 0; i < services; ++i) catalog.put({.service = name(i), .id = "a", .node = "n" + std::to_string(i)});
    for (const FakeInstance& instance : more) catalog.put(instance);
    const size_t all = static_cast<size_t>(services) + more.size();
    start();
    if (!until([&] { return provider->status().synced_once && seen.live() == all; })) {
      throw std::runtime_error("not in sync: " + seen.text());
    }
  }
};

}  // namespace

TEST_CASE("crowd: pain 14, many services are followed with a constant number of queries") {
  CrowdWorld world(30);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));  // list, 2 services, checks, nodes
  run_for(world.loop, 50);
  CHECK(world.catalog.waiting() == 5);
}

TEST_CASE("crowd: a failed check is seen, and only its service is read again") {
  CrowdWorld world(30);
  run_for(world.loop, 700);  // what the start asked for is answered
  world.catalog.requests.clear();
  world.catalog.put({.service = name(20), .id = "a", .status = "critical", .node = "n20"});
  REQUIRE(world.until([&] { return world.seen.live() == 29; }));
  CHECK(world.catalog.count("/v1/health/service/" + name(20)) == 1);
}

TEST_CASE("crowd: a node that gets another address is seen") {
  CrowdWorld world(10);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  world.catalog.put({.service = name(7), .id = "a", .node = "n7", .address = "10.7.7.7"});
  CHECK(world.until(
      [&] { return world.seen.snapshots.back()->services.at(name(7))->instances[0].address == "10.7.7.7"; }));
}

TEST_CASE("crowd: nodes that change together are seen, each on every service that has it, and no other is read") {
  CrowdWorld world(30, true,
                   {{.service = name(9), .id = "m1", .node = "m1"},
                    {.service = name(9), .id = "m2", .node = "m2"},
                    {.service = name(9), .id = "m3", .node = "m3"},
                    {.service = name(5), .id = "b", .node = "m2"}});
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  run_for(world.loop, 2 * CrowdWorld::kPatientMs);  // what the start asked for is answered
  world.catalog.requests.clear();
  world.catalog.put({.service = name(9), .id = "m2", .node = "m2", .address = "10.9.9.2"});
  world.catalog.put({.service = name(7), .id = "a", .node = "n7", .address = "10.7.7.7"});
  auto is_at = [&](int service, std::string_view address) {
    const auto& instances = world.seen.snapshots.back()->services.at(name(service))->instances;
    return std::any_of(instances.begin(), instances.end(), [&](const auto& one) { return one.address == address; });
  };
  REQUIRE(world.until([&] { return is_at(7, "10.7.7.7") && is_at(9, "10.9.9.2"); }));
  CHECK(world.until([&] { return world.catalog.count("/v1/health/service/" + name(5)) == 1; }));
  for (int i = 10; i < 30; ++i) CHECK(world.catalog.count("/v1/health/service/" + name(i)) == 0);
}

TEST_CASE("crowd: an instance without checks is found by the sweep") {
  CrowdWorld world(10);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  world.catalog.put({.service = name(7), .id = "b", .status = "", .node = "n7"});
  CHECK(world.until([&] { return world.seen.live() == 11; }));
}

TEST_CASE("crowd: a list that moved for what other queries have told sweeps nobody; for what they have not it does") {
  CrowdWorld world(10, true);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  run_for(world.loop, 2 * CrowdWorld::kPatientMs);  // what the start asked for is answered
  world.catalog.requests.clear();
  auto asked = [&](int member) { return world.catalog.count("/v1/health/service/" + name(member)); };
  world.catalog.put({.service = name(0), .id = "b", .status = "", .node = "n0"});  // has a query of its own
  REQUIRE(world.until([&] { return world.seen.live() == 11; }));
  world.catalog.put({.service = name(7), .id = "b", .node = "n7"});  // shows in the list of checks
  REQUIRE(world.until([&] { return world.seen.live() == 12; }));
  run_for(world.loop, 2 * CrowdWorld::kPatientMs);
  CHECK(asked(7) == 1);
  CHECK(asked(5) == 0);
  world.catalog.put({.service = name(8), .id = "b", .status = "", .node = "n8"});
  CHECK(world.until([&] { return world.seen.live() == 13 && asked(5) == 1; }));
}

TEST_CASE("crowd: services that come and go without checks are read once, and nobody else is") {
  CrowdWorld world(10, true);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  run_for(world.loop, 2 * CrowdWorld::kPatientMs);  // what the start asked for is answered
  world.catalog.requests.clear();
  for (const char* name : {"x1", "x2"}) world.catalog.put({.service = name, .id = "a", .status = "", .node = "n1"});
  REQUIRE(world.until([&] { return world.seen.live() == 12; }));
  world.catalog.remove("x1", "a");
  REQUIRE(world.until([&] { return world.seen.live() == 11; }));
  world.catalog.put({.service = name(0), .id = "b", .status = "", .node = "n0"});  // has a query of its own
  world.catalog.remove("x2", "a");
  REQUIRE(
      world.until([&] { return world.seen.live() == 11 && !world.seen.snapshots.back()->services.contains("x2"); }));
  run_for(world.loop, 2 * CrowdWorld::kPatientMs);
  CHECK(world.catalog.count("/v1/health/service/x1") == 1);
  CHECK(world.catalog.count("/v1/health/service/x2") == 1);
  CHECK(world.catalog.count("/v1/health/service/" + name(5)) == 0);
}

TEST_CASE("crowd: a failure while reading one service pauses and reads it again") {
  CrowdWorld world(10);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  int refused = 0;
  world.catalog.lie = [&](const http::Request& request, const std::shared_ptr<http::Responder>& to) {
    if (request.path != "/v1/health/service/" + name(7) || refused == 3) return false;
    ++refused;
    to->respond({500, {}, "not now"});
    return true;
  };
  world.catalog.put({.service = name(7), .id = "b", .node = "n7"});
  CHECK(world.until([&] { return world.seen.live() == 11; }));
  CHECK(refused == 3);
}

TEST_CASE("crowd: a service that can never be read holds up nobody else's news") {
  CrowdWorld world(10);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  world.catalog.lie = [&](const http::Request& request, const std::shared_ptr<http::Responder>& to) {
    if (request.path != "/v1/health/service/" + name(7)) return false;
    to->respond({500, {}, "never"});
    return true;
  };
  world.catalog.put({.service = name(7), .id = "b", .node = "n7"});
  REQUIRE(world.until([&] { return world.catalog.count("/v1/health/service/" + name(7)) >= 2; }));
  world.catalog.put({.service = name(8), .id = "b", .status = "", .node = "n8"});  // found by a sweep alone
  CHECK(world.until([&] { return world.seen.live() == 11; }));
}

TEST_CASE("crowd: what is known to have changed does not wait until a service that cannot be read is tried again") {
  CrowdWorld world(10, false, {}, 3'600'000);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  world.catalog.lie = [&](const http::Request& request, const std::shared_ptr<http::Responder>& to) {
    if (request.path != "/v1/health/service/" + name(7)) return false;
    to->respond({500, {}, "never"});
    return true;
  };
  world.catalog.requests.clear();
  world.catalog.put({.service = name(7), .id = "a", .status = "critical", .node = "n7"});
  REQUIRE(world.until([&] { return world.catalog.count("/v1/health/service/" + name(7)) == 1; }));
  world.catalog.put({.service = name(8), .id = "a", .status = "critical", .node = "n8"});
  CHECK(world.until([&] { return world.seen.live() == 9; }));
}

TEST_CASE("crowd: after the catalog has lost its data, indexes of before explain nothing") {
  CrowdWorld world(10);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  for (int i = 0; i < 20; ++i) {  // of one that has a query of its own: these are known
    world.catalog.put({.service = name(0), .id = "a", .status = i % 2 == 0 ? "critical" : "passing", .node = "n0"});
    REQUIRE(world.until([&] { return world.seen.live() == (i % 2 == 0 ? 9U : 10U); }));
  }
  world.catalog.stop_listening();
  world.catalog.lose_everything();
  for (int i = 0; i < 10; ++i) world.catalog.put({.service = name(i), .id = "c", .node = "n" + std::to_string(i)});
  world.catalog.listen_again();
  world.catalog.wake_all();
  REQUIRE(world.until([&] { return world.seen.text().find(name(9) + ":c") != std::string::npos; }));
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  world.catalog.put({.service = name(8), .id = "d", .status = "", .node = "n8"});
  CHECK(world.until([&] { return world.seen.live() == 11; }));
}

TEST_CASE("crowd: a service that goes frees its query for another one") {
  CrowdWorld world(3);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 5; }));
  world.catalog.remove(name(0), "a");
  REQUIRE(world.until([&] { return world.seen.live() == 2; }));
  CHECK(world.until([&] { return world.catalog.waiting() == 3; }));  // list and one for each: no crowd any more
}

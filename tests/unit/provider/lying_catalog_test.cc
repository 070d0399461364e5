// Everything a catalog can do wrong; what is routed must survive it, and the catalog must not be hammered.

#include "catalog_world.h"
#include "catch.h"

using namespace weir;
using namespace weir::provider::test;
using http::Request;

namespace {

using Responder = std::shared_ptr<http::Responder>;

/// Every query gets that, until the lie is taken back.
ScriptedCatalog::Lie always(int status, const std::string& body, http::HeaderFields headers = {}) {
  return [=](const Request&, const Responder& to) {
    to->respond({status, headers, body});
    return true;
  };
}

/// The instances stay while the catalog lies, and a change made meanwhile arrives when it is honest again.
void check_survives(const ScriptedCatalog::Lie& lie) {
  CatalogWorld world;
  world.start_with(3);
  world.catalog.lie = lie;
  world.catalog.wake_all();
  REQUIRE(world.until([&] { return !world.provider->status().error.empty(); }));
  run_for(world.loop, 50);
  CHECK(world.seen.live() == 3);
  CHECK(world.provider->status().synced_once);
  world.catalog.lie = nullptr;
  world.catalog.put({.service = "web", .id = "web-9"});
  CHECK(world.until([&] { return world.seen.live() == 4; }));
  CHECK(world.until([&] { return world.provider->status().error.empty(); }));
}

}  // namespace

TEST_CASE("lying catalog: pain 8, status 500 removes nothing") { check_survives(always(500, "No cluster leader")); }

TEST_CASE("lying catalog: status 404 removes nothing") { check_survives(always(404, "")); }

TEST_CASE("lying catalog: cut JSON removes nothing") {
  check_survives(always(200, R"([{"Node":{"Node":"n1","Addr)", {{"X-Consul-Index", "900"}}));
}

TEST_CASE("lying catalog: JSON of another kind removes nothing") {
  check_survives(always(200, "null", {{"X-Consul-Index", "900"}}));
}

TEST_CASE("lying catalog: an HTML page with status 200 removes nothing") {
  check_survives(always(200, "<html>please log in</html>", {{"X-Consul-Index", "900"}}));
}

TEST_CASE("lying catalog: hostile nesting removes nothing") {
  check_survives(always(200, std::string(1'000'000, '['), {{"X-Consul-Index", "900"}}));
}

TEST_CASE("lying catalog: a body above the limit removes nothing") {
  check_survives([](const Request&, const Responder& to) {
    to->start(200, {{"X-Consul-Index", "900"}});
    const std::string piece(1024 * 1024, ' ');
    for (int i = 0; i < 66; ++i) to->write(piece);
    to->end();
    return true;
  });
}

TEST_CASE("lying catalog: pain 11, silence is given up at the deadline, and removes nothing") {
  std::vector<Responder> kept;
  check_survives([&](const Request&, const Responder& to) {
    kept.push_back(to);
    return true;
  });
}

TEST_CASE("lying catalog: an answer that stops in its middle is given up, and removes nothing") {
  std::vector<Responder> kept;
  check_survives([&](const Request&, const Responder& to) {
    to->start(200, {{"X-Consul-Index", "900"}});
    to->write("[{\"Node\":");
    kept.push_back(to);
    return true;
  });
}

TEST_CASE("lying catalog: a slow answer is waited for") {
  CatalogWorld world;
  world.options.timing.immediate_ms = 5'000;
  world.catalog.put({.service = "web", .id = "web-1"});
  std::list<event::Timer> timers;
  world.catalog.lie = [&](const Request& request, const Responder& to) {
    timers.emplace_back(world.loop, [&world, request, to] {
      to->respond({200, {{"X-Consul-Index", "20"}}, world.catalog.body(request.path)});
    });
    timers.back().start_once(400);
    return true;
  };
  world.start();
  CHECK(world.until_text("web:web-1"));
  CHECK(world.provider->status().error.empty());
}

TEST_CASE("lying catalog: pain 10, a restart that refuses connections for a while removes nothing") {
  CatalogWorld world;
  world.start_with(3);
  world.catalog.stop_listening();
  REQUIRE(world.until([&] { return !world.provider->status().error.empty(); }));
  CHECK(world.seen.live() == 3);
  world.catalog.listen_again();
  world.catalog.put({.service = "web", .id = "web-9"});
  CHECK(world.until([&] { return world.seen.live() == 4; }));
}

TEST_CASE("lying catalog: pain 12, an index that goes back is forgotten and the answer taken") {
  CatalogWorld world;
  world.start_with(1);
  world.catalog.put({.service = "web", .id = "web-1"});
  REQUIRE(world.until([&] { return world.seen.live() == 2; }));
  // Restored from an old backup: lower indexes, other content. The waiting queries are cut, as a restart cuts them.
  world.catalog.stop_listening();
  world.catalog.lose_everything();
  for (const char* id : {"web-0", "web-1", "web-2"}) world.catalog.put({.service = "web", .id = id});
  world.catalog.listen_again();
  world.catalog.wake_all();
  // The server holds a query whose index is ahead for its whole wait; only then the lower index is seen.
  REQUIRE(world.until([&] { return world.seen.live() == 3; }, 20'000));
  world.catalog.put({.service = "web", .id = "web-3"});
  CHECK(world.until([&] { return world.seen.live() == 4; }));
}

TEST_CASE("lying catalog: without an index it is polled with a pause, not in a loop") {
  CatalogWorld world;
  world.options.timing.poll_ms = 50;
  world.catalog.index_lie = [](const std::string&) { return ""; };
  world.start_with(1);
  world.catalog.requests.clear();
  run_for(world.loop, 500);
  CHECK(world.catalog.count("/v1/catalog/services") >= 5);
  CHECK(world.catalog.count("/v1/catalog/services") <= 12);
  world.catalog.put({.service = "web", .id = "web-1"});
  CHECK(world.until([&] { return world.seen.live() == 2; }));
}

TEST_CASE("lying catalog: an index of 0 or of no number is polled with a pause") {
  for (const char* index : {"0", "banana", "-1", "99999999999999999999999"}) {
    INFO(index);
    CatalogWorld world;
    world.options.timing.poll_ms = 50;
    world.catalog.index_lie = [&](const std::string&) { return index; };
    world.start_with(1);
    world.catalog.requests.clear();
    run_for(world.loop, 250);
    CHECK(world.catalog.count("/v1/catalog/services") <= 7);
  }
}

TEST_CASE("lying catalog: an index that stands still with answers at once is not asked in a loop") {
  CatalogWorld world;
  world.options.timing.poll_ms = 100;
  world.start_with(1);
  world.catalog.lie = [&](const Request& request, const Responder& to) {
    to->respond({200, {{"X-Consul-Index", "77"}}, world.catalog.body(request.path)});
    return true;
  };
  world.catalog.wake_all();
  run_for(world.loop, 100);
  world.catalog.requests.clear();
  run_for(world.loop, 500);
  CHECK(world.catalog.count("/v1/catalog/services") <= 7);
}

TEST_CASE("lying catalog: an index that always grows is asked 10 times a second at most") {
  CatalogWorld world;
  world.start_with(1);
  uint64_t index = 1'000;
  world.catalog.lie = [&](const Request& request, const Responder& to) {
    to->respond({200, {{"X-Consul-Index", std::to_string(++index)}}, world.catalog.body(request.path)});
    return true;
  };
  world.catalog.wake_all();
  world.catalog.requests.clear();
  run_for(world.loop, 500);
  CHECK(world.catalog.count("/v1/catalog/services") <= 8 + 5 + 2);
  CHECK(world.seen.live() == 1);
}

TEST_CASE("lying catalog: pain 15, 429 is obeyed") {
  CatalogWorld world;
  world.start_with(1);
  world.catalog.lie = always(429, "slow down", {{"Retry-After", "2"}});
  world.catalog.wake_all();
  REQUIRE(world.until([&] { return !world.provider->status().error.empty(); }));
  world.catalog.requests.clear();
  run_for(world.loop, 500);
  CHECK(world.catalog.requests.size() <= 1);
  CHECK(world.seen.live() == 1);
}

TEST_CASE("lying catalog: pain 8, a catalog that becomes empty is held, and removed after the hold if it stays so") {
  CatalogWorld world;
  world.start_with(3);
  for (const char* id : {"web-0", "web-1", "web-2"}) {
    world.catalog.remove("web", id);
  }
  REQUIRE(world.until([&] { return !world.provider->status().held.empty(); }));
  CHECK(world.seen.live() > 0);
  CHECK(world.until([&] { return world.seen.live() == 0; }));
  CHECK(world.provider->status().held.empty());
}

TEST_CASE(
    "lying catalog: pain 35, a registry that lost its state empties nothing when its services come back in time") {
  CatalogWorld world;
  world.options.safety.hold_ms = 60'000;
  world.options.timing.wait_ms = 200;
  world.start_with(6);
  world.catalog.stop_listening();
  world.catalog.lose_everything();
  world.catalog.listen_again();
  REQUIRE(world.until([&] { return !world.provider->status().held.empty(); }));
  CHECK(world.seen.live() == 6);
  for (int i = 0; i < 6; ++i) {
    world.catalog.put({.service = "web", .id = "web-" + std::to_string(i), .port = static_cast<uint16_t>(1'000 + i)});
  }
  CHECK(world.until([&] { return world.provider->status().held.empty(); }));
  for (const auto& snapshot : world.seen.snapshots) CHECK(catalog::count_live_instances(*snapshot) <= 6);
  CHECK(world.seen.live() == 6);
}

TEST_CASE("lying catalog: an empty list for one service does not count while the list of services is not read") {
  CatalogWorld world;
  world.start_with(3);
  bool lied = false;
  world.catalog.lie = [&](const Request& request, const Responder& to) {
    if (request.path == "/v1/catalog/services") {
      to->respond({500, {}, "No cluster leader"});
      return true;
    }
    lied = true;
    to->respond({200, {{"X-Consul-Index", "800"}}, "[]"});
    return true;
  };
  world.catalog.wake_all();
  REQUIRE(world.until([&] { return lied; }));
  run_for(world.loop, 100);
  CHECK(world.seen.live() == 3);
}

TEST_CASE("lying catalog: an answer that begins to be filtered by ACLs removes nothing") {
  CatalogWorld world;
  world.start_with(2);
  world.catalog.lie = always(200, "{}", {{"X-Consul-Index", "900"}, {"X-Consul-Results-Filtered-By-Acls", "true"}});
  world.catalog.wake_all();
  REQUIRE(world.until([&] { return !world.provider->status().error.empty(); }));
  CHECK(world.seen.live() == 2);
}

TEST_CASE("lying catalog: what comes and may not be read keeps nobody else's news back") {
  CatalogWorld world;
  world.start_with(1);
  world.catalog.lie = [&](const Request& request, const Responder& to) {
    if (request.path != "/v1/catalog/services") return false;
    to->respond({200,
                 {{"X-Consul-Index", "900"}, {"X-Consul-Results-Filtered-By-Acls", "true"}},
                 world.catalog.body(request.path)});
    return true;
  };
  world.catalog.wake_all();
  world.catalog.put({.service = "new", .id = "new-1"});
  CHECK(world.until_text("new:new-1 web:web-0"));
}

TEST_CASE("lying catalog: pain 9, one service that cannot be read keeps its last good version, the others go on") {
  CatalogWorld world;
  world.catalog.put({.service = "bad", .id = "bad-1"});
  world.start_with(1);
  REQUIRE(world.until_text("bad:bad-1 web:web-0"));
  world.catalog.lie = [&](const Request& request, const Responder& to) {
    if (request.path != "/v1/health/service/bad") return false;
    to->respond({200, {{"X-Consul-Index", "900"}}, R"([{"Node":{"Node":"n1"},"Service":{"ID":"bad-1","Service":7}}])"});
    return true;
  };
  world.catalog.wake_all();
  REQUIRE(world.until([&] { return world.provider->status().error.find("service bad: ") == 0; }));
  world.catalog.put({.service = "bad", .id = "bad-2"});
  world.catalog.put({.service = "web", .id = "web-1"});
  CHECK(world.until_text("bad:bad-1 web:web-0,web-1"));
}

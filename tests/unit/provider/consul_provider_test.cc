#include "catalog_world.h"
#include "catch.h"
#include "weir/base/file.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {
constexpr const char* kNames = "/v1/catalog/services";
}

TEST_CASE("consul provider: options that cannot work are an error, a catalog that is down is none") {
  CatalogWorld world;
  world.options.consul.addresses = {};
  CHECK_FALSE(make_consul_provider(world.loop, world.clock, world.options)->start(world.seen));
  world.options.consul.addresses = {"ftp://x"};
  CHECK_FALSE(make_consul_provider(world.loop, world.clock, world.options)->start(world.seen));
  world.options.consul.addresses = {"http://127.0.0.1:1"};
  world.provider = make_consul_provider(world.loop, world.clock, world.options);
  CHECK(world.provider->start(world.seen));
  CHECK(world.until([&] { return !world.provider->status().error.empty(); }));
  CHECK(world.provider->status().source == Source::none);
  CHECK(world.seen.snapshots.empty());
}

TEST_CASE("consul provider: the first query has no index, the next has the last one and the wait") {
  CatalogWorld world;
  world.options.consul.wait_s = 7;
  world.start_with(1);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 2; }));
  for (const char* path : {kNames, "/v1/health/service/web"}) {
    std::vector<std::string> queries;
    for (const auto& request : world.catalog.requests) {
      if (request.path == path) queries.push_back(request.query_text);
    }
    CHECK(queries == std::vector<std::string>{"wait=7000ms", "index=11&wait=7000ms"});
  }
}

TEST_CASE(
    "consul provider: pain 13, only routed services are watched, and a catalog of many costs no connection more") {
  CatalogWorld world;
  for (int i = 0; i < 200; ++i) {
    world.catalog.put({.service = "plain-" + std::to_string(i), .id = "x", .tag = i % 2 == 0 ? "" : "primary"});
  }
  world.start_with(1);
  REQUIRE(world.until([&] { return world.catalog.waiting() == 2; }));
  CHECK(world.catalog.requests.size() == 4);
  world.catalog.put({.service = "plain-7", .id = "y", .tag = "primary"});
  world.catalog.put({.service = "web", .id = "web-1"});
  REQUIRE(world.until([&] { return world.seen.live() == 2; }));
  CHECK(world.catalog.count("/v1/health/service/plain-7") == 0);
}

TEST_CASE("consul provider: a tag is a routing tag by its prefix and =, or by fabio's prefix") {
  CatalogWorld world;
  world.catalog.put({.service = "a", .id = "a-1", .tag = "weir.enable=true"});
  world.catalog.put({.service = "b", .id = "b-1", .tag = "traefik.http.routers.b.rule=Host(`b`)"});
  world.catalog.put({.service = "c", .id = "c-1", .tag = "urlprefix-c/"});
  world.catalog.put({.service = "d", .id = "d-1", .tag = "traefik.enable"});
  world.catalog.put({.service = "e", .id = "e-1", .tag = "version=2"});
  world.start();
  REQUIRE(world.until_synced());
  CHECK(world.until_text("a:a-1 b:b-1 c:c-1"));
}

TEST_CASE("consul provider: exposed by default routes every service") {
  CatalogWorld world;
  world.options.consul.exposed_by_default = true;
  world.catalog.put({.service = "d", .id = "d-1", .tag = ""});
  world.start();
  REQUIRE(world.until_synced());
  CHECK(world.until_text("consul: d:d-1"));
}

TEST_CASE("consul provider: pain 34, registration, change, health and deregistration arrive over HTTP") {
  CatalogWorld world;
  world.start_with(2);
  world.catalog.put({.service = "web", .id = "web-2"});
  CHECK(world.until_text("web:web-0,web-1,web-2"));
  world.catalog.put({.service = "web", .id = "web-2", .status = "critical"});
  CHECK(world.until([&] { return world.seen.live() == 2; }));
  CHECK(world.seen.text() == "web:web-0,web-1,web-2");
  world.catalog.remove("web", "web-2");
  CHECK(world.until_text("web:web-0,web-1"));
  world.catalog.put({.service = "web", .id = "web-1", .port = 4711});
  CHECK(world.until([&] { return world.seen.snapshots.back()->services.at("web")->instances[1].port == 4711; }));
}

TEST_CASE("consul provider: a new service arrives, and one that loses its tags goes") {
  CatalogWorld world;
  world.start_with(2);
  world.catalog.put({.service = "db", .id = "db-1"});
  CHECK(world.until_text("db:db-1 web:web-0,web-1"));
  world.catalog.put({.service = "db", .id = "db-1", .tag = "plain"});
  CHECK(world.until_text("web:web-0,web-1"));
  CHECK(world.until([&] { return world.catalog.waiting() == 2; }));
}

TEST_CASE("consul provider: pain 13, equal answers hand out nothing") {
  CatalogWorld world;
  world.start_with(2);
  const size_t before = world.seen.snapshots.size();
  world.catalog.put({.service = "web", .id = "web-1", .port = 1'001});  // as it is
  world.catalog.put({.service = "elsewhere", .id = "x", .tag = ""});
  world.catalog.wake_all();
  run_for(world.loop, 50);
  CHECK(world.seen.snapshots.size() == before);
}

TEST_CASE("consul provider: changes that come together are one snapshot") {
  CatalogWorld world;
  world.options.coalesce_ms = 1'000;  // longer than a busy machine stops between two answers
  world.start_with(1);
  const size_t before = world.seen.snapshots.size();
  world.catalog.put({.service = "a", .id = "a-1"});
  world.catalog.put({.service = "b", .id = "b-1"});
  world.catalog.put({.service = "c", .id = "c-1"});
  REQUIRE(world.until_text("a:a-1 b:b-1 c:c-1 web:web-0"));
  CHECK(world.seen.snapshots.size() - before <= 2);
}

TEST_CASE(
    "consul provider: services that routes files refer to are followed without tags, and are empty when unknown") {
  CatalogWorld world;
  world.catalog.put({.service = "plain", .id = "plain-1", .tag = ""});
  world.start_with(1);
  world.provider->want_services({"plain", "unborn"});
  CHECK(world.until_text("plain:plain-1 unborn: web:web-0"));
  world.catalog.put({.service = "unborn", .id = "u-1", .tag = ""});
  CHECK(world.until_text("plain:plain-1 unborn:u-1 web:web-0"));
  world.catalog.remove("unborn", "u-1");
  CHECK(world.until_text("plain:plain-1 unborn: web:web-0"));
  world.provider->want_services({});
  CHECK(world.until_text("web:web-0"));
}

TEST_CASE("consul provider: a name with strange characters is asked for escaped") {
  CatalogWorld world;
  world.catalog.put({.service = "My_Svc.x y/z", .id = "m-1"});
  world.start();
  REQUIRE(world.until([&] { return world.catalog.count("/v1/health/service/My_Svc.x%20y%2Fz") > 0; }));
}

TEST_CASE("consul provider: a dead address is left for the next one") {
  CatalogWorld world;
  ScriptedCatalog second(world.loop);
  second.put({.service = "web", .id = "from-second"});
  world.options.consul.addresses = {world.catalog.url(), second.url()};
  world.start_with(1);
  CHECK(world.provider->status().address == world.catalog.url());
  world.catalog.stop_listening();
  CHECK(world.until_text("web:from-second"));
  CHECK(world.provider->status().address == second.url());
}

TEST_CASE("consul provider: an address that answers 500 is left for the next one") {
  CatalogWorld world;
  ScriptedCatalog second(world.loop);
  second.put({.service = "web", .id = "from-second"});
  world.options.consul.addresses = {world.catalog.url(), second.url()};
  world.catalog.lie = [](const auto&, const auto& to) {
    to->respond({500, {}, "No cluster leader"});
    return true;
  };
  world.start();
  CHECK(world.until_text("web:from-second"));
}

TEST_CASE("consul provider: when every address is dead each is asked with a pause, and nothing is removed") {
  CatalogWorld world;
  ScriptedCatalog second(world.loop);
  world.options.consul.addresses = {world.catalog.url(), second.url()};
  world.start_with(2);
  auto refuse = [](const auto&, const auto& to) {
    to->respond({500, {}, ""});
    return true;
  };
  world.catalog.lie = refuse;
  second.lie = refuse;
  world.catalog.wake_all();
  run_for(world.loop, 300);  // the back-off reaches its maximum of 40 ms
  world.catalog.requests.clear();
  second.requests.clear();
  run_for(world.loop, 400);
  CHECK(world.catalog.requests.size() + second.requests.size() <= 2 * 400 / 20 + 4);
  CHECK(world.seen.live() == 2);
}

TEST_CASE("consul provider: pain 36, a token that was renewed in its file is used after a 403") {
  CatalogWorld world;
  TemporaryFolder folder;
  folder.write("token", "first\n");
  world.options.consul.token_file = folder / "token";
  world.catalog.token = "first";
  world.start_with(1);
  world.catalog.token = "second";
  world.catalog.wake_all();
  REQUIRE(world.until([&] { return world.provider->status().error.find("403") != std::string::npos; }));
  CHECK(world.seen.live() == 1);
  folder.write("token", "second\n");
  world.catalog.put({.service = "web", .id = "web-1"});
  CHECK(world.until([&] { return world.seen.live() == 2; }));
}

TEST_CASE("consul provider: the token, the datacenter, the namespace and the consistency go with every request") {
  CatalogWorld world;
  world.options.consul.token = "secret";
  world.options.consul.datacenter = "dc 2";
  world.options.consul.name_space = "team";
  world.options.consul.consistency = config::Consistency::stale;
  world.catalog.token = "secret";
  world.start_with(1);
  for (const auto& request : world.catalog.requests) {
    CHECK(request.query_text.find("dc=dc%202&ns=team&stale=&") == 0);
  }
}

TEST_CASE("consul provider: a user and a password in the address go with every request, as Traefik's httpAuth does") {
  CatalogWorld world;
  world.catalog.put({.service = "web", .id = "web-1"});
  world.options.consul.addresses = {"http://user:pass%40word@" + world.catalog.url().substr(7)};
  world.start();
  REQUIRE(world.until_text("web:web-1"));
  for (const auto& request : world.catalog.requests) {
    CHECK(request.header("Authorization") == "Basic dXNlcjpwYXNzQHdvcmQ=");
  }
}

TEST_CASE("consul provider: pain 5, a catalog that is down at the start is replaced by the last good one on disk") {
  TemporaryFolder folder;
  {
    CatalogWorld world;
    world.options.snapshot_path = folder / "consul.catalog";
    world.start_with(2);
    world.provider->stop();
  }
  CatalogWorld world;
  world.options.snapshot_path = folder / "consul.catalog";
  world.catalog.stop_listening();
  world.start();
  CHECK(world.seen.text() == "web:web-0,web-1");
  auto status = world.provider->status();
  CHECK(status.source == Source::disk);
  CHECK_FALSE(status.synced_once);
  CHECK(status.last_good_wall_ns > 0);
  CHECK(status.live_endpoints == 2);
  world.catalog.put({.service = "web", .id = "web-0", .port = 1'000});
  world.catalog.put({.service = "web", .id = "web-1", .port = 1'001});
  world.catalog.put({.service = "web", .id = "web-2"});
  world.catalog.listen_again();
  CHECK(world.until_text("web:web-0,web-1,web-2"));
  CHECK(world.until([&] { return world.provider->status().source == Source::live; }));
}

TEST_CASE("consul provider: pain 7, a catalog that is empty at the start does not empty what was loaded from disk") {
  TemporaryFolder folder;
  {
    CatalogWorld world;
    world.options.snapshot_path = folder / "consul.catalog";
    world.start_with(5);
  }
  CatalogWorld world;
  world.options.safety.hold_ms = 60'000;
  world.options.snapshot_path = folder / "consul.catalog";
  world.start();
  REQUIRE(world.until([&] { return world.provider->status().synced_once; }));
  run_for(world.loop, 20);
  CHECK(world.seen.live() == 5);
  CHECK(world.provider->status().held.find("5 of 5 live endpoints") == 0);
}

TEST_CASE("consul provider: a damaged file on disk is ignored") {
  TemporaryFolder folder;
  folder.write("consul.catalog", "weir-catalog 1 0000000000000000\n{}");
  CatalogWorld world;
  world.options.snapshot_path = folder / "consul.catalog";
  world.start_with(1);
  CHECK(world.seen.live() == 1);
}

TEST_CASE("consul provider: a disk that cannot be written to is reported and routing goes on") {
  TemporaryFolder folder;
  folder.write("file", "not a folder");
  CatalogWorld world;
  world.options.snapshot_path = folder / "file/consul.catalog";
  world.start_with(1);
  CHECK(world.until([&] { return world.provider->status().error.find("consul.catalog") != std::string::npos; }));
  world.catalog.put({.service = "web", .id = "web-1"});
  CHECK(world.until([&] { return world.seen.live() == 2; }));
}

TEST_CASE("consul provider: nothing comes after stop") {
  CatalogWorld world;
  world.start_with(1);
  world.catalog.put({.service = "web", .id = "web-1"});
  world.provider->stop();
  world.provider->stop();
  const size_t before = world.seen.snapshots.size();
  run_for(world.loop, 50);
  CHECK(world.seen.snapshots.size() == before);
}

TEST_CASE("consul provider: an instance that cannot be used is skipped and shown") {
  CatalogWorld world;
  world.start_with(1);
  world.catalog.put({.service = "web", .id = "bad", .address = "no address"});
  CHECK(world.until([&] { return world.provider->status().skipped.size() == 1; }));
  CHECK(world.seen.text() == "web:web-0");
}

TEST_CASE(
    "consul provider: pain 41, one service that cannot be read from the start keeps the others waiting only for a "
    "moment") {
  CatalogWorld world;
  world.catalog.put({.service = "bad", .id = "bad-1"});
  world.catalog.put({.service = "web", .id = "web-1"});
  int refused = 0;
  world.catalog.lie = [&](const http::Request& request, const std::shared_ptr<http::Responder>& to) {
    if (request.path != "/v1/health/service/bad" || refused == 5) return false;
    ++refused;
    CHECK_FALSE(world.provider->status().synced_once);
    to->respond({500, {}, "not now"});
    return true;
  };
  world.start();
  CHECK(world.until_synced());
  CHECK(refused == 5);
  CHECK(world.until_text("bad:bad-1 web:web-1"));
}

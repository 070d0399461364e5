#include "provider/failover_provider.h"

#include "catalog_world.h"
#include "catch.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;
using catalog::Health;

namespace {

std::shared_ptr<const catalog::Service> service(const std::vector<Health>& healths) {
  auto out = std::make_shared<catalog::Service>(catalog::Service{"web", {}});
  for (Health health : healths) {
    out->instances.push_back({});
    out->instances.back().health = health;
  }
  return out;
}

/// Says what the test says.
class FakeProvider final : public Provider {
 public:
  Status start(Observer& to) override {
    observer = &to;
    return {};
  }
  void stop() override { observer = nullptr; }
  [[nodiscard]] ProviderStatus status() const override { return state; }
  void want_services(std::set<std::string, std::less<>> names) override { wanted = std::move(names); }

  /// Services with one instance each, "web-dc2" on node "n": those in `live` pass, the others are critical.
  void say(const std::string& datacenter, const std::set<std::string>& all, const std::set<std::string>& live) {
    auto out = std::make_shared<catalog::CatalogSnapshot>();
    out->provider = "consul";
    for (const std::string& name : all) {
      catalog::Service one{name, {}};
      one.instances.push_back({});
      one.instances.back().id = name + "-" + datacenter;
      one.instances.back().health = live.contains(name) ? Health::passing : Health::critical;
      out->services.put(std::make_shared<const catalog::Service>(std::move(one)));
    }
    state.source = Source::live;
    state.synced_once = true;
    observer->on_catalog(std::move(out), 1);
  }

  Observer* observer = nullptr;
  ProviderStatus state;
  std::set<std::string, std::less<>> wanted;
};

/// Two datacenters.
struct World {
  event::Loop loop;
  Recorder seen;
  FailoverProvider provider{loop, "consul", {Health::passing, Health::warning}};
  FakeProvider* one = new FakeProvider;
  FakeProvider* two = new FakeProvider;

  World() {
    provider.add("dc1", std::unique_ptr<Provider>(one));
    provider.add("dc2", std::unique_ptr<Provider>(two));
    REQUIRE(provider.start(seen));
  }
};

}  // namespace

TEST_CASE("failover: the first with a live instance, else the first that knows the service") {
  const std::vector<Health> serving = {Health::passing, Health::warning};
  auto live = service({Health::critical, Health::warning});
  auto dead = service({Health::critical});
  auto empty = service({});
  CHECK(first_alive({live, service({Health::passing})}, serving) == live);
  CHECK(first_alive({dead, live}, serving) == live);
  CHECK(first_alive({nullptr, empty, dead}, serving) == dead);
  CHECK(first_alive({nullptr, empty}, serving) == empty);
  CHECK(first_alive({service({Health::maintenance}), live}, serving) == live);
  CHECK(first_alive({nullptr, nullptr}, serving) == nullptr);
  CHECK(first_alive({live}, {Health::passing}) == live);
  CHECK(first_alive({live, service({Health::passing})}, {Health::passing}) != live);
}

TEST_CASE("failover: a fresh one goes before a late one, and a stale one serves nobody") {
  const std::vector<Health> serving = {Health::passing, Health::warning};
  auto aged = [](const std::vector<Health>& healths, catalog::Freshness freshness) {
    auto out = std::make_shared<catalog::Service>(*service(healths));
    out->freshness = freshness;
    return std::shared_ptr<const catalog::Service>(std::move(out));
  };
  auto live = service({Health::passing});
  auto dead = service({Health::critical});
  auto late = aged({Health::passing}, catalog::Freshness::late);
  auto stale = aged({Health::passing}, catalog::Freshness::stale);
  CHECK(first_alive({late, live}, serving) == live);
  CHECK(first_alive({late, dead}, serving) == late);
  CHECK(first_alive({late, aged({Health::passing}, catalog::Freshness::late)}, serving) == late);
  CHECK(first_alive({stale, late}, serving) == late);
  CHECK(first_alive({stale, dead}, serving) == stale);
}

TEST_CASE("failover: a datacenter whose catalog is lost comes behind the others, and first again when it answers") {
  CatalogWorld world;
  world.options.consul.datacenters = {"dc1", "dc2"};
  world.options.consul.datacenter_stale_ms = 40;
  world.options.consul.strict_checks = {"passing", "warning"};
  world.options.consul.default_rule = "Host(`x`)";
  bool lost = false;
  int index = 11;
  world.catalog.put({.service = "web", .id = "web-1"});
  // Both datacenters are one catalog here; the second has its instance by another name.
  world.catalog.lie = [&](const http::Request& request, const auto& to) {
    const std::string* datacenter = request.parameter("dc");
    if (datacenter != nullptr && *datacenter == "dc1") {
      if (lost) to->respond({500, {}, "No cluster leader"});
      return lost;
    }
    if (request.path != "/v1/health/service/web") return false;
    std::string body = world.catalog.body(request.path);
    const std::string id = "web-1";
    for (size_t at = body.find(id); at != std::string::npos; at = body.find(id, at + 1)) body.replace(at, 5, "web-2");
    to->respond({200, {{"X-Consul-Index", std::to_string(++index)}}, body});
    return true;
  };
  world.start();
  REQUIRE(world.until_text("web:web-1"));
  run_for(world.loop, 60);
  CHECK(world.seen.text() == "web:web-1");
  lost = true;
  world.catalog.wake_all();
  REQUIRE(world.until_text("web:web-2"));
  CHECK(world.provider->status().stale.empty());
  lost = false;
  REQUIRE(world.until_text("web:web-1"));
}

TEST_CASE("failover: pain 27, each service is served from the first datacenter that has it alive, and goes back") {
  World world;
  world.one->say("dc1", {"api", "web"}, {"api", "web"});
  CHECK(world.seen.snapshots.empty());  // the second is not known yet
  world.two->say("dc2", {"web", "far"}, {"web", "far"});
  CHECK(world.seen.text() == "api:api-dc1 far:far-dc2 web:web-dc1");
  world.one->say("dc1", {"api", "web"}, {"api"});
  CHECK(world.seen.text() == "api:api-dc1 far:far-dc2 web:web-dc2");
  world.two->say("dc2", {"web"}, {});
  CHECK(world.seen.text() == "api:api-dc1 web:web-dc1");
  world.one->say("dc1", {"web"}, {"web"});
  CHECK(world.seen.text() == "web:web-dc1");
  CHECK(world.seen.snapshots.back()->provider == "consul");
}

TEST_CASE("failover: a datacenter that fails from the start is not waited for, and is told") {
  World world;
  world.one->say("dc1", {"web"}, {"web"});
  run_for(world.loop, 60);
  CHECK(world.seen.snapshots.empty());
  CHECK(world.provider.status().source == Source::none);
  world.two->state.error = "refused";
  REQUIRE(run_until(world.loop, [&] { return !world.seen.snapshots.empty(); }));
  CHECK(world.seen.text() == "web:web-dc1");
  CHECK(world.provider.status().error == "dc2: refused");
  CHECK(world.provider.status().source == Source::live);
}

TEST_CASE("failover: when all have failed there is nothing to hand out, and nobody is ready") {
  World world;
  world.one->state.error = "refused";
  world.two->state.error = "refused";
  run_for(world.loop, 60);
  CHECK(world.seen.snapshots.empty());
  CHECK(world.provider.status().source == Source::none);
  world.two->say("dc2", {"web"}, {"web"});
  CHECK(world.seen.text() == "web:web-dc2");
}

TEST_CASE("failover: it is as stale as its stalest datacenter, and wants what others want of each") {
  World world;
  world.one->state = {.last_good_wall_ns = 200, .age_ms = 10, .index = 5, .held = "much"};
  world.two->state = {.last_good_wall_ns = 100, .age_ms = 20, .index = 7};
  world.one->say("dc1", {"web"}, {"web"});
  world.two->say("dc2", {"web"}, {"web"});
  world.two->state.source = Source::disk;
  const ProviderStatus status = world.provider.status();
  CHECK(status.source == Source::disk);
  CHECK(status.age_ms == 20);
  CHECK(status.held == "dc1: much");
  CHECK(status.index == 12);
  CHECK(status.services == 1);
  world.provider.want_services({"x"});
  CHECK(world.one->wanted == std::set<std::string, std::less<>>{"x"});
  CHECK(world.two->wanted == std::set<std::string, std::less<>>{"x"});
}

TEST_CASE("failover: each datacenter is asked by its name, and keeps its own catalog on disk") {
  TemporaryFolder folder;
  CatalogWorld world;
  world.options.consul.datacenters = {"dc1", "dc2"};
  world.options.consul.strict_checks = {"passing", "warning"};
  world.options.consul.default_rule = "Host(`x`)";
  world.options.snapshot_path = folder / "catalog-consul.json";
  world.catalog.put({.service = "web", .id = "web-1"});
  world.start();
  REQUIRE(world.until_text("web:web-1"));
  std::set<std::string> datacenters;
  for (const auto& request : world.catalog.requests) {
    const std::string* datacenter = request.parameter("dc");
    REQUIRE(datacenter != nullptr);
    datacenters.insert(*datacenter);
  }
  CHECK(datacenters == std::set<std::string>{"dc1", "dc2"});
  world.provider.reset();
  world.catalog.stop_listening();
  world.seen.snapshots.clear();
  world.start();
  CHECK(world.until_text("web:web-1"));
  CHECK(world.provider->status().source == Source::disk);
}

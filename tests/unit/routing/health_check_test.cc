// Health checks: how they are written down, and what a verdict makes of a table.

#include "routing/health_check.h"

#include "catalog_fixture.h"
#include "catch.h"
#include "routing/tag_traefik.h"
#include "table_fixture.h"
#include "weir/routing/dynamic_config.h"
#include "weir/routing/route_file.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {

using Texts = std::vector<std::string>;
using State = Endpoint::State;

TraefikTags decode_tags(const Texts& fields) {
  Texts tags;
  for (const std::string& field : fields) tags.push_back("traefik.http.services.s.loadbalancer." + field);
  static const TagContext kContext{"consul", "web"};
  return decode_traefik_tags(tags, {"traefik"}, kContext);
}

Texts reasons_of(const std::vector<Rejection>& rejected) {
  Texts out;
  for (const Rejection& one : rejected) out.push_back(one.kind + " " + one.name + ": " + one.reason);
  return out;
}

ServiceDefinition checked(std::string name, const std::vector<uint16_t>& ports) {
  ServiceDefinition out = service(std::move(name), ports);
  out.health_check = HealthCheckRef(HealthCheck{});
  return out;
}

std::string id(uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

HealthVerdicts verdicts(const std::string& service, const std::vector<std::pair<uint16_t, bool>>& up) {
  ServiceVerdicts out{service, {}};
  for (const auto& [port, is_up] : up) out.endpoints.push_back({id(port), "", is_up});
  HealthVerdicts all;
  all.services = SharedList<ServiceVerdicts>({std::make_shared<const ServiceVerdicts>(out)});
  return all;
}

/// "up", "probing*" and so on, by port; with * it gets requests.
Texts states(const Table& table, std::string_view service) {
  Texts out;
  for (const Endpoint& one : find_service(table, service)->endpoints) {
    out.push_back(std::string(to_string(one.state)) + (one.live ? "*" : ""));
  }
  return out;
}

std::shared_ptr<const DefinitionSet> set_of(ServiceDefinition service) {
  Definitions all;
  all.provider = "file";
  all.services.push_back(std::move(service));
  return share("file", {std::make_shared<const Definitions>(std::move(all))}, nullptr);
}

}  // namespace

TEST_CASE("health check: tags say all of it, and Traefik's defaults are the rest") {
  TraefikTags tags = decode_tags({"healthcheck.scheme=HTTPS", "healthcheck.mode=grpc", "healthcheck.path=health?deep=1",
                                  "healthCheck.method=HEAD", "healthcheck.status=204", "healthcheck.port=9000",
                                  "healthcheck.interval=10", "healthcheck.unhealthyInterval=1m",
                                  "healthcheck.timeout=1.5s", "healthcheck.hostname=a.test",
                                  "healthcheck.followRedirects=false", "healthcheck.headers.X-Token=b=c"});
  REQUIRE(tags.services.size() == 1);
  CHECK(tags.rejected.empty());
  const HealthCheck& check = *tags.services[0].options.health_check;
  CHECK(check.mode == HealthCheck::Mode::grpc);
  CHECK(check.scheme == "https");
  CHECK(check.path == "/health?deep=1");
  CHECK(check.method == "HEAD");
  CHECK(check.status == 204);
  CHECK(check.port == 9000);
  CHECK(check.interval_ms == 10'000);
  CHECK(check.unhealthy_interval_ms == 60'000);
  CHECK(check.timeout_ms == 1'500);
  CHECK(check.hostname == "a.test");
  CHECK_FALSE(check.follow_redirects);
  CHECK(check.headers == std::map<std::string, std::string>{{"x-token", "b=c"}});

  const HealthCheckRef plain = decode_tags({"healthcheck.path="}).services.at(0).options.health_check;
  REQUIRE(plain);
  CHECK(*plain == HealthCheck{});
  CHECK(plain->interval_ms == 30'000);
  CHECK(plain->timeout_ms == 5'000);
  CHECK_FALSE(decode_tags({"server.port=80"}).services.at(0).options.health_check);
}

TEST_CASE("health check: what its provider could not confirm is stale, whatever its check finds; failing is failing") {
  ServiceDefinition app = checked("app", {9001, 9002, 9003});
  make_stale(app.endpoints[0]);
  app.endpoints[1].health = catalog::Health::critical;
  const HealthVerdicts found = verdicts("app@file", {{9001, true}, {9002, true}, {9003, true}});
  const auto table = build_table(std::vector{set_of(app)}, nullptr, found).table;
  CHECK(states(table, "app@file") == Texts{"stale", "failing", "up*"});
}

TEST_CASE("health check: what Traefik cannot read drops the service, as any field does") {
  for (const char* field : {"healthcheck.interval=10x", "healthcheck.interval=", "healthcheck.status=ok",
                            "healthcheck.port=http", "healthcheck.followredirects=maybe", "healthcheck=true",
                            "healthcheck.colour=red", "healthcheck.headers=x", "healthcheck.timeout=999999999999"}) {
    INFO(field);
    TraefikTags tags = decode_tags({field, "server.port=80"});
    CHECK(tags.services.empty());
    CHECK(tags.broken_services == Texts{"s"});
    REQUIRE(tags.rejected.size() == 1);
    CHECK(tags.rejected[0].kind == "service");
  }
}

TEST_CASE("health check: of what Traefik reads and nobody can ask, the check alone is left out, and reported") {
  for (const char* field :
       {"healthcheck.scheme=ftp", "healthcheck.path=http://other/health", "healthcheck.path=//other",
        "healthcheck.path=/a b", "healthcheck.method=GE T", "healthcheck.status=99", "healthcheck.port=65536",
        "healthcheck.port=-1", "healthcheck.hostname=a/b"}) {
    INFO(field);
    TraefikTags tags = decode_tags({field, "server.port=80"});
    REQUIRE(tags.services.size() == 1);
    CHECK(tags.services[0].port == 80);
    CHECK_FALSE(tags.services[0].options.health_check);
    CHECK_FALSE(tags.misread);
    REQUIRE(tags.rejected.size() == 1);
    CHECK(tags.rejected[0].kind == "tag");
    CHECK(tags.rejected[0].reason.find("the service is not checked") != std::string::npos);
  }
  struct Row {
    const char* field;
    std::string reason;
  };
  const std::vector<Row> kept = {{"healthcheck.mode=tcp", "mode \"tcp\" is neither http nor grpc; http is used"},
                                 {"healthcheck.interval=0", "interval \"0\" is too short; 30s is used"},
                                 {"healthcheck.interval=1ms", "interval \"1ms\" is too short; 100ms is used"},
                                 {"healthcheck.timeout=-1s", "timeout \"-1s\" is too short; 5s is used"},
                                 {"healthcheck.headers.Host=a", "the header Host is not sent; hostname is"},
                                 {"healthcheck.headers.Content-Length=1", "the header \"content-length\" is not sent"}};
  for (const Row& row : kept) {
    INFO(row.field);
    TraefikTags tags = decode_tags({row.field});
    CHECK(reasons_of(tags.rejected) == Texts{"tag s@consul: healthcheck: " + row.reason});
    REQUIRE(tags.services.size() == 1);
    CHECK(tags.services[0].options.health_check);
  }
}

TEST_CASE("health check: keys of a store and documents say it as tags do") {
  auto value = [](std::vector<std::string> path, std::string text) {
    return ConfigValue{std::move(path), std::move(text), "key"};
  };
  Definitions all = decode_dynamic_config(
      {value({"http", "services", "s", "loadBalancer", "servers", "0", "url"}, "http://127.0.0.1:1"),
       value({"http", "services", "s", "loadBalancer", "healthCheck", "path"}, "/up"),
       value({"http", "services", "s", "loadBalancer", "healthCheck", "interval"}, "2s"),
       value({"http", "services", "s", "loadBalancer", "healthCheck", "headers", "X-A"}, "b")},
      "consulkv");
  CHECK(reasons_of(all.rejected).empty());
  REQUIRE(all.services.size() == 1);
  REQUIRE(all.services[0].health_check);
  CHECK(all.services[0].health_check->path == "/up");
  CHECK(all.services[0].health_check->interval_ms == 2'000);
  CHECK(all.services[0].health_check->headers.at("x-a") == "b");
}

TEST_CASE("health check: routes files have our names for it, and errors their places") {
  auto out = decode_route_file(
      "[services.web]\nservers = [\"http://127.0.0.1:1\"]\n[services.web.health_check]\nmode = \"http\"\n"
      "scheme = \"https\"\npath = \"/up\"\nmethod = \"HEAD\"\nstatus = 200\nport = 81\ninterval = \"5s\"\n"
      "unhealthy_interval = \"1s\"\ntimeout = 2\nhostname = \"a\"\nfollow_redirects = false\nheaders = { X-A = \"b\" "
      "}\n"
      "[services.short]\nservers = []\nhealth_check = {}\n",
      "a.toml");
  REQUIRE(out);
  CHECK(reasons_of(out->rejected).empty());
  REQUIRE(out->services.size() == 2);
  REQUIRE(out->services[0].name == "web");
  CHECK(*out->services[1].health_check == HealthCheck{});
  const HealthCheck& check = *out->services[0].health_check;
  CHECK(check.unhealthy_interval_ms == 1'000);
  CHECK(check.timeout_ms == 2'000);
  CHECK(check.headers.at("x-a") == "b");
  CHECK_FALSE(check.follow_redirects);

  out = decode_route_file(
      "[services.web]\nservers = [\"http://127.0.0.1:1\"]\n[services.web.health_check]\ninterval = \"soon\"\n"
      "path = \"http://a\"\nstatus = \"good\"\nport = 70000\nunhealthyinterval = \"1s\"\nmode = \"tcp\"\nheaders = 1\n",
      "a.toml");
  REQUIRE(out);
  CHECK(out->services.empty());
  Texts places;
  for (const Rejection& one : out->rejected) {
    CHECK(one.kind == "service");
    places.push_back(one.origin);
  }
  std::sort(places.begin(), places.end());
  CHECK(places ==
        Texts{"a.toml:10:11", "a.toml:4:12", "a.toml:5:8", "a.toml:6:10", "a.toml:7:8", "a.toml:8:1", "a.toml:9:8"});
  out = decode_route_file("[services.web]\nservers = []\nhealth_check = \"/up\"\n", "a.toml");
  CHECK(out->services.empty());
}

TEST_CASE("health check: a new endpoint is probing, and gets requests only where nobody is up") {
  auto set = set_of(checked("s", {1, 2, 3}));
  auto first = build_table(std::vector{set}, nullptr).table;
  CHECK(states(first, "s@file") == Texts{"probing*", "probing*", "probing*"});
  auto second = build_table(std::vector{set}, first, verdicts("s@file", {{2, true}})).table;
  CHECK(states(second, "s@file") == Texts{"probing", "up*", "probing"});
  auto third = build_table(std::vector{set}, second, verdicts("s@file", {{1, false}, {2, false}})).table;
  CHECK(states(third, "s@file") == Texts{"unhealthy", "unhealthy", "probing*"});
  auto fourth = build_table(std::vector{set}, third, verdicts("s@file", {{1, false}, {2, false}, {3, false}})).table;
  CHECK(states(fourth, "s@file") == Texts{"unhealthy", "unhealthy", "unhealthy"});

  HealthVerdicts as_traefik;
  as_traefik.new_are_up = true;
  CHECK(states(build_table(std::vector{set}, nullptr, as_traefik).table, "s@file") == Texts{"up*", "up*", "up*"});
}

TEST_CASE("health check: both the catalog and the check must be good; a weight of 0 is nobody to send to") {
  ServiceDefinition definition = checked("s", {1, 2, 3});
  definition.endpoints[0].health = catalog::Health::critical;
  definition.endpoints[1].weight = 0;
  const auto all_up = verdicts("s@file", {{1, true}, {2, true}});
  auto table = build_table(std::vector{set_of(definition)}, nullptr, all_up).table;
  CHECK(states(table, "s@file") == Texts{"failing", "up*", "probing*"});
  definition.health_check = {};
  table = build_table(std::vector{set_of(definition)}, table, all_up).table;
  CHECK(states(table, "s@file") == Texts{"failing", "up*", "up*"});
}

TEST_CASE("health check: pain 19, where too few are well by their checks all of them serve") {
  ServiceDefinition definition = checked("s", {1, 2, 3, 4});
  definition.panic_threshold_percent = 50;
  auto of = [&](const std::vector<std::pair<uint16_t, bool>>& found) {
    return states(build_table(std::vector{set_of(definition)}, nullptr, verdicts("s@file", found)).table, "s@file");
  };
  CHECK(of({{1, false}, {2, false}, {3, true}, {4, true}}) == Texts{"unhealthy", "unhealthy", "up*", "up*"});
  CHECK(of({{1, false}, {2, false}, {3, false}, {4, true}}) == Texts{"unhealthy*", "unhealthy*", "unhealthy*", "up*"});
  // Those that have only begun are not why it would panic.
  CHECK(of({{1, false}, {2, true}}) == Texts{"unhealthy", "up*", "probing", "probing"});
}

TEST_CASE("health check: the catalog's panic threshold is its services' too") {
  CatalogOptions options;
  options.panic_threshold_percent = 30;
  catalog::Service web = testing::service(
      "web", {testing::instance("a", {"traefik.http.services.web.loadbalancer.healthcheck.path=/up"})});
  CHECK(testing::pool(testing::decode(web, options), "web").panic_threshold_percent == 30);
  CHECK(testing::pool(testing::decode(web), "web").health_check);
}

TEST_CASE("health check: another instance at the same address has not been asked") {
  ServiceDefinition definition = checked("s", {1});
  definition.endpoints[0].instance_id = "a";
  HealthVerdicts found;
  ServiceVerdicts of_a{"s@file", {{id(1), "a", false}}};
  found.services = SharedList<ServiceVerdicts>({std::make_shared<const ServiceVerdicts>(of_a)});
  auto table = build_table(std::vector{set_of(definition)}, nullptr, found).table;
  CHECK(states(table, "s@file") == Texts{"unhealthy"});
  definition.endpoints[0].instance_id = "b";
  table = build_table(std::vector{set_of(definition)}, table, found).table;
  CHECK(states(table, "s@file") == Texts{"probing*"});
}

TEST_CASE("health check: verdicts of a service whose definition broke act on its last good version") {
  Definitions good;
  good.provider = "file";
  good.services.push_back(checked("s", {1}));
  auto table = build_table(std::vector{set_of(good.services[0])}, nullptr).table;
  Definitions broken;
  broken.provider = "file";
  broken.rejected.push_back({"service", "s@file", "bad", "a.toml:1:1"});
  auto set = share("file", {std::make_shared<const Definitions>(broken)}, nullptr);
  table = build_table(std::vector{set}, table).table;
  CHECK(states(table, "s@file") == Texts{"probing*"});
  table = build_table(std::vector{set}, table, verdicts("s@file", {{1, false}})).table;
  CHECK(states(table, "s@file") == Texts{"unhealthy"});
  table = build_table(std::vector{set}, table, verdicts("s@file", {{1, true}})).table;
  CHECK(states(table, "s@file") == Texts{"up*"});
}

TEST_CASE("health check: verdicts that change nothing give the same table, and those of nobody are no harm") {
  auto set = set_of(checked("s", {1, 2}));
  const auto found = verdicts("s@file", {{1, true}});
  auto first = build_table(std::vector{set}, nullptr, found).table;
  CHECK(build_table(std::vector{set}, first, found).table == first);
  CHECK(build_table(std::vector{set}, first, verdicts("s@file", {{1, true}, {7, false}})).table == first);
  HealthVerdicts strange = verdicts("s@file", {{1, true}});
  for (const char* name : {"nobody@file", "s@elsewhere", "bare"}) {
    ServiceVerdicts one{name, {{id(1), "", false}}};
    strange.services = strange.services.edited({{name, std::make_shared<const ServiceVerdicts>(one)}});
  }
  CHECK(build_table(std::vector{set}, first, strange).table == first);
  auto without = build_table(std::vector{set}, first).table;
  CHECK(states(without, "s@file") == Texts{"probing*", "probing*"});
  CHECK(without->dump() == build_table(std::vector{set}, nullptr).table->dump());
}

TEST_CASE("health check: of 5,000 services one that flips touches itself and its routers, and shares all the rest") {
  Definitions all = definitions({});
  std::vector<std::shared_ptr<const ServiceVerdicts>> found;
  for (int i = 0; i < 5000; ++i) {
    std::string n = std::to_string(i);
    all.routers.push_back(router("r" + n + ": Host(`h" + n + "`)", "s" + n));
    all.services.push_back(checked("s" + n, {1, 2}));
    found.push_back(std::make_shared<const ServiceVerdicts>(
        ServiceVerdicts{"s" + n + "@file", {{id(1), "", true}, {id(2), "", true}}}));
  }
  HealthVerdicts before;
  before.services = SharedList<ServiceVerdicts>(found);
  auto set = share("file", {std::make_shared<const Definitions>(all)}, nullptr);
  auto first = build_table(std::vector{set}, nullptr, before).table;
  HealthVerdicts after;
  auto flipped =
      std::make_shared<const ServiceVerdicts>(ServiceVerdicts{"s77@file", {{id(1), "", false}, {id(2), "", true}}});
  after.services = before.services.edited({{"s77@file", flipped}});
  auto second = build_table(std::vector{set}, first, after).table;
  CHECK(states(second, "s77@file") == Texts{"unhealthy", "up*"});
  CHECK(second->matcher_identity() == first->matcher_identity());
  size_t others = 0;
  for_each_difference(first->services(), second->services(), [&](const auto*, const auto*) { ++others; });
  for_each_difference(first->routers(), second->routers(), [&](const auto*, const auto*) { ++others; });
  CHECK(others == 2);
}

#include "weir/routing/catalog_definitions.h"

#include "catalog_fixture.h"
#include "catch.h"
#include "routing/default_rule.h"
#include "weir/config/config.h"
#include "weir/routing/table.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::testing;
using catalog::Health;

namespace {

ServiceDefinition service_of(const Definitions& definitions, const std::string& name) {
  for (const ServiceDefinition& each : definitions.services) {
    if (each.name == name) return each;
  }
  return {};
}

std::vector<uint32_t> weights(const ServiceDefinition& service) {
  std::vector<uint32_t> out;
  for (const EndpointDefinition& endpoint : service.endpoints) out.push_back(endpoint.weight);
  return out;
}

Definitions definitions(std::vector<catalog::Service> services) {
  return definitions_from_catalog(snapshot(std::move(services)), {});
}

}  // namespace

TEST_CASE("catalog definitions: options that make no sense are refused") {
  config::ConsulConfig config = config::Config().consul;
  CHECK(*catalog_options(config) == CatalogOptions{});
  config.default_rule = "Host(`{{ .Env }}`)";
  CHECK_FALSE(catalog_options(config));
  config.default_rule = "Host(`{{ .Name `)";
  CHECK_FALSE(catalog_options(config));
  config.default_rule = "Host({{ .Name }})";
  CHECK_FALSE(catalog_options(config));
  config.default_rule = "Host(`{{ (split \"-\" .Name)._2 }}.test`)";  // of "name" it makes ".test"
  CHECK(catalog_options(config, "consul").has_value());
  config.default_rule = "";
  CHECK(catalog_options(config));
  config.default_rule = "Host(`{{.Name}}.localhost`)";
  config.strict_checks = {"fine"};
  CHECK_FALSE(catalog_options(config));
  config.strict_checks = {"any"};
  CHECK(catalog_options(config)->strict_checks.size() == 3);
}

TEST_CASE("catalog definitions: all that is wrong with the options is told at once") {
  config::ConsulConfig consul = config::Config().consul;
  CHECK(catalog_problems(consul).empty());
  consul.default_rule = "Host({{ .Name }})";
  consul.constraints = "Tag(`a`";
  consul.strict_checks = {"fine"};
  CHECK(catalog_problems(consul).size() == 3);
  config::NomadConfig nomad = config::Config().nomad;
  CHECK(catalog_problems(nomad).empty());
  nomad.default_rule = consul.default_rule;
  nomad.constraints = consul.constraints;
  CHECK(catalog_problems(nomad).size() == 2);
}

TEST_CASE("catalog definitions: the default rule's template knows the name, plain and normalized") {
  CHECK(*expand_default_rule("{{ normalize .Name }}-{{.Name}}", {"_a__b_", {}}) == "a-b-_a__b_");
  CHECK(normalize_name("...").empty());
  CHECK(*expand_default_rule("Host(`x`)", {"web", {}}) == "Host(`x`)");
}

TEST_CASE("catalog definitions: an empty catalog gives nothing") {
  Definitions out = definitions({});
  CHECK(out.provider == "consul");
  CHECK(out.services.empty());
  CHECK(out.rejected.empty());
}

TEST_CASE("catalog definitions: services that name one service by tag share it when its options agree") {
  Definitions out =
      definitions({service("blue", {instance("a", {"weir.http.services.s.loadbalancer.server.port=81"})}),
                   service("green", {instance("b", {"weir.http.services.s.loadbalancer.server.port=82"})}),
                   service("red", {instance("c", {"weir.http.services.s.loadbalancer.passhostheader=false"}, 7)})});
  CHECK(service_of(out, "s").endpoints.size() == 2);
  REQUIRE(out.rejected.size() == 1);
  CHECK(out.rejected[0].origin == "service red, tag weir.http.services.s");
  CHECK(out.rejected[0].kind == "tag");
}

TEST_CASE("catalog definitions: the service registered first keeps a name, whatever the names' order") {
  auto tags = [](const std::string& value) {
    return std::vector<std::string>{"weir.http.services.s.loadbalancer.passhostheader=" + value};
  };
  Definitions out = definitions(
      {service("aaa", {instance("a", tags("false"), 20)}), service("zzz", {instance("z", tags("true"), 10)})});
  CHECK(service_of(out, "s").pass_host_header);
  REQUIRE(service_of(out, "s").endpoints.size() == 1);
  CHECK(service_of(out, "s").endpoints[0].instance_id == "z");
}

TEST_CASE(
    "catalog definitions: a service that tags name comes before the catalog's own of that name, and it is reported") {
  Definitions out =
      definitions({service("front", {instance("a", {"weir.http.services.web.loadbalancer.server.port=81"}, 9)}),
                   service("web", {instance("b", {}, 1)})});
  REQUIRE(service_of(out, "web").endpoints.size() == 1);
  CHECK(service_of(out, "web").endpoints[0].port == 81);
  REQUIRE(out.rejected.size() == 1);
  CHECK(out.rejected[0].name == "web@consul");
}

TEST_CASE(
    "catalog definitions: equal routers of two services are one, different ones are left for the table to judge") {
  auto tags = [](const std::string& rule) {
    return std::vector<std::string>{"weir.http.routers.r.rule=" + rule, "weir.http.routers.r.service=s@file"};
  };
  CHECK(
      definitions({service("a", {instance("a", tags("Host(`a`)"))}), service("b", {instance("b", tags("Host(`a`)"))})})
          .routers.size() == 1);
  Definitions two = definitions(
      {service("a", {instance("a", tags("Host(`a`)"), 5)}), service("b", {instance("b", tags("Host(`b`)"), 3)})});
  REQUIRE(two.routers.size() == 2);
  CHECK(two.routers[0].rule == "Host(`b`)");  // the first stays, and the first is who was there first
}

TEST_CASE("catalog definitions: one place registered twice serves once, by its better health") {
  auto down = instance("a");
  down.health = Health::critical;
  auto again = instance("a2");
  again.address = down.address;
  Definitions out = definitions({service("web", {down, again})});
  REQUIRE(service_of(out, "web").endpoints.size() == 1);
  CHECK(service_of(out, "web").endpoints[0].health == Health::passing);
}

TEST_CASE("catalog definitions: trap 12, fabio's weight is a share of the route, Traefik's is relative") {
  auto with = [](const char* id, const char* tag, Health health = Health::passing) {
    auto out = instance(id, {tag});
    out.health = health;
    out.check_states = {health};
    return out;
  };
  SECTION("one fixed share, the rest in equal parts, over all services of the route") {
    Definitions out = definitions({service("v1", {with("a", "urlprefix-/x"), with("b", "urlprefix-/x")}),
                                   service("v2", {with("c", "urlprefix-/x weight=0.2")})});
    CHECK(weights(service_of(out, "urlprefix-/x")) == std::vector<uint32_t>{4000, 4000, 2000});
  }
  SECTION("only those that serve are counted") {
    Definitions out =
        definitions({service("v1", {with("a", "urlprefix-/x"), with("b", "urlprefix-/x", Health::critical),
                                    with("c", "urlprefix-/x weight=0.2")})});
    CHECK(weights(service_of(out, "urlprefix-/x")) == std::vector<uint32_t>{8000, 8000, 2000});
  }
  SECTION("fixed shares of 1 and more together starve the others") {
    Definitions out = definitions({service("v1", {with("a", "urlprefix-/x weight=0.6"),
                                                  with("b", "urlprefix-/x weight=0.6"), with("c", "urlprefix-/x")})});
    CHECK(weights(service_of(out, "urlprefix-/x")) == std::vector<uint32_t>{6000, 6000, 0});
  }
  SECTION("the smallest share is not none") {
    Definitions out =
        definitions({service("v1", {with("a", "urlprefix-/x weight=0.000001"), with("b", "urlprefix-/x")})});
    CHECK(weights(service_of(out, "urlprefix-/x")) == std::vector<uint32_t>{1, 10000});
  }
  SECTION("without shares the catalog's weights count") {
    auto heavy = with("a", "urlprefix-/x");
    heavy.weight_passing = 3;
    CHECK(weights(service_of(definitions({service("v1", {heavy})}), "urlprefix-/x")) == std::vector<uint32_t>{3});
  }
}

TEST_CASE("catalog definitions: an unchanged service is not decoded again, and no change gives the same pointer") {
  CatalogDecoder decoder{CatalogOptions{}};
  auto before = snapshot({service("a", {instance("a")}), service("b", {instance("b")})});
  auto first = decoder.decode(before);
  CHECK(decoder.decoded_count() == 2);
  CHECK(decoder.decode(before) == first);
  CHECK(decoder.decoded_count() == 0);

  auto changed = before;
  changed.services.put(std::make_shared<const catalog::Service>(service("b", {instance("b"), instance("c")})));
  auto second = decoder.decode(changed);
  CHECK(second != first);
  CHECK(decoder.decoded_count() == 1);
  CHECK(service_of(list(*second), "b").endpoints.size() == 2);

  auto touched = changed;  // the same content in a new object
  touched.services.put(std::make_shared<const catalog::Service>(*changed.services.at("a")));
  CHECK(decoder.decode(touched) == second);

  auto removed = touched;
  removed.services.erase("a");
  removed.services.put(std::make_shared<const catalog::Service>(service("z", {})));
  auto third = decoder.decode(removed);
  CHECK(third->services.size() == 2);
  CHECK(service_of(list(*third), "a").name.empty());
}

TEST_CASE("catalog definitions: decoding by steps gives what decoding at once gives") {
  CatalogDecoder decoder{CatalogOptions{}};
  catalog::CatalogSnapshot now = snapshot({});
  for (int i = 0; i < 20; ++i) {
    std::string name = "s" + std::to_string(i % 7);
    std::vector<std::string> tags = {"weir.http.routers.r" + std::to_string(i % 5) + ".rule=Host(`h" +
                                     std::to_string(i % 3) + "`)"};
    now.services.put(std::make_shared<const catalog::Service>(
        service(name, {instance("i" + std::to_string(i), tags, static_cast<uint64_t>(i))})));
    if (i % 4 == 3) now.services.erase("s" + std::to_string(i % 3));
    Definitions by_steps = list(*decoder.decode(now));
    Definitions at_once = definitions_from_catalog(now, {});
    CHECK(by_steps.routers == at_once.routers);
    CHECK(by_steps.services == at_once.services);
    CHECK(by_steps.rejected == at_once.rejected);
  }
}

TEST_CASE("catalog definitions: what tags define routes, and a broken tag keeps the last good route") {
  auto table_of = [](const char* rule, const std::shared_ptr<const RoutingTable>& previous) {
    auto decoded = std::make_shared<const Definitions>(
        definitions({service("web", {instance("a", {std::string("traefik.http.routers.r.rule=") + rule})})}));
    return build_table({decoded}, previous).table;
  };
  auto good = table_of("Host(`a.localhost`)", nullptr);
  RequestView request{"GET", "a.localhost", "/", "", {}, {}, "web", false};
  REQUIRE(good->match(request) != nullptr);
  CHECK(good->match(request)->service->name == "web@consul");
  auto broken = table_of("Host(`a.localhost", good);
  REQUIRE(broken->match(request) != nullptr);
  CHECK(broken->match(request)->service->endpoints.size() == 1);
}

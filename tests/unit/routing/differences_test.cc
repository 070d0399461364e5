// Where we differ from Traefik and fabio on purpose, and the switches that do as they do.
#include "catalog_fixture.h"
#include "catch.h"
#include "table_fixture.h"
#include "weir/config/config.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::testing;
using catalog::Health;
using fixture::request;

namespace {

std::shared_ptr<const RoutingTable> table_of(std::vector<catalog::Service> services, const CatalogOptions& options = {},
                                             const std::shared_ptr<const RoutingTable>& previous = nullptr) {
  auto defined = std::make_shared<const Definitions>(definitions_from_catalog(snapshot(std::move(services)), options));
  return build_table(std::vector{defined}, previous).table;
}

std::string answer(const std::shared_ptr<const RoutingTable>& table, std::string_view host) {
  const Router* router = table->match(request(host, "/"));
  if (router == nullptr) return "404";
  for (const Endpoint& one : router->service->endpoints) {
    if (one.live) return router->name;
  }
  return "503";
}

catalog::Instance failing(const std::string& id, std::vector<std::string> tags) {
  catalog::Instance out = instance(id, std::move(tags));
  out.health = Health::critical;
  out.check_states = {Health::critical};
  return out;
}

}  // namespace

TEST_CASE("difference: pain 16, a rolling deploy that changes one tag deletes nothing") {
  auto old_one = instance("a", {"traefik.http.routers.r.rule=Host(`x`)"}, 1);
  auto new_one = instance("b", {"traefik.http.routers.r.rule=Host(`x`)", "traefik.http.routers.r.priority=7"}, 2);
  CHECK(answer(table_of({service("web", {old_one, new_one})}), "x") == "r@consul");
  CatalogOptions as_traefik;
  as_traefik.keep_incumbent = false;
  CHECK(answer(table_of({service("web", {old_one, new_one})}, as_traefik), "x") == "404");
  CHECK(answer(table_of({service("web", {old_one})}, as_traefik), "x") == "r@consul");
}

TEST_CASE("difference: pain 16, two services that define one name differently: the first keeps it") {
  auto one = service("one", {instance("a", {"traefik.http.routers.r.rule=Host(`x`)"}, 1)});
  auto two = service("two", {instance("b", {"traefik.http.routers.r.rule=Host(`y`)"}, 2)});
  CHECK(answer(table_of({one, two}), "x") == "r@consul");
  CatalogOptions as_traefik;
  as_traefik.keep_incumbent = false;
  auto table = table_of({one, two}, as_traefik);
  CHECK(answer(table, "x") == "404");
  CHECK(answer(table, "y") == "404");
}

TEST_CASE("difference: pain 17, a bad tag drops its object, not its instance") {
  std::vector<std::string> tags = {"traefik.http.routers.good.rule=Host(`x`)",
                                   "traefik.http.routers.bad.rule=Host(`y`)", "traefik.http.routers.bad.colour=red"};
  CHECK(answer(table_of({service("web", {instance("a", tags)})}), "x") == "good@consul");
  CatalogOptions as_traefik;
  as_traefik.drop_object_only = false;
  auto table = table_of({service("web", {instance("a", tags), instance("b", {tags[0]})})}, as_traefik);
  CHECK(answer(table, "x") == "good@consul");
  CHECK(table->match(request("x", "/"))->service->endpoints.size() == 1);  // of the instance without the bad tag
}

TEST_CASE("difference: as in Traefik, an instance goes for what cannot be read, not for an object that is no good") {
  CatalogOptions as_traefik;
  as_traefik.drop_object_only = false;
  auto answer_beside = [&](std::vector<std::string> tags) {
    for (const char* good : {"traefik.http.routers.good.rule=Host(`x`)", "traefik.http.routers.good.service=web",
                             "traefik.http.services.web.loadbalancer.passhostheader=true"}) {
      tags.emplace_back(good);
    }
    return answer(table_of({service("web", {instance("a", std::move(tags))})}, as_traefik), "x");
  };
  CHECK(answer_beside({"traefik.http.middlewares.m.addprefix.prefix=/a",
                       "traefik.http.middlewares.m.stripprefix.prefixes=/b"}) == "good@consul");
  CHECK(answer_beside({"traefik.http.routers.r.rule=Host(`y`)", "traefik.http.routers.r.service=web",
                       "traefik.http.routers.r.priority=9223372036854775807"}) == "good@consul");
  CHECK(answer_beside({"traefik.http.routers.r.rule=Path(`/{a:[`)", "traefik.http.routers.r.rulesyntax=v2",
                       "traefik.http.routers.r.service=web"}) == "good@consul");
  for (const char* field : {"port=99999", "port=high", "scheme=ftp", "url=http://127.0.0.1:@b"}) {
    INFO(field);
    CHECK(answer_beside({std::string("traefik.http.services.other.loadbalancer.server.") + field}) == "good@consul");
  }
  CHECK(answer_beside({"traefik.http.services.other.loadbalancer.server.weight=much"}) == "404");
  CHECK(answer_beside({"traefik.http.routers.r.priority=9223372036854775808"}) == "404");
}

TEST_CASE("difference: pain 18, a route without live endpoints answers 503 and falls through to nobody") {
  auto down = service("web", {failing("a", {"traefik.http.routers.r.rule=Host(`x`)"})});
  auto all = service(
      "all", {instance("b", {"traefik.http.routers.all.rule=PathPrefix(`/`)", "traefik.http.routers.all.priority=1"})});
  CHECK(answer(table_of({down, all}), "x") == "503");
  CatalogOptions as_traefik;
  as_traefik.empty_routes = false;
  CHECK(answer(table_of({down, all}, as_traefik), "x") == "all@consul");
  CHECK(answer(table_of({down}, as_traefik), "x") == "404");
}

TEST_CASE("difference: fabio serves an instance by its own checks, and one without any never") {
  auto with = [](std::vector<Health> states) {
    catalog::Instance out = instance("a", {"urlprefix-x/"});
    out.check_states = std::move(states);
    out.has_checks = !out.check_states.empty();
    out.health = out.check_states.empty() ? Health::passing
                                          : *std::max_element(out.check_states.begin(), out.check_states.end());
    return service("web", {out});
  };
  CatalogOptions all_checks;
  all_checks.fabio_checks_required = FabioChecks::all;
  CatalogOptions strict_checks;
  strict_checks.fabio_checks_required = FabioChecks::none;
  CatalogOptions warning_too;
  warning_too.fabio_status = {Health::passing, Health::warning};
  CHECK(answer(table_of({with({})}), "x") == "503");
  CHECK(answer(table_of({with({})}, strict_checks), "x") == "urlprefix-x/@consul");
  CHECK(answer(table_of({with({Health::warning})}), "x") == "503");
  CHECK(answer(table_of({with({Health::warning})}, warning_too), "x") == "urlprefix-x/@consul");
  CHECK(answer(table_of({with({Health::passing, Health::critical})}), "x") == "urlprefix-x/@consul");
  CHECK(answer(table_of({with({Health::passing, Health::critical})}, all_checks), "x") == "503");
  auto lost_node = with({Health::passing}).instances;
  lost_node[0].health = Health::critical;
  lost_node[0].node_lost = true;
  CHECK(answer(table_of({service("web", lost_node)}), "x") == "503");
}

TEST_CASE("difference: a failing check of a node that is there takes none of its routes of fabio's tags away") {
  catalog::Instance full_disk = instance("a", {"urlprefix-x/", "traefik.http.routers.r.rule=Host(`y`)"});
  full_disk.health = Health::critical;
  const auto table = table_of({service("web", {full_disk})});
  CHECK(answer(table, "x") == "urlprefix-x/@consul");
  CHECK(answer(table, "y") == "503");
}

TEST_CASE("difference: pain 20, an instance that is registered before its checks is not routed to by fabio's tags") {
  catalog::Instance fresh = instance("a", {"urlprefix-x/"});
  fresh.has_checks = false;
  fresh.check_states.clear();
  CHECK(answer(table_of({service("web", {fresh})}), "x") == "503");
}

TEST_CASE(
    "difference: pain 20, for Traefik's tags one without checks counts as passing, unless it has a health check") {
  std::vector<std::string> tags = {"traefik.http.routers.r.rule=Host(`x`)"};
  auto fresh = [&] {
    catalog::Instance out = instance("a", tags);
    out.has_checks = false;
    out.check_states.clear();
    return out;
  };
  CatalogOptions strict;
  strict.strict_checks = {Health::passing};
  CHECK(answer(table_of({service("web", {fresh()})}, strict), "x") == "r@consul");
  tags.emplace_back("traefik.http.services.web.loadbalancer.healthcheck.path=/up");
  auto table = table_of({service("web", {fresh()})}, strict);
  CHECK((*table->services().find("web@consul"))->endpoints.at(0).state == Endpoint::State::probing);
}

TEST_CASE("difference: our short form in tags makes a router of the service's name") {
  auto of = [](std::vector<std::string> tags) { return service("my_web", {instance("a", std::move(tags))}); };
  auto table = table_of({of({"weir.host=a.example.com, b.example.com", "weir.path_prefix=/api,/v2", "weir.priority=9",
                             "weir.entry_points=web"})});
  const Router* router = table->match(request("b.example.com", "/v2/x"));
  REQUIRE(router != nullptr);
  CHECK(router->name == "my-web@consul");
  CHECK(router->rule() ==
        "(Host(`a.example.com`) || Host(`b.example.com`)) && (PathPrefix(`/api`) || PathPrefix(`/v2`))");
  CHECK(router->priority == 9);
  CHECK(router->service->name == "my-web@consul");
  CHECK(answer(table, "b.example.com") == "404");
  // Not under Traefik's own prefix, where such tags have no meaning; and a bad one says why.
  CHECK(answer(table_of({of({"traefik.host=a"})}), "a") == "404");
  auto bad = decode(of({"weir.host=a`b", "weir.tls=perhaps"}));
  for (const auto& one : bad.rejected) UNSCOPED_INFO(one.kind << " " << one.name << ": " << one.reason);
  REQUIRE(bad.rejected.size() == 1);
  CHECK(bad.rejected[0].kind == "router");
  CHECK(bad.rejected[0].reason == "\"a`b\" holds a `; field weir.tls: expected true or false, found \"perhaps\"");
  CHECK(decode(of({"weir.service=other@file"})).routers.at(0).rule == "Host(`my-web`)");
}

TEST_CASE(
    "difference: a service that is stale keeps its routes and answers 503, whatever lets failing instances serve") {
  auto web = service("web", {instance("a", {"traefik.http.routers.r.rule=Host(`x`)", "urlprefix-y/"})});
  auto other = service(
      "other",
      {instance("b", {"traefik.http.routers.all.rule=PathPrefix(`/`)", "traefik.http.routers.all.priority=1"})});
  CatalogOptions options;
  options.strict_checks = {Health::passing, Health::warning, Health::critical};
  options.panic_threshold_percent = 100;
  for (bool empty_routes : {true, false}) {
    options.empty_routes = empty_routes;
    web.freshness = catalog::Freshness::fresh;
    auto table = table_of({web, other}, options);
    CHECK(answer(table, "x") == "r@consul");
    web.freshness = catalog::Freshness::stale;
    table = table_of({web, other}, options, table);
    CHECK(answer(table, "x") == "503");
    CHECK(answer(table, "y") == "503");
    CHECK(answer(table, "z") == "all@consul");
    web.freshness = catalog::Freshness::late;  // a matter of datacenters
    CHECK(answer(table_of({web, other}, options, table), "x") == "r@consul");
  }
}

TEST_CASE("difference: Nomad's services are switched to the old behaviour as Consul's are") {
  config::NomadConfig config = config::Config().nomad;
  CatalogOptions options = *catalog_options(config);
  CHECK(options.keep_incumbent);
  CHECK(options.drop_object_only);
  CHECK(options.empty_routes);
  CHECK(options.panic_threshold_percent == 0);
  config.conflicts = "drop";
  config.unknown_fields = "instance";
  config.empty_routes = "absent";
  config.panic_threshold_percent = 30;
  options = *catalog_options(config);
  CHECK_FALSE(options.keep_incumbent);
  CHECK_FALSE(options.drop_object_only);
  CHECK_FALSE(options.empty_routes);
  CHECK(options.panic_threshold_percent == 30);
  auto one = service("one", {instance("a", {"traefik.http.routers.r.rule=Host(`x`)"}, 1)});
  auto two = service("two", {instance("b", {"traefik.http.routers.r.rule=Host(`y`)"}, 2)});
  CHECK(answer(table_of({one, two}, options), "x") == "404");
}

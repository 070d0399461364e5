#include <random>

#include "catalog_fixture.h"
#include "catch.h"
#include "routing/edit_index.h"
#include "table_fixture.h"
#include "weir/routing/route_commands.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {

using Texts = std::vector<std::string>;

/// A service of two versions: v1 on two instances, v2 on one, all of the route www.a/x and one of their own each.
catalog::CatalogSnapshot deployment() {
  auto one = [](const std::string& id, uint16_t port, const std::string& version) {
    auto made = testing::instance(id, {"urlprefix-WWW.a/x", "urlprefix-" + version + ".a/", version, "all"});
    made.port = port;
    made.has_checks = true;
    made.check_states = {catalog::Health::passing};
    return made;
  };
  return testing::snapshot({testing::service("web", {one("a", 1, "v1"), one("b", 2, "v1"), one("c", 3, "v2")})});
}

/// "route -> port*weight …", as commands leave it.
Texts routes(std::string_view commands) {
  CatalogDecoder decoder{CatalogOptions()};
  decoder.decode(deployment());
  auto edits = decode_route_commands(commands, "key").edits;
  Definitions all = list(*decoder.edit(std::make_shared<const std::vector<RouteEdit>>(edits), 0));
  Texts out;
  for (const RouterDefinition& router : all.routers) {
    std::string line = router.name.substr(10) + " ->";
    for (const ServiceDefinition& service : all.services) {
      if (service.name != router.service) continue;
      for (const auto& at : service.endpoints) line += " " + std::to_string(at.port) + "*" + std::to_string(at.weight);
    }
    out.push_back(line);
  }
  return out;
}

const std::string kV1 = "v1.a/ -> 1*1 2*1";
const std::string kV2 = "v2.a/ -> 3*1";

}  // namespace

TEST_CASE("route edits: without commands tags say all there is") {
  CHECK(routes("") == Texts{kV1, kV2, "www.a/x -> 1*1 2*1 3*1"});
  CHECK(routes("route del other\nroute del web nowhere/\nroute weight web other/ weight 0.5") ==
        Texts{kV1, kV2, "www.a/x -> 1*1 2*1 3*1"});
}

TEST_CASE("route edits: del takes a service, one of its sources, one target, or what has all of some tags") {
  CHECK(routes("route del web").empty());
  CHECK(routes("route del web www.A/x") == Texts{kV1, kV2});
  CHECK(routes("route del web www.a/x http://10.0.0.99:3/") == Texts{kV1, kV2, "www.a/x -> 1*1 2*1"});
  CHECK(routes("route del web www.a/x grpc://10.0.0.99:3/") == Texts{kV1, kV2, "www.a/x -> 1*1 2*1"});
  CHECK(routes("route del web tags \"v1,all\"") == Texts{kV2, "www.a/x -> 3*1"});
  CHECK(routes("route del tags \"v2\"") == Texts{kV1, "www.a/x -> 1*1 2*1"});
  CHECK(routes("route del tags \"v1,v2\"") == Texts{kV1, kV2, "www.a/x -> 1*1 2*1 3*1"});
}

TEST_CASE("route edits: pain 26, weight gives a canary its share, divided among the instances that have the tags") {
  CHECK(routes("route weight web www.a/x weight 0.1 tags \"v2\"") ==
        Texts{kV1, kV2, "www.a/x -> 1*4500 2*4500 3*1000"});
  CHECK(routes("route weight www.a/x weight 0.8 tags \"v1\"") == Texts{kV1, kV2, "www.a/x -> 1*4000 2*4000 3*2000"});
  CHECK(routes("route weight web www.a/x weight 0.5 tags \"all\"\nroute weight web www.a/x weight 0.25 tags \"v2\"") ==
        Texts{kV1, kV2, "www.a/x -> 1*2500 2*2500 3*2500"});
  CHECK(routes("route weight web www.a/x weight 1 tags \"v2\"") == Texts{kV1, kV2, "www.a/x -> 1*0 2*0 3*10000"});
}

TEST_CASE("route edits: weight divides its share among the targets of tags and of commands together") {
  const std::string add = "route add old www.a/x http://10.0.0.200:9/ tags \"v2\"\n";
  CHECK(routes(add + "route weight www.a/x weight 0.4 tags \"v2\"") ==
        Texts{kV1, kV2, "www.a/x -> 9*2000 1*3000 2*3000 3*2000"});
  CHECK(routes("route del nobody\n" + add + "route weight old www.a/x weight 0.4 tags \"v2\"") ==
        Texts{kV1, kV2, "www.a/x -> 9*4000 1*2000 2*2000 3*2000"});
  CHECK(routes("route weight www.a/x weight 0.4 tags \"v2\"\n" + add) ==
        Texts{kV1, kV2, "www.a/x -> 9*2000 1*2000 2*2000 3*4000"});
}

TEST_CASE("route edits: only services with fabio's tags are decoded anew") {
  auto all = deployment();
  all.services.put(std::make_shared<const catalog::Service>(
      testing::service("plain", {testing::instance("p", {"traefik.http.routers.p.rule=Host(`p`)"})})));
  CatalogDecoder decoder{CatalogOptions()};
  decoder.decode(all);
  CHECK(decoder.decoded_count() == 2);
  auto edits = decode_route_commands("route del web", "key").edits;
  CHECK(list(*decoder.edit(std::make_shared<const std::vector<RouteEdit>>(edits), 0)).routers.size() == 1);
  CHECK(decoder.decoded_count() == 1);
}

TEST_CASE("route edits: they are undone when the commands go") {
  CatalogDecoder decoder{CatalogOptions()};
  auto before = list(*decoder.decode(deployment()));
  auto edits = decode_route_commands("route del web", "key").edits;
  CHECK(list(*decoder.edit(std::make_shared<const std::vector<RouteEdit>>(edits), 0)).routers.empty());
  CHECK(list(*decoder.edit(nullptr, 0)).routers == before.routers);
}

TEST_CASE("route edits: a target that is added to a source of tags joins their route") {
  CHECK(routes("route add old www.A/x http://10.0.0.200:9/") == Texts{kV1, kV2, "www.a/x -> 9*1 1*1 2*1 3*1"});
  CHECK(routes("route add old www.a/x http://10.0.0.200:9/ weight 0.1") ==
        Texts{kV1, kV2, "www.a/x -> 9*1000 1*3000 2*3000 3*3000"});
  CHECK(routes("route add old www.a/x http://10.0.0.200:9/\nroute del old") ==
        Texts{kV1, kV2, "www.a/x -> 1*1 2*1 3*1"});
  CHECK(routes("route add old else/ http://10.0.0.200:9/") == Texts{kV1, kV2, "www.a/x -> 1*1 2*1 3*1"});
}

TEST_CASE("route edits: what was added serves on when the service of the tags is gone, and goes with its command") {
  CatalogDecoder decoder{CatalogOptions()};
  decoder.decode(deployment());
  auto edits = decode_route_commands("route add old www.a/x http://10.0.0.200:9/", "key").edits;
  decoder.edit(std::make_shared<const std::vector<RouteEdit>>(edits), 0);
  auto endpoints = [](const Definitions& all) {
    for (const ServiceDefinition& service : all.services) {
      if (service.name == "urlprefix-www.a/x") return service.endpoints.size();
    }
    return size_t{99};
  };
  CHECK(endpoints(list(*decoder.decode(testing::snapshot({})))) == 1);
  CHECK(endpoints(list(*decoder.edit(nullptr, 0))) == 0);
}

TEST_CASE("route edits: the index finds what a look at every command finds, in its order") {
  std::mt19937 random(5);
  auto one_of = [&](const std::vector<std::string>& words) { return words[random() % words.size()]; };
  auto all = std::make_shared<std::vector<RouteEdit>>();
  for (int i = 0; i < 500; ++i) {
    RouteEdit edit;
    edit.kind = static_cast<RouteEdit::Kind>(random() % 3);
    edit.service = one_of({"", "web", "api", "other"});
    edit.source = one_of({"", "a/", "b/x", "c/"});
    all->push_back(edit);
  }
  const EditIndex index(all);
  for (const std::string service : {"web", "api", "nobody"}) {
    for (const std::string source : {"a/", "b/x", "nowhere/"}) {
      std::vector<uint32_t> about;
      std::vector<uint32_t> added;
      for (uint32_t i = 0; i < all->size(); ++i) {
        const RouteEdit& edit = (*all)[i];
        const bool is_source = edit.source == source;
        if (edit.kind == RouteEdit::Kind::add) {
          if (is_source) added.push_back(i);
        } else if ((edit.service.empty() || edit.service == service) && (edit.source.empty() || is_source)) {
          about.push_back(i);
        }
      }
      CHECK(index.about(service, source) == about);
      CHECK(index.additions_to(source) == added);
    }
  }
}

TEST_CASE("route edits: instances that give one source other options are not dropped where conflicts are") {
  CatalogOptions options;
  options.keep_incumbent = false;
  auto one = [](const std::string& id, const std::string& tag) {
    auto made = testing::instance(id, {tag});
    made.has_checks = true;
    made.check_states = {catalog::Health::passing};
    return made;
  };
  auto snapshot = testing::snapshot(
      {testing::service("web", {one("a", "urlprefix-a.b/ strip=/x"), one("b", "urlprefix-a.b/ strip=/y")}),
       testing::service("api", {one("c", "urlprefix-a.b/")})});
  Definitions all = definitions_from_catalog(snapshot, options);
  REQUIRE(all.routers.size() >= 1);
  CHECK(all.routers[0].name == "urlprefix-a.b/");
}

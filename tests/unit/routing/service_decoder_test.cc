#include <algorithm>

#include "catalog_fixture.h"
#include "catch.h"
#include "weir/routing/catalog_definitions.h"

using namespace weir::routing;
using namespace weir::routing::testing;
using weir::catalog::Health;
using weir::catalog::Instance;

TEST_CASE("service_decoder: a service without tags is known, has no router and serves by its own name") {
  ServiceDefinitions out = decode(service("web", {instance("a"), instance("b")}));
  CHECK(out.routers.empty());
  CHECK(out.rejected.empty());
  REQUIRE(out.pools.size() == 1);
  CHECK(out.pools[0].definition.name == "web");
  CHECK(out.pools[0].definition.endpoints.size() == 2);
  CHECK_FALSE(out.pools[0].declared);
}

TEST_CASE(
    "service_decoder: an instance without address or port is no endpoint, and reported where tags name a service") {
  Instance nowhere = instance("a", {"weir.http.services.s.loadbalancer.passhostheader=true"});
  nowhere.port = 0;
  ServiceDefinitions out = decode(service("web", {nowhere}));
  CHECK(pool(out, "web").endpoints.empty());
  CHECK(pool(out, "s").endpoints.empty());
  REQUIRE(out.rejected.size() == 1);
  CHECK(out.rejected[0].reason == "instance a on node-a has no address or port");
  CHECK(decode(service("web", {})).pools.size() == 1);
}

TEST_CASE(
    "service_decoder: trap 15 and pain 24, an instance in maintenance is out, a failing one is known but not live") {
  Instance down = instance("a");
  down.health = Health::critical;
  Instance maintained = instance("b");
  maintained.health = Health::maintenance;
  Instance warned = instance("c");
  warned.health = Health::warning;
  ServiceDefinition web = pool(decode(service("web", {down, maintained, warned})), "web");
  REQUIRE(web.endpoints.size() == 2);
  CHECK(web.endpoints[0].health == Health::critical);
  CHECK(web.endpoints[1].health == Health::warning);
}

TEST_CASE("service_decoder: strict_checks says whose health serves") {
  CatalogOptions options;
  Instance warned = instance("a");
  warned.health = Health::warning;
  Instance down = instance("b");
  down.health = Health::critical;
  options.strict_checks = {Health::passing};
  CHECK(pool(decode(service("web", {warned}), options), "web").endpoints[0].health == Health::critical);
  options.strict_checks = {Health::passing, Health::warning, Health::critical};
  CHECK(pool(decode(service("web", {down}), options), "web").endpoints[0].health == Health::warning);
}

TEST_CASE("service_decoder: trap 5, enable is each instance's own and never flips the others") {
  ServiceDefinitions out =
      decode(service("web", {instance("a", {"traefik.enable=true", "traefik.http.routers.r.rule=Host(`a`)"}),
                             instance("b", {"traefik.enable=false", "traefik.http.routers.r.rule=Host(`b`)"}),
                             instance("c", {"traefik.enable=false", "urlprefix-c/"})}));
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].rule == "Host(`a`)");
  CHECK(pool(out, "web").endpoints.size() == 1);
  CHECK(out.pools.size() == 1);
}

TEST_CASE("service_decoder: what Traefik makes up where tags say little") {
  SECTION("enable alone: the default rule") {
    ServiceDefinitions out = decode(service("my_svc", {instance("a", {"traefik.enable=true"})}));
    REQUIRE(out.routers.size() == 1);
    CHECK(out.routers[0].name == "my-svc");
    CHECK(out.routers[0].rule == "Host(`my-svc`)");
    CHECK(out.routers[0].service == "my-svc");
  }
  SECTION("exposed by default: the same without a tag") {
    CatalogOptions options;
    options.exposed_by_default = true;
    CHECK(decode(service("web", {instance("a")}), options).routers.size() == 1);
    CHECK(decode(service("web", {instance("a", {"weir.enable=false"})}), options).routers.empty());
  }
  SECTION("exposed by default: what was meant to hide does, as in Traefik") {
    CatalogOptions options;
    options.exposed_by_default = true;
    for (const char* tag : {"traefik.enable=no", "traefik.enable=", "traefik.enable=false ", "traefik.enabled=false",
                            "traefik.enable = false", "traefik.enabled=off"}) {
      INFO(tag);
      ServiceDefinitions out = decode(service("web", {instance("a", {tag}), instance("b")}), options);
      CHECK(pool(out, "web").endpoints.size() == 1);
      REQUIRE(out.rejected.size() == 1);
      CHECK(out.rejected[0].reason.ends_with("; its instances are hidden, as if it were enable=false"));
      CHECK(decode(service("web", {instance("a", {tag, "traefik.http.routers.r.rule=Host(`a`)"})})).routers.empty());
    }
    CHECK(decode(service("web", {instance("a", {"traefik.enabled=true"})}), options).routers.size() == 1);
    const std::vector<std::string> both = {"traefik.enable=true", "traefik.enabled=false"};
    CHECK(decode(service("web", {instance("a", both)})).routers.size() == 1);
  }
  SECTION("without a default rule: only what has one of its own") {
    CatalogOptions options;
    options.exposed_by_default = true;
    options.default_rule = "";
    CHECK(decode(service("web", {instance("a")}), options).routers.empty());
    CHECK(decode(service("web", {instance("a", {"weir.http.routers.r.rule=Host(`a`)"})}), options).routers.size() == 1);
    ServiceDefinitions out = decode(service("web", {instance("a", {"weir.http.routers.r.priority=1"})}), options);
    CHECK(out.routers.empty());
    REQUIRE(out.rejected.size() == 1);
    CHECK(out.rejected[0].reason == "no rule, and default_rule is empty");
  }
  SECTION("enable required: routing tags alone expose nothing, and what is asked for by default still is") {
    CatalogOptions options;
    options.enable_required = true;
    const char* rule = "traefik.http.routers.r.rule=Host(`a`)";
    CHECK(decode(service("web", {instance("a", {rule})}), options).routers.empty());
    CHECK(decode(service("web", {instance("a", {rule, "traefik.enable=true"})}), options).routers.size() == 1);
    CHECK(decode(service("web", {instance("a", {"urlprefix-a/"})}), options).routers.size() == 1);  // fabio knows none
    options.exposed_by_default = true;
    CHECK(decode(service("web", {instance("a", {rule})}), options).routers.size() == 1);
  }
  SECTION("only a router: linked to the service itself") {
    ServiceDefinitions out = decode(service("web", {instance("a", {"weir.http.routers.r.rule=Host(`a`)"})}));
    CHECK(out.routers[0].service == "web");
  }
  SECTION("a router without a rule: the default rule") {
    ServiceDefinitions out = decode(service("web", {instance("a", {"weir.http.routers.r.entrypoints=web"})}));
    CHECK(out.routers[0].rule == "Host(`web`)");
  }
  SECTION("only one service: a router is made and linked") {
    ServiceDefinitions out =
        decode(service("web", {instance("a", {"weir.http.services.s.loadbalancer.server.port=81"})}));
    REQUIRE(out.routers.size() == 1);
    CHECK(out.routers[0].name == "web");
    CHECK(out.routers[0].service == "s");
    CHECK(pool(out, "s").endpoints[0].port == 81);
    CHECK(pool(out, "web").endpoints[0].port == 8000);
  }
  SECTION("two services and no router: none is made") {
    ServiceDefinitions out =
        decode(service("web", {instance("a", {"weir.http.services.s.loadbalancer.server.port=81",
                                              "weir.http.services.t.loadbalancer.server.port=82"})}));
    CHECK(out.routers.empty());
  }
  SECTION("middlewares alone expose nothing") {
    ServiceDefinitions out = decode(service("web", {instance("a", {"weir.http.middlewares.m.addprefix.prefix=/x"})}));
    CHECK(out.routers.empty());
    CHECK(out.middlewares.size() == 1);
  }
  SECTION("TCP objects alone: no HTTP router") {
    ServiceDefinitions out = decode(service("web", {instance("a", {"weir.enable=true", "weir.tcp.routers.r.rule=x"})}));
    CHECK(out.routers.empty());
  }
  SECTION("a broken router: no default in its place") {
    ServiceDefinitions out =
        decode(service("web", {instance("a", {"weir.enable=true", "weir.http.routers.r.colour=red"})}));
    CHECK(out.routers.empty());
    CHECK(out.rejected[0].name == "r@consul");
  }
}

TEST_CASE("service_decoder: two services and a router that names none drop that router only") {
  ServiceDefinitions out = decode(service(
      "web", {instance("a", {"weir.http.services.s.loadbalancer.server.port=81",
                             "weir.http.services.t.loadbalancer.server.port=82", "weir.http.routers.bad.rule=Host(`a`)",
                             "weir.http.routers.good.rule=Host(`b`)", "weir.http.routers.good.service=t"})}));
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].name == "good");
  REQUIRE(out.rejected.size() == 1);
  CHECK(out.rejected[0].kind == "router");
  CHECK(out.rejected[0].name == "bad@consul");
}

TEST_CASE("service_decoder: trap 7, two tagged services of one instance both lead to it") {
  ServiceDefinitions out =
      decode(service("web", {instance("a", {"weir.http.services.s.loadbalancer.server.port=81",
                                            "weir.http.services.t.loadbalancer.passhostheader=false"})}));
  CHECK(pool(out, "s").endpoints[0].host == pool(out, "t").endpoints[0].host);
  CHECK(pool(out, "t").endpoints[0].port == 8000);
  CHECK_FALSE(pool(out, "t").pass_host_header);
}

TEST_CASE(
    "service_decoder: trap 8, a weight of 0 or less gives a server no requests; without one the catalog's counts") {
  auto weight_of = [](const char* text) {
    return pool(decode(service(
                    "web", {instance("a", {std::string("weir.http.services.s.loadbalancer.server.weight=") + text})})),
                "s")
        .endpoints[0]
        .weight;
  };
  CHECK(weight_of("0") == 0);
  CHECK(weight_of("-3") == 0);
  CHECK(weight_of("3") == 3);
  Instance heavy = instance("a");
  heavy.weight_passing = 5;
  heavy.weight_warning = 2;
  CHECK(pool(decode(service("web", {heavy})), "web").endpoints[0].weight == 5);
  heavy.health = Health::warning;
  CHECK(pool(decode(service("web", {heavy})), "web").endpoints[0].weight == 2);
}

TEST_CASE("service_decoder: trap 16, an IPv6 address stays an address") {
  Instance v6 = instance("a");
  v6.address = "fd00::1";
  CHECK(pool(decode(service("web", {v6})), "web").endpoints[0].host == "fd00::1");
}

TEST_CASE(
    "service_decoder: pain 16, a rolling deploy that changes a tag keeps the majority's version and every endpoint") {
  auto old_tags = std::vector<std::string>{"weir.http.routers.r.rule=Host(`old`)"};
  auto new_tags = std::vector<std::string>{"weir.http.routers.r.rule=Host(`new`)"};
  auto rule_of = [](const ServiceDefinitions& out) { return out.routers.at(0).rule; };
  auto first =
      decode(service("web", {instance("a", new_tags, 9), instance("b", old_tags, 1), instance("c", old_tags, 2)}));
  CHECK(rule_of(first) == "Host(`old`)");
  CHECK(pool(first, "web").endpoints.size() == 3);
  REQUIRE(first.rejected.size() == 1);
  CHECK(first.rejected[0].kind == "tag");
  CHECK(first.rejected[0].reason ==
        "router is defined differently by 1 instance(s), such as a on node-a; 2 instance(s), such as b on "
        "node-b, keep their version");
  CHECK(rule_of(decode(service("web", {instance("a", new_tags, 9), instance("b", new_tags, 10),
                                       instance("c", old_tags, 2)}))) == "Host(`new`)");
  // Of equally many, whoever was there first.
  CHECK(rule_of(decode(service("web", {instance("a", new_tags, 9), instance("b", old_tags, 2)}))) == "Host(`old`)");
}

TEST_CASE("service_decoder: one instance with a bad tag does not take the route from the others") {
  ServiceDefinitions out =
      decode(service("web", {instance("a", {"weir.http.routers.r.rule=Host(`a`)"}),
                             instance("b", {"weir.http.routers.r.rule=Host(`b", "weir.http.routers.r.priority=2"}),
                             instance("c", {"weir.http.routers.r.rule=Host(`c`)", "weir.http.routers.r.colour=red"})}));
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].rule == "Host(`a`)");
  REQUIRE(out.rejected.size() == 2);
  for (const Rejection& rejection : out.rejected) CHECK(rejection.kind == "tag");
}

TEST_CASE(
    "service_decoder: a bad rule that every instance has rejects the router, so that its last good version stays") {
  ServiceDefinitions out = decode(service("web", {instance("a", {"weir.http.routers.r.rule=Host(`a"})}));
  CHECK(out.routers.empty());
  REQUIRE(out.rejected.size() == 1);
  CHECK(out.rejected[0].kind == "router");
  CHECK(out.rejected[0].name == "r@consul");
}

TEST_CASE("service_decoder: instances whose tags name no service serve in the one that others declare by its name") {
  const std::string rule = "traefik.http.routers.r.rule=Host(`a`)";
  for (const char* option : {"server.weight=3", "server.port=9000", "passhostheader=false"}) {
    INFO(option);
    const Instance naming = instance("a", {rule, std::string("traefik.http.services.web.loadbalancer.") + option});
    ServiceDefinitions out = decode(service("web", {naming, instance("b", {rule})}));
    CHECK(out.rejected.empty());
    ServiceDefinition web = pool(out, "web");
    REQUIRE(web.endpoints.size() == 2);
    CHECK(web.endpoints[0].port == (std::string_view(option) == "server.port=9000" ? 9000 : 8000));
    CHECK(web.endpoints[1].host == instance("b").address);
    CHECK(web.endpoints[1].port == 8000);
    CHECK(web.pass_host_header == (std::string_view(option) != "passhostheader=false"));
    CHECK(decode(service("web", {instance("b", {rule}), naming})).pools == out.pools);
  }
}

TEST_CASE("service_decoder: an instance that declares another service has no part in the one of the catalog's name") {
  ServiceDefinitions out =
      decode(service("web", {instance("a", {"traefik.http.services.web.loadbalancer.server.port=9000"}),
                             instance("b", {"traefik.http.services.green.loadbalancer.server.port=9000"})}));
  REQUIRE(pool(out, "web").endpoints.size() == 1);
  CHECK(pool(out, "web").endpoints[0].host == instance("a").address);
}

TEST_CASE("service_decoder: an instance that declares another service has no part in that of one that declares none") {
  const Instance declaring =
      instance("a", {"traefik.http.routers.a.rule=Host(`a`)", "traefik.http.routers.a.service=ded",
                     "traefik.http.services.ded.loadbalancer.server.port=9000"});
  const Instance plain = instance("b", {"traefik.http.routers.b.rule=Host(`b`)"});
  for (const auto& instances : {std::vector{declaring, plain}, std::vector{plain, declaring}}) {
    ServiceDefinitions out = decode(service("web", instances));
    REQUIRE(pool(out, "web").endpoints.size() == 1);
    CHECK(pool(out, "web").endpoints[0].host == plain.address);
    CHECK(pool(out, "ded").endpoints.size() == 1);
  }
}

TEST_CASE("service_decoder: a service whose tags are broken is not replaced by the plain one") {
  ServiceDefinitions out = decode(service("web", {instance("a", {"weir.http.services.web.loadbalancer.server.port=high",
                                                                 "weir.http.routers.r.rule=Host(`a`)"})}));
  CHECK(out.pools.empty());
  CHECK(out.routers.at(0).service == "web");
  CHECK(out.rejected.at(0).kind == "service");
}

TEST_CASE("service_decoder: trap 17, a sidecar's copy of the tags is not read") {
  ServiceDefinitions out =
      decode(service("web-sidecar-proxy", {instance("a", {"weir.http.routers.r.rule=Host(`a`)", "urlprefix-a/"})}));
  CHECK(out.routers.empty());
  CHECK(out.pools.size() == 1);
  REQUIRE(out.rejected.size() == 1);
  CHECK(out.rejected[0].kind == "tag");
  CHECK(decode(service("web-sidecar-proxy", {instance("a", {"primary"})})).rejected.empty());
}

TEST_CASE("service_decoder: instances of the mesh are spoken to over TLS at their own port, whatever the tags say") {
  auto proxy = instance("a", {"traefik.http.routers.r.rule=Host(`a`)", "traefik.consulcatalog.connect=true",
                              "traefik.http.services.s.loadbalancer.server.port=9", "urlprefix-b/"});
  proxy.mesh = true;
  CatalogOptions options;
  options.connect = true;
  ServiceDefinitions definitions = decode(service("web", {proxy}), options);
  CHECK(definitions.rejected.empty());
  for (const char* name : {"s", "web", "urlprefix-b/"}) {
    INFO(name);
    ServiceDefinition of_name = pool(definitions, name);
    REQUIRE(of_name.endpoints.size() == 1);
    CHECK(of_name.servers_transport == "web@connect");
    CHECK(of_name.endpoints[0].scheme == "https");
    CHECK(of_name.endpoints[0].port == 8000);
  }
  proxy.tags[3] = "urlprefix-b/ proto=https host=inner.test";
  CHECK(pool(decode(service("web", {proxy}), options), "urlprefix-b/").servers_transport == "web@connect");
  proxy.tags[2] = "traefik.http.services.s.loadbalancer.serverstransport=own@file";
  CHECK(pool(decode(service("web", {proxy}), options), "s").servers_transport == "own");
}

TEST_CASE("service_decoder: who is asked for through Connect, by tags of any instance") {
  ConnectTags connect{true, false};
  auto asks = [&](std::vector<std::string> tags, std::string_view name = "web") {
    return connect.ask_for(name, tags, {"weir", "traefik"});
  };
  CHECK(asks({"a", "traefik.consulcatalog.connect=true"}));
  CHECK(asks({"weir.consulCatalog.Connect = true"}));
  CHECK_FALSE(asks({"traefik.consulcatalog.connect=false"}));
  CHECK_FALSE(asks({"traefik.consulcatalog.connect"}));
  CHECK_FALSE(asks({"other.consulcatalog.connect=true"}));
  CHECK_FALSE(asks({"traefik.consulcatalog.connect=true"}, "web-sidecar-proxy"));
  connect.by_default = true;
  CHECK(asks({}));
  CHECK_FALSE(asks({"traefik.consulcatalog.connect=false"}));
  connect.on = false;
  CHECK_FALSE(asks({"traefik.consulcatalog.connect=true"}));
}

TEST_CASE("service_decoder: pain 26, a canary gets default names of its own") {
  ServiceDefinitions out =
      decode(service("web", {instance("a", {"traefik.enable=true"}),
                             instance("b", {"traefik.enable=true", "traefik.consulcatalog.canary=true"})}));
  REQUIRE(out.routers.size() == 2);
  REQUIRE(out.pools.size() == 2);
  CHECK(pool(out, "web").endpoints.size() == 1);
  CHECK(out.pools[1].definition.name == "web-9558336265365081477");  // as Traefik calls it
  CHECK(out.pools[1].definition.endpoints.size() == 1);
}

TEST_CASE("service_decoder: what tags say to another kind of catalog makes no canary") {
  const weir::catalog::Service web =
      service("web", {instance("a", {"traefik.enable=true", "traefik.nomad.canary=true"})});
  ServiceDefinitions out = decode(web);
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].name == "web");
  REQUIRE(out.rejected.size() == 1);
  CHECK(out.rejected[0].reason == "it is for a catalog of another kind");
  CatalogOptions of_nomad;
  of_nomad.catalog_kind = "nomad";
  CHECK(decode(web, of_nomad).routers.at(0).name.starts_with("web-"));
}

TEST_CASE("service_decoder: a service that tags do not name is found by the name that Traefik gives it too") {
  ServiceDefinitions out = decode(service("my_web", {instance("a", {"traefik.enable=true"})}));
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].name == "my-web");
  CHECK(out.routers[0].service == "my-web");
  CHECK(pool(out, "my-web").endpoints.size() == 1);
  CHECK(pool(out, "my_web").endpoints.size() == 1);
}

TEST_CASE("service_decoder: pain 19, when too few instances are healthy all of them serve") {
  auto live_of = [](uint32_t percent, size_t failing) {
    std::vector<weir::catalog::Instance> instances;
    for (size_t i = 0; i < 4; ++i) {
      instances.push_back(instance(std::string(1, static_cast<char>('a' + i)), {"traefik.enable=true"}));
      if (i < failing) instances.back().health = weir::catalog::Health::critical;
    }
    instances.push_back(instance("m", {"traefik.enable=true"}));
    instances.back().health = weir::catalog::Health::maintenance;
    CatalogOptions options;
    options.panic_threshold_percent = percent;
    const ServiceDefinition web = pool(decode(service("web", instances), options), "web");
    return std::count_if(web.endpoints.begin(), web.endpoints.end(),
                         [](const auto& one) { return one.health <= weir::catalog::Health::warning; });
  };
  CHECK(live_of(0, 4) == 0);
  CHECK(live_of(50, 4) == 4);
  CHECK(live_of(50, 3) == 4);
  CHECK(live_of(50, 2) == 2);
  CHECK(live_of(100, 1) == 4);
  CHECK(live_of(100, 0) == 4);
}

TEST_CASE("service_decoder: constraints leave out instances, and the default rule sees tags") {
  CatalogOptions options;
  options.constraints = "Tag(`public`)";
  options.default_rule = "Host(`{{ index .Labels \"traefik.zone\" }}`)";
  ServiceDefinitions out = decode(service("web", {instance("a", {"traefik.enable=true", "public", "weir.zone=eu"}),
                                                  instance("b", {"traefik.enable=true", "urlprefix-/"})}),
                                  options);
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].rule == "Host(`eu`)");
  CHECK(pool(out, "web").endpoints.size() == 1);
}

TEST_CASE("service_decoder: fabio's tags become routes, each bad one reported by itself") {
  ServiceDefinitions out = decode(service(
      "web", {instance("a", {"urlprefix-a.localhost/x strip=/x", "urlprefix-:3306", "urlprefix-A.localhost/x"})}));
  REQUIRE(out.routers.size() == 1);
  CHECK(out.routers[0].rule == "Host(`a.localhost`) && PathPrefix(`/x`)");
  CHECK(out.middlewares.size() == 1);
  CHECK(pool(out, out.routers[0].service).endpoints.size() == 1);
  REQUIRE(out.rejected.size() == 2);
  CHECK(out.rejected[0].reason == "TCP routes are not supported yet");
  CHECK(out.rejected[1].reason == "the same source twice");
}

TEST_CASE("service_decoder: a redirect of fabio's tags is two routers: its own, and a last resort for who is there") {
  const auto decoded =
      decode(service("web", {instance("a", {"urlprefix-a.localhost:80/ redirect=301,https://a.localhost$path"})}));
  REQUIRE(decoded.routers.size() == 2);
  CHECK(decoded.routers[0].name == "urlprefix-a.localhost:80/");
  const RouterDefinition& last = decoded.routers[1];
  CHECK((last.name == "urlprefix-a.localhost:80/ (own)" && last.last_resort));
  CHECK(last.service == decoded.routers[0].service);
}

TEST_CASE("service_decoder: an empty fabio prefix reads no fabio tag") {
  CatalogOptions options;
  options.fabio_tag_prefix = "";
  CHECK(decode(service("web", {instance("a", {"urlprefix-a/"})}), options).routers.empty());
}

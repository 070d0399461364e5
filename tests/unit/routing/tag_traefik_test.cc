#include "routing/tag_traefik.h"

#include "catch.h"

using namespace weir::routing;

namespace {

using Texts = std::vector<std::string>;

TraefikTags decode(const Texts& tags) { return decode_traefik_tags(tags, {"weir", "traefik"}, {"consul", "web"}); }

Texts reasons(const TraefikTags& tags) {
  Texts out;
  for (const Rejection& rejection : tags.rejected)
    out.push_back(rejection.kind + " " + rejection.name + ": " + rejection.reason);
  return out;
}

}  // namespace

TEST_CASE("tag_traefik: trap 6, an unknown field drops its own object and nothing else") {
  TraefikTags tags =
      decode({"traefik.http.routers.bad.rule=Host(`a`)", "traefik.http.routers.bad.colour=red",
              "traefik.http.routers.good.rule=Host(`b`)", "traefik.http.middlewares.m.stripprefix.prefixes=/a"});
  CHECK(reasons(tags) == Texts{"router bad@consul: unknown field colour"});
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].name == "good");
  CHECK(tags.broken_routers == Texts{"bad"});
  CHECK(tags.middlewares.size() == 1);
  CHECK(tags.rejected[0].origin == "service web, tag traefik.http.routers.bad");
}

TEST_CASE("tag_traefik: a prefix may have dots, of which none is the object's") {
  TraefikTags tags = decode_traefik_tags(
      {"my.own.http.routers.bad.colour=red", "my.own.http.routers.good.rule=Host(`b`)", "my.http.routers.r.rule=x"},
      {"my.own"}, {"consul", "web"});
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].name == "good");
  CHECK(tags.routers[0].rule == "Host(`b`)");
  REQUIRE(tags.rejected.size() == 1);
  CHECK(tags.rejected[0].origin == "service web, tag my.own.http.routers.bad");
}

TEST_CASE("tag_traefik: every problem of an object is named") {
  TraefikTags tags = decode({"traefik.http.routers.r.priority=high", "traefik.http.routers.r.colour=red",
                             "traefik.http.routers.r.rule=Host(`a`)"});
  CHECK(reasons(tags) == Texts{"router r@consul: unknown field colour; "
                               "field priority: expected a whole number, found \"high\""});
}

TEST_CASE("tag_traefik: bad values of servers drop their service") {
  for (const char* field : {"server.port=0", "server.port=65536", "server.port=http", "server.scheme=ftp",
                            "server.weight=1.5", "server.weight=+-1", "passhostheader=maybe", "servers[0].port=80",
                            "server.url=ftp://x", "server=80", "colour=red"}) {
    INFO(field);
    TraefikTags tags = decode({std::string("traefik.http.services.s.loadbalancer.") + field});
    CHECK(tags.services.empty());
    CHECK(tags.broken_services == Texts{"s"});
    CHECK(tags.rejected.size() == 1);
    CHECK(tags.rejected[0].kind == "service");
  }
  TraefikTags both = decode({"traefik.http.services.s.loadbalancer.server.url=http://x:1",
                             "traefik.http.services.s.loadbalancer.server.port=80"});
  CHECK(both.services.empty());
  CHECK(decode({"traefik.http.services.s.weighted.services=a"}).broken_services == Texts{"s"});
  CHECK(decode({"traefik.http.services.s=1"}).broken_services == Texts{"s"});
}

TEST_CASE("tag_traefik: tags that name no object or nothing we know are reported, never a crash") {
  for (const char* tag :
       {"traefik.", "traefik.=", "traefik.http=1", "traefik.http.routers=1", "traefik.http.routers.=1",
        "traefik.http.routers..rule=x", "traefik.colour=red", "traefik.enable", "traefik.enable=perhaps",
        "traefik.http.other.x.y=1", "traefik.tls.stores.default.x=1", "traefik.tcp.routers.r.rule=x",
        "traefik.consulcatalog.connect=true", "traefik.consulcatalog=true", "traefik..=.="}) {
    INFO(tag);
    TraefikTags tags = decode({tag});
    CHECK(tags.rejected.size() == 1);
    CHECK(tags.rejected[0].kind == "tag");
    CHECK(tags.routers.empty());
  }
  CHECK(decode({"traefik.http.routers.r=1"}).rejected[0].kind == "tag");
  CHECK(decode({"traefik.http.middlewares.m=1"}).rejected[0].kind == "middleware");
}

TEST_CASE("tag_traefik: trap 4, a prefix ends at its dot") {
  TraefikTags tags = decode({"traefikish.http.routers.r.rule=Host(`a`)", "traefik-http.routers.r.rule=x",
                             "Traefik.enable=false", "primary", "traefik"});
  CHECK(tags.routers.empty());
  CHECK(tags.rejected.empty());
  CHECK_FALSE(tags.enable.has_value());
}

TEST_CASE("tag_traefik: tags of Traefik 1 are told of once for a service, and what is meant for docker not at all") {
  TraefikTags tags =
      decode({"traefik.frontend.rule=Host:a.test", "traefik.frontend.headers.SSLHost=a.test", "traefik.backend=b",
              "traefik.port=80", "traefik.docker.network=proxy", "traefik.http.routers.r.rule=Host(`a`)"});
  CHECK(reasons(tags) == Texts{"tag web: tags of Traefik 1 are not read, as by Traefik 2 and 3"});
  CHECK(tags.routers.size() == 1);
  CHECK(reasons(decode({"traefik.nonsense.a.B=1"})) == Texts{"tag web: unknown field"});
}

TEST_CASE("tag_traefik: what a chain names is found by Traefik's name of the catalog, as what a router names") {
  TraefikTags tags = decode({"traefik.http.middlewares.c.chain.middlewares=a@consulcatalog, b ,d@file"});
  CHECK(tags.middlewares.at(0).options.at("middlewares") == "a@consul,b,d@file");
}

TEST_CASE("tag_traefik: a field that can be left out is reported and its object serves") {
  TraefikTags tags =
      decode({"traefik.http.services.s.loadbalancer.responseforwarding.flushinterval=1s",
              "traefik.http.services.s.loadbalancer.server.port=80", "traefik.http.routers.r.rule=Host(`a`)",
              "traefik.http.routers.r.tls.certresolver=le", "traefik.http.routers.r.observability.metrics=false",
              "traefik.http.routers.r.parentrefs=x"});
  CHECK(reasons(tags) == Texts{"tag r@consul: field observability.metrics is not supported yet and is left out",
                               "tag r@consul: field parentrefs is not supported yet and is left out",
                               "tag r@consul: field tls.certresolver is left out: certificates are files (docs/tls.md)",
                               "tag s@consul: field responseforwarding.flushinterval is not supported yet and is left "
                               "out"});
  CHECK(tags.services.size() == 1);
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].tls);
}

TEST_CASE("tag_traefik: TLS options and transports are named, with or without their provider") {
  TraefikTags tags = decode({"traefik.http.services.s.loadbalancer.serverstransport=internal@file",
                             "traefik.http.services.s.loadbalancer.server.scheme=https",
                             "traefik.http.routers.r.rule=Host(`a`)", "traefik.http.routers.r.tls.options=mutual"});
  CHECK(tags.rejected.empty());
  REQUIRE(tags.services.size() == 1);
  CHECK(tags.services[0].options.servers_transport == "internal");
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].tls);
  CHECK(tags.routers[0].tls_options == "mutual");
}

TEST_CASE("tag_traefik: trap 9, tls=true asks for TLS connections only") {
  CHECK(decode({"traefik.http.routers.r.rule=Host(`a`)", "traefik.http.routers.r.tls=true"}).routers[0].tls);
  CHECK_FALSE(decode({"traefik.http.routers.r.rule=Host(`a`)", "traefik.http.routers.r.tls=false"}).routers[0].tls);
  CHECK(decode({"traefik.http.routers.r.tls.domains[0].main=a"}).routers[0].tls);
}

TEST_CASE("tag_traefik: trap 10, middlewares and entry points keep the order of the list") {
  TraefikTags tags = decode(
      {"traefik.http.routers.r.middlewares=z, a@file,,m@consulcatalog", "traefik.http.routers.r.entrypoints=web,alt"});
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].middlewares == Texts{"z", "a@file", "m@consul"});
  CHECK(tags.routers[0].entry_points == Texts{"web", "alt"});
}

TEST_CASE("tag_traefik: fields in any case, names as written") {
  TraefikTags tags = decode({"traefik.HTTP.Routers.MyApp.Rule=Host(`A`)", "traefik.http.routers.MyApp.entryPoints=web",
                             "traefik.http.services.MyApp.loadBalancer.passHostHeader=false",
                             "traefik.http.middlewares.M.stripPrefix.Prefixes=/A"});
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].name == "MyApp");
  CHECK(tags.routers[0].rule == "Host(`A`)");
  CHECK(tags.routers[0].entry_points == Texts{"web"});
  CHECK_FALSE(tags.services[0].options.pass_host_header);
  CHECK(tags.middlewares[0].type == "stripPrefix");
  CHECK(tags.middlewares[0].options == std::map<std::string, std::string>{{"prefixes", "/A"}});
}

TEST_CASE("tag_traefik: a rule may hold = and dots") {
  TraefikTags tags = decode({"traefik.http.routers.r.rule=Query(`a`, `b=c.d`)"});
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].rule == "Query(`a`, `b=c.d`)");
}

TEST_CASE("tag_traefik: blanks count as they do for Traefik; not in our own tags, and not in Nomad's") {
  CHECK(decode({" traefik.http.routers.r.rule=Host(`a`)"}).routers.empty());
  TraefikTags tags = decode({"traefik.http.routers.r.rule = Host(`a`)"});
  CHECK(tags.routers.empty());
  CHECK(tags.misread);
  CHECK(decode({"traefik.http.routers.r.rule=Host(`a`) "}).routers.at(0).rule == "Host(`a`) ");
  CHECK(decode({" weir.http.routers.r.rule = Host(`a`) "}).routers.at(0).rule == "Host(`a`)");
  const TagContext nomad{"nomad", "web", true};
  CHECK(decode_traefik_tags({" traefik.http.routers.r.rule = Host(`a`) "}, {"traefik"}, nomad).routers.size() == 1);
}

TEST_CASE("tag_traefik: fields that are known and left out are checked as Traefik checks them") {
  for (const char* field : {"responseforwarding.flushinterval=1ms", "passivehealthcheck.maxfailedattempts=3"}) {
    INFO(field);
    TraefikTags tags = decode({std::string("traefik.http.services.s.loadbalancer.") + field});
    CHECK(tags.services.size() == 1);
    CHECK_FALSE(tags.misread);
  }
  for (const char* field : {"responseforwarding.colour=red", "passivehealthcheck.maxfailedattempts=long"}) {
    INFO(field);
    TraefikTags tags = decode({std::string("traefik.http.services.s.loadbalancer.") + field});
    CHECK(tags.services.empty());
    CHECK(tags.misread);
  }
  CHECK(decode({"traefik.http.routers.r.tls.domains[0].main=a"}).routers.at(0).tls);
  CHECK(decode({"traefik.http.routers.r.tls.domains[x].main=a"}).routers.empty());
  CHECK(decode({"traefik.http.routers.r.observability.metrics=perhaps"}).routers.empty());
}

TEST_CASE("tag_traefik: tls is there or not as Traefik reads it, and what stands below it goes with it") {
  auto tls = [](std::vector<std::string> tags) {
    tags.emplace_back("traefik.http.routers.r.rule=Host(`a`)");
    return decode(tags).routers.at(0).tls;
  };
  CHECK(tls({"traefik.http.routers.r.tls=TRUE"}));
  CHECK(tls({"traefik.http.routers.r.tls="}));
  CHECK_FALSE(tls({"traefik.http.routers.r.tls=perhaps"}));
  CHECK_FALSE(tls({"traefik.http.routers.r.tls=1"}));
  CHECK_FALSE(tls({"traefik.http.routers.r.tls=false", "traefik.http.routers.r.tls.options=strict"}));
  CHECK(decode({"traefik.http.routers.r.tls=1"}).rejected.size() == 1);
}

TEST_CASE("tag_traefik: a name with an empty part costs Traefik the instance, an empty port is none") {
  CHECK(decode({"traefik.http.routers..rule=Host(`a`)"}).misread);
  CHECK(decode({"traefik.http.services.s.loadbalancer.server.port="}).services.at(0).port == 0);
}

TEST_CASE("tag_traefik: a rule of v2 keeps the priority of its own length") {
  TraefikTags tags = decode({"traefik.http.routers.r.rule=Host(`a`, `b`)", "traefik.http.routers.r.ruleSyntax=V2"});
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].rule == "(Host(`a`) || Host(`b`))");
  CHECK(tags.routers[0].priority == 14);
  CHECK(decode({"traefik.http.routers.r.rule=Nobody(`a`)", "traefik.http.routers.r.ruleSyntax=v2"}).routers.empty());
  CHECK(decode({"traefik.http.routers.r.rule=Host(`a`)", "traefik.http.routers.r.ruleSyntax=v3"}).routers.size() == 1);
}

TEST_CASE("tag_traefik: the first prefix wins field by field") {
  TraefikTags tags = decode({"traefik.http.routers.r.rule=Host(`t`)", "weir.http.routers.r.rule=Host(`w`)",
                             "traefik.http.routers.r.priority=7", "traefik.enable=true", "weir.enable=false"});
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].rule == "Host(`w`)");
  CHECK(tags.routers[0].priority == 7);
  CHECK(tags.enable == false);
}

TEST_CASE("tag_traefik: names that differ in case only are one object, and of one field the last in order counts") {
  TraefikTags tags =
      decode({"traefik.http.routers.web.rule=Path(`/a`)", "traefik.http.routers.Web.priority=7",
              "traefik.http.routers.web.Rule=Path(`/b`)", "traefik.http.services.mySvc.loadbalancer.server.port=9",
              "traefik.http.services.mysvc.loadbalancer.passhostheader=false"});
  CHECK(tags.rejected.empty());
  REQUIRE(tags.routers.size() == 1);
  CHECK(tags.routers[0].name == "Web");
  CHECK(tags.routers[0].rule == "Path(`/a`)");
  CHECK(tags.routers[0].priority == 7);
  REQUIRE(tags.services.size() == 1);
  CHECK(tags.services[0].options.name == "mySvc");
  CHECK(tags.services[0].port == 9);
  CHECK_FALSE(tags.services[0].options.pass_host_header);
}

TEST_CASE("tag_traefik: numbers may have a plus and be larger than what tells them apart") {
  auto number = [](const std::string& priority, const std::string& weight) {
    TraefikTags tags = decode({"traefik.http.routers.r.rule=Path(`/`)", "traefik.http.routers.r.priority=" + priority,
                               "traefik.http.services.s.loadbalancer.server.weight=" + weight});
    CHECK(tags.rejected.empty());
    return std::pair(tags.routers.at(0).priority, tags.services.at(0).weight.value_or(0));
  };
  CHECK(number("+7", "+1") == std::pair(int64_t{7}, 1U));
  CHECK(number("1000000000001", "1") == std::pair(int64_t{1'000'000'000'001}, 1U));
  CHECK(number("9223372036854774807", "100000001") == std::pair(INT64_MAX - 1'000, 100'000'000U));
  CHECK(number("-9223372036854775808", "-5") == std::pair(INT64_MIN, 0U));
  for (const std::string beyond : {"9223372036854774808", "9223372036854775808"}) {
    TraefikTags tags = decode({"traefik.http.routers.r.rule=Path(`/`)", "traefik.http.routers.r.priority=" + beyond});
    CHECK(tags.broken_routers.size() == 1);
    // What is no number of 64 bits Traefik cannot read at all; the other is its router's own fault.
    CHECK(tags.misread == (beyond == "9223372036854775808"));
  }
}

TEST_CASE("tag_traefik: servers take port, scheme, weight and url") {
  TraefikTags tags = decode({"traefik.http.services.s.loadbalancer.server.port=8443",
                             "traefik.http.services.s.loadbalancer.server.scheme=HTTPS",
                             "traefik.http.services.s.loadbalancer.server.weight=3",
                             "traefik.http.services.u.loadbalancer.server.url=http://x:1",
                             "traefik.http.services.s.loadbalancer.strategy=P2C"});
  REQUIRE(tags.services.size() == 2);
  CHECK(tags.services[0].port == 8443);
  CHECK(tags.services[0].scheme == "https");
  CHECK(tags.services[0].weight == 3);
  CHECK(tags.services[0].options.strategy == "p2c");
  CHECK(tags.services[1].url == "http://x:1");
}

TEST_CASE("tag_traefik: a middleware has one type; a bare type is taken when true") {
  CHECK(decode({"traefik.http.middlewares.m.compress=true"}).middlewares[0].type == "compress");
  CHECK(decode({"traefik.http.middlewares.m.compress=7"}).middlewares.empty());
  TraefikTags two =
      decode({"traefik.http.middlewares.m.compress=true", "traefik.http.middlewares.m.addprefix.prefix=/a"});
  CHECK(two.middlewares.empty());
  CHECK(reasons(two) == Texts{"middleware m@consul: two types, addPrefix and compress"});
}

TEST_CASE("tag_traefik: a list by numbers says nothing, as for Traefik, and is reported") {
  TraefikTags tags =
      decode({"traefik.http.routers.r.rule=Host(`a`)", "traefik.http.routers.r.entrypoints[0]=web",
              "traefik.http.routers.r.middlewares[1]=m", "traefik.http.routers.r.tls.domains[0].sans[0]=a",
              "traefik.http.middlewares.m.stripprefix.prefixes[0]=/x"});
  REQUIRE(tags.routers.size() == 1);
  CHECK((tags.routers[0].entry_points.empty() && tags.routers[0].middlewares.empty() && tags.routers[0].tls));
  REQUIRE(tags.middlewares.size() == 1);
  CHECK((tags.middlewares[0].type == "stripPrefix" && tags.middlewares[0].options.empty()));
  CHECK(tags.rejected.size() == 4);
  CHECK_FALSE(tags.misread);
  CHECK(decode({"traefik.http.routers.r.rule[0]=x"}).misread);
}

TEST_CASE("tag_traefik: TCP and UDP are known by their fields, and a middleware of theirs makes no service of it") {
  CHECK_FALSE(decode({"traefik.tcp.middlewares.m.inflightconn.amount=1"}).other_protocols);
  TraefikTags tags = decode({"traefik.tcp.routers.R.tls.domains[0].main=a", "traefik.tcp.routers.R.rule=HostSNI(`*`)",
                             "traefik.udp.services.s.loadbalancer.server.port=53"});
  CHECK(tags.other_protocols);
  CHECK_FALSE(tags.misread);
  CHECK(tags.rejected.size() == 3);
  for (const char* tag : {"traefik.tcp.routers.r.colour=red", "traefik.tcp.rooters.r.rule=x", "traefik.tcp=x",
                          "traefik.udp.routers.r.rule=x"}) {
    INFO(tag);
    TraefikTags bad = decode({tag});
    CHECK(bad.misread);
    CHECK((bad.rejected.size() == 1 && bad.rejected[0].reason == "unknown field"));
  }
  CHECK(decode({"traefik.tcp.routers.r=x"}).misread);
}

#include "weir/routing/dynamic_config.h"

#include "catch.h"
#include "routing/middleware.h"
#include "table_fixture.h"
#include "weir/base/random.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

namespace {

using Texts = std::vector<std::string>;

/// "http/routers/web/rule=Host(`a`)", as keys of a store.
Definitions decode(const Texts& lines) {
  std::vector<ConfigValue> values;
  for (const std::string& line : lines) {
    const size_t equals = line.find('=');
    ConfigValue value{{}, line.substr(equals + 1), "key " + line.substr(0, equals)};
    for (std::string_view segment : split(std::string_view(line).substr(0, equals), '/')) {
      value.path.emplace_back(segment);
    }
    values.push_back(std::move(value));
  }
  return decode_dynamic_config(values, "consulkv");
}

Texts complaints(const Definitions& all) {
  Texts out;
  for (const Rejection& one : all.rejected) {
    out.push_back(one.kind + " " + one.name + " | " + one.reason + " | " + one.origin);
  }
  return out;
}

}  // namespace

TEST_CASE("dynamic config: a router with parents is refused: alone it would serve without what guards them") {
  for (const char* key : {"http/routers/child/parentRefs", "http/routers/child/parentRefs/0"}) {
    Definitions all =
        decode({"http/routers/child/rule=PathPrefix(`/admin`)", "http/routers/child/service=app",
                std::string(key) + "=parent", "http/routers/beside/rule=Host(`b`)", "http/routers/beside/service=app"});
    REQUIRE(all.routers.size() == 1);
    CHECK(all.routers[0].name == "beside");
    CHECK(std::any_of(all.rejected.begin(), all.rejected.end(), [](const Rejection& one) {
      return one.kind == "router" && one.name == "child@consulkv" &&
             one.reason == "parentRefs are not supported: it would serve without its parent's middlewares";
    }));
  }
}

TEST_CASE("dynamic config: what errors rewrites is a map by status, no list") {
  Definitions all = decode({"http/middlewares/e/errors/status/0=500-599", "http/middlewares/e/errors/service=app",
                            "http/middlewares/e/errors/statusRewrites/418=404",
                            "http/middlewares/e/errors/statusRewrites/500-599=500"});
  REQUIRE(all.middlewares.size() == 1);
  CHECK(all.middlewares[0].options.contains("statusrewrites.418"));
  CHECK(compile_middleware(all.middlewares[0], "e@consulkv"));
}

TEST_CASE("dynamic config: a router, its middlewares in order, a service with servers by number") {
  Definitions all = decode(
      {"http/routers/web/rule=Host(`a`) && PathPrefix(`/x`)", "http/routers/web/service=app",
       "http/routers/web/entryPoints/0=web", "http/routers/web/entryPoints/1=alt",
       "http/routers/web/middlewares/10=last", "http/routers/web/middlewares/2=first@file",
       "http/routers/web/priority=-3", "http/services/app/loadBalancer/servers/1/url=http://h:2/",
       "http/services/app/loadBalancer/servers/0/url=https://10.0.0.1:1",
       "http/services/app/loadBalancer/servers/0/weight=5", "http/services/app/loadBalancer/passHostHeader=false",
       "http/middlewares/last/stripPrefix/prefixes/0=/x", "http/middlewares/last/stripPrefix/prefixes/1=/y"});
  CHECK(complaints(all) == Texts{});
  REQUIRE(all.routers.size() == 1);
  const RouterDefinition& web = all.routers[0];
  CHECK(web.name == "web");
  CHECK(web.rule == "Host(`a`) && PathPrefix(`/x`)");
  CHECK(web.service == "app");
  CHECK(web.entry_points == Texts{"web", "alt"});
  CHECK(web.middlewares == Texts{"first@file", "last"});
  CHECK(web.priority == -3);
  CHECK(web.origin.text == "key http/routers/web");
  REQUIRE(all.services.size() == 1);
  REQUIRE(all.services[0].endpoints.size() == 2);
  CHECK_FALSE(all.services[0].pass_host_header);
  CHECK(all.services[0].endpoints[0].host == "10.0.0.1");
  CHECK(all.services[0].endpoints[0].scheme == "https");
  CHECK(all.services[0].endpoints[0].weight == 5);
  CHECK(all.services[0].endpoints[1].host == "h");
  REQUIRE(all.middlewares.size() == 1);
  CHECK(all.middlewares[0].type == "stripPrefix");
  CHECK(all.middlewares[0].options == std::map<std::string, std::string>{{"prefixes", "/x,/y"}});
}

TEST_CASE("dynamic config: what it says is routed") {
  Definitions all = decode({"http/routers/web.v2/rule=Host(`a`)", "http/routers/web.v2/service=app",
                            "http/services/app/loadbalancer/servers/0/url=http://127.0.0.1:9001"});
  auto table = build_all({all}).table;
  CHECK(match(table, "a", "/") == "web.v2@consulkv");
  CHECK(table->services().size() == 1);
}

TEST_CASE("dynamic config: names keep their case, fields are taken in any") {
  Definitions all = decode({"HTTP/Routers/Web/RULE=Host(`a`)", "http/routers/Web/Service=App",
                            "http/services/App/loadbalancer/servers/0/URL=http://h:1"});
  CHECK(complaints(all) == Texts{});
  REQUIRE(all.routers.size() == 1);
  CHECK(all.routers[0].name == "Web");
  REQUIRE(all.services.size() == 1);
  CHECK(all.services[0].name == "App");
}

TEST_CASE("dynamic config: pain 17, a bad value drops its object only and is told with its key") {
  Definitions all = decode(
      {"http/routers/bad/rule=Host(`b`)", "http/routers/bad/service=app", "http/routers/bad/priority=high",
       "http/routers/odd/rule=Host(`o`", "http/routers/odd/service=app", "http/routers/lost/rule=Host(`l`)",
       "http/routers/ruleless/service=app", "http/routers/web/rule=Host(`a`)", "http/routers/web/service=app",
       "http/routers/web/colour=red", "http/routers/good/rule=Host(`g`)", "http/routers/good/service=app",
       "http/services/app/loadBalancer/servers/0/url=http://h:1",
       "http/services/app/loadBalancer/servers/1/url=ftp://h:1", "http/services/app/loadBalancer/servers/2/weight=1"});
  REQUIRE(all.routers.size() == 1);
  CHECK(all.routers[0].name == "good");
  REQUIRE(all.services.size() == 1);
  CHECK(all.services[0].endpoints.size() == 1);
  Texts said = complaints(all);
  REQUIRE(said.size() == 7);
  CHECK(said[0] == "router lost@consulkv | no service | key http/routers/lost");
  CHECK(said[1].starts_with("router odd@consulkv | rule: "));
  CHECK(said[2] == "router ruleless@consulkv | no rule | key http/routers/ruleless");
  CHECK(said[3].starts_with("value app@consulkv | server: "));
  CHECK(said[3].ends_with(" | key http/services/app/loadBalancer/servers/1/url"));
  CHECK(said[4] == "value app@consulkv | server: no url | key http/services/app/loadBalancer/servers/2/weight");
  CHECK(said[5] ==
        "router bad@consulkv | field priority: expected a whole number, found \"high\" | "
        "key http/routers/bad");
  CHECK(said[6] == "router web@consulkv | unknown field colour | key http/routers/web");
}

TEST_CASE("dynamic config: values that name no object, TCP, and what only tags have are told and nothing else") {
  Definitions all =
      decode({"http/routers=x", "http//a/b=x", "http/routers/a@b/rule=Host(`a`)", "tcp/routers/t/rule=HostSNI(`*`)",
              "tcp/routers/t/service=s", "http/services/tagged/loadBalancer/server/port=80",
              "http/services/split/weighted/services/0/name=a", "http/routers/list/middlewares/0=a,b"});
  CHECK(all.routers.empty());
  CHECK(all.services.empty());
  Texts said = complaints(all);
  REQUIRE(said.size() == 7);
  CHECK(said[0] == "value key http/routers | no object is named | key http/routers");
  CHECK(said[1] == "value key http//a/b | no object is named | key http//a/b");
  CHECK(said[2] == "value key http/routers/a@b/rule | a name holds no @ | key http/routers/a@b/rule");
  CHECK(said[3] == "router list@consulkv | no rule | key http/routers/list");
  CHECK(said[4] == "value t@consulkv | TCP routers are not supported yet | key tcp/routers/t");
  CHECK(said[5].starts_with("service split@consulkv | weighted services"));
  CHECK(said[6].starts_with("service tagged@consulkv | unknown field loadbalancer.server"));
}

TEST_CASE(
    "dynamic config: a service whose servers cannot be read is refused, so that its last good version serves on") {
  for (const char* bad :
       {"servers/0/url=htp://h", "servers/0/weight=1", "servers/0=http://h:1", "servers=http://h:1"}) {
    INFO(bad);
    Definitions all = decode({std::string("http/services/app/loadBalancer/") + bad});
    CHECK(all.services.empty());
    Texts said = complaints(all);
    REQUIRE(said.size() == 2);
    CHECK(said[1] == "service app@consulkv | none of its servers can be read | key http/services/app");
  }
}

TEST_CASE("dynamic config: what a server has besides its url costs it nothing and is told") {
  for (const char* odd : {"weight=abc", "colour=red", "preservePath=true"}) {
    INFO(odd);
    Definitions all = decode({"http/services/app/loadBalancer/servers/0/url=http://h:1/base",
                              std::string("http/services/app/loadBalancer/servers/0/") + odd});
    REQUIRE(all.services.size() == 1);
    REQUIRE(all.services[0].endpoints.size() == 1);
    CHECK(all.services[0].endpoints[0].weight == 1);
    CHECK(complaints(all).size() == 1);
  }
}

TEST_CASE("dynamic config: servers may have any key, a user in their url and the scheme h2c, as in Traefik") {
  Definitions all = decode({"http/services/app/loadBalancer/servers/first/url=h2c://jane:x@h:1",
                            "http/services/app/loadBalancer/servers/5000/url=http://h:2",
                            "http/services/app/loadBalancer/servers/5000/weight=+100000001"});
  CHECK(complaints(all) == Texts{});
  REQUIRE(all.services.size() == 1);
  REQUIRE(all.services[0].endpoints.size() == 2);
  CHECK(all.services[0].endpoints[0].scheme == "h2c");
  CHECK(all.services[0].endpoints[0].host == "h");
  CHECK(all.services[0].endpoints[1].weight == 100'000'000);
}

TEST_CASE("dynamic config: elements of lists may hold commas") {
  Definitions all = decode({"http/middlewares/m/stripPrefixRegex/regex/0=^/[ab]{1,2}",
                            "http/middlewares/m/stripPrefixRegex/regex/1=^/c",
                            "http/middlewares/n/stripPrefixRegex/regex/0=^/[ab]{1,2}"});
  CHECK(complaints(all) == Texts{});
  REQUIRE(all.middlewares.size() == 2);
  CHECK(compile_middleware(all.middlewares[0], "m").value().patterns.size() == 2);
  auto one = compile_middleware(all.middlewares[1], "n");
  REQUIRE(one);
  REQUIRE(one->patterns.size() == 1);
  CHECK(one->patterns[0].find("/abab") == "/ab");
}

TEST_CASE("dynamic config: trap 8, a server of weight 0 or less gets no request") {
  Definitions all = decode(
      {"http/services/a/loadBalancer/servers/0/url=http://h:1", "http/services/a/loadBalancer/servers/0/weight=-1",
       "http/services/a/loadBalancer/servers/1/url=http://h:2", "http/services/a/loadBalancer/servers/1/weight=0"});
  REQUIRE(all.services.size() == 1);
  CHECK(all.services[0].endpoints[0].weight == 0);
  CHECK(all.services[0].endpoints[1].weight == 0);
}

TEST_CASE("dynamic config: tls and its domains ask for TLS, references to the catalog are ours") {
  Definitions all =
      decode({"http/routers/a/rule=Host(`a`)", "http/routers/a/service=web@consulcatalog",
              "http/routers/a/tls/domains/0/main=a", "http/routers/a/tls/domains/0/sans/0=b",
              "http/routers/b/rule=Host(`b`)", "http/routers/b/service=web@consulcatalog", "http/routers/b/tls=true"});
  REQUIRE(all.routers.size() == 2);
  CHECK(all.routers[0].tls);
  CHECK(all.routers[1].tls);
  CHECK(all.routers[0].service == "web@consul");
}

TEST_CASE("dynamic config: a list of more elements than there may be is no list, and depth is bounded") {
  Definitions all =
      decode({"http/routers/a/rule=Host(`a`)", "http/routers/a/service=s", "http/routers/a/middlewares/4096=x"});
  CHECK(all.routers.empty());
  CHECK(complaints(all).size() == 1);
  std::string deep = "http/middlewares/m";
  for (int i = 0; i < 40; ++i) deep += "/x";
  CHECK(complaints(decode({deep + "=1"})).size() == 1);
}

TEST_CASE("dynamic config: whatever keys and values there are, what is taken builds a table and what is not is told") {
  const Texts words = {"http",
                       "HTTP",
                       "tcp",
                       "tls",
                       "routers",
                       "services",
                       "middlewares",
                       "loadBalancer",
                       "servers",
                       "server",
                       "url",
                       "rule",
                       "service",
                       "entryPoints",
                       "priority",
                       "tls",
                       "domains",
                       "0",
                       "1",
                       "4095",
                       "99999999999999999999",
                       "web",
                       "a@b",
                       "",
                       "stripPrefix",
                       "prefixes",
                       "headers",
                       "weighted",
                       ".",
                       "options",
                       "observability",
                       "weight",
                       "\xff"};
  const Texts values = {"",  "Host(`a`)", "web", "http://h:1", "true", "-1", "1e9", "a,b", std::string(70'000, '('),
                        "\0"};
  Random random(20'261'121);
  for (int round = 0; round < 2'000; ++round) {
    std::vector<ConfigValue> all;
    for (size_t i = random.below(12); i > 0; --i) {
      ConfigValue one{{}, values[random.below(values.size())], "somewhere"};
      for (size_t j = random.below(8); j > 0; --j) one.path.push_back(words[random.below(words.size())]);
      all.push_back(std::move(one));
    }
    Definitions decoded = decode_dynamic_config(all, "consulkv");
    REQUIRE(build_all({decoded}).table != nullptr);
    if (!all.empty()) {
      const size_t said = decoded.routers.size() + decoded.services.size() + decoded.middlewares.size();
      CHECK(said + decoded.rejected.size() > 0);
    }
  }
}

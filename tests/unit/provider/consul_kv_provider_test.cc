#include "provider/consul_kv_provider.h"

#include <set>

#include "catch.h"
#include "scripted_source.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

constexpr const char* kTree = "/v1/kv/traefik/";
constexpr const char* kCommands = "/v1/kv/fabio/config";
using Texts = std::vector<std::string>;

const std::string kWeb = kv_json({{"traefik/", ""},
                                  {"traefik/http/routers/web/rule", "Host(`a`)"},
                                  {"traefik/http/routers/web/service", "app"},
                                  {"traefik/http/services/app/loadBalancer/servers/0/url", "http://127.0.0.1:1"}});

/// A provider, its store and what it handed over, with times made short.
struct KvWorld {
  event::Loop loop;
  SystemClock clock;
  ScriptedSource source{loop};
  Recorder seen;
  ConsulKvOptions options;
  std::unique_ptr<Provider> provider;

  KvWorld() {
    options.kv.addresses = {source.url()};
    options.kv.root_key = "traefik";
    options.kv.fabio_prefix = "/fabio/config";
    options.kv.fabio_matcher = "prefix";
    options.safety = {.mass_removal_share_percent = 50, .mass_removal_count_min = 4, .hold_ms = 60'000};
    options.timing = {.wait_ms = 600,
                      .slack_ms = 100,
                      .immediate_ms = 300,
                      .poll_ms = 20,
                      .backoff_first_ms = 4,
                      .backoff_max_ms = 40};
  }
  ~KvWorld() {
    source.lie = nullptr;
    provider.reset();
  }
  void start() {
    provider = make_consul_kv_provider(loop, clock, options);
    REQUIRE(provider->start(seen));
  }
  /// Names of routers of the newest definitions.
  [[nodiscard]] Texts routers() const {
    Texts out;
    if (seen.definitions.empty()) return out;
    for (const auto& one : seen.definitions.back()->routers) out.push_back(one.name);
    return out;
  }
  bool until_routers(const Texts& names) {
    return run_until(loop, [&] { return !seen.definitions.empty() && routers() == names; });
  }
};

}  // namespace

TEST_CASE("kv provider: options that cannot work are an error, a store that is down is none") {
  KvWorld world;
  auto refused = [&] { return !make_consul_kv_provider(world.loop, world.clock, world.options)->start(world.seen); };
  world.options.kv.addresses = {};
  CHECK(refused());
  world.options.kv.addresses = {"ftp://x"};
  CHECK(refused());
  world.options.kv.addresses = {"http://127.0.0.1:1"};
  world.options.kv.root_key = "/";
  world.options.kv.fabio_prefix = "";
  CHECK(refused());
  world.options.kv.root_key = "traefik";
  world.start();
  CHECK(run_until(world.loop, [&] { return !world.provider->status().error.empty(); }));
  CHECK(world.provider->status().source == Source::none);
  CHECK(world.seen.definitions.empty());
}

TEST_CASE("kv provider: one blocking recurse query a prefix, whatever lies below it") {
  KvWorld world;
  world.source.set(kTree, kWeb);
  world.start();
  REQUIRE(world.until_routers({"web"}));
  REQUIRE(run_until(world.loop, [&] { return world.source.waiting() == 2; }));
  std::set<std::string> asked;  // in no order: the two wait side by side, and ask again after their wait
  for (const auto& request : world.source.requests) asked.insert(request.path + "?" + request.query_text);
  CHECK(asked == std::set<std::string>{
                     "/v1/kv/fabio/config?recurse=&index=1&wait=600ms", "/v1/kv/fabio/config?recurse=&wait=600ms",
                     "/v1/kv/traefik/?recurse=&index=11&wait=600ms", "/v1/kv/traefik/?recurse=&wait=600ms"});
  CHECK(world.provider->status().source == Source::live);
  CHECK(world.provider->status().services == 1);
  CHECK(world.provider->status().live_endpoints == 1);
}

TEST_CASE("kv provider: names that differ in case only are one, and empty segments are none") {
  KvWorld world;
  world.source.set(kTree, kv_json({{"traefik/HTTP/routers/Web/rule", "Host(`a`)"},
                                   {"traefik/http/Services/app//loadBalancer/servers/0/url", "http://127.0.0.1:1"},
                                   {"traefik/http/routers/web/Service", "app"}}));
  world.start();
  REQUIRE(world.until_routers({"Web"}));
  CHECK(world.seen.definitions.back()->rejected.empty());
  CHECK(world.seen.definitions.back()->services.size() == 1);
}

TEST_CASE("kv provider: a list without end costs its own object, and no memory") {
  KvWorld world;
  std::vector<std::pair<std::string, std::string>> pairs = {
      {"traefik/http/services/app/loadBalancer/servers/0/url", "http://127.0.0.1:1"},
      {"traefik/http/routers/web/middlewares/0", std::string(500'000, ',')}};
  for (const char* name : {"web", "good"}) {
    pairs.emplace_back(std::string("traefik/http/routers/") + name + "/rule", "Host(`a`)");
    pairs.emplace_back(std::string("traefik/http/routers/") + name + "/service", "app");
  }
  world.source.set(kTree, kv_json(pairs));
  world.start();
  REQUIRE(world.until_routers({"good"}));
  CHECK(world.seen.definitions.back()->rejected.size() == 1);
}

TEST_CASE("kv provider: a list stands in the order of its keys' text, and each may hold several, as in Traefik") {
  KvWorld world;
  std::vector<std::pair<std::string, std::string>> pairs = {
      {"traefik/http/routers/web/rule", "Host(`a`)"},
      {"traefik/http/routers/web/service", "app"},
      {"traefik/http/services/app/loadBalancer/servers/0/url", "http://127.0.0.1:1"}};
  for (int i = 0; i <= 10; ++i) {
    pairs.emplace_back("traefik/http/routers/web/middlewares/" + std::to_string(i),
                       i == 2 ? "m2, m2b" : "m" + std::to_string(i));
  }
  world.source.set(kTree, kv_json(pairs));
  world.start();
  REQUIRE(world.until_routers({"web"}));
  const Texts& listed = world.seen.definitions.back()->routers[0].middlewares;
  CHECK(listed == Texts{"m0", "m1", "m10", "m2", "m2b", "m3", "m4", "m5", "m6", "m7", "m8", "m9"});
}

TEST_CASE("kv provider: fabio's prefix is the beginning of keys, and a slash at its end belongs to it") {
  const std::string keys = kv_json({{"fabio/config", "route add a a.test/ http://10.0.0.1:1/\n"},
                                    {"fabio/config/x", "route add b b.test/ http://10.0.0.1:1/\n"},
                                    {"fabio/config2", "route add c c.test/ http://10.0.0.1:1/\n"}});
  auto are_routers = [&](const std::string& prefix, const Texts& names) {
    KvWorld world;
    world.options.kv.root_key = "";
    world.options.kv.fabio_prefix = prefix;
    world.source.set("/v1/kv" + prefix, keys);
    world.start();
    return world.until_routers(names);
  };
  CHECK(are_routers("/fabio/config", {"a.test/", "b.test/", "c.test/"}));
  CHECK(are_routers("/fabio/config/", {"b.test/"}));
}

TEST_CASE("kv provider: both layouts at once, changes arrive, a bad key or line is told with its name") {
  KvWorld world;
  world.source.set(kTree, kWeb);
  world.source.set(kCommands, kv_json({{"fabio/config", "route add b b.test/ http://10.0.0.1:1/\n"},
                                       {"fabio/config/later", "# second\nroute fly\nroute weight b.test/ weight 0.5"},
                                       {"fabio/other", "route add c c.test/ http://10.0.0.1:1/\n"}}));
  world.start();
  REQUIRE(world.until_routers({"web", "b.test/"}));
  REQUIRE(world.seen.definitions.back()->rejected.size() == 1);
  CHECK(world.seen.definitions.back()->rejected[0].origin == "key fabio/config/later:2");
  CHECK(world.seen.definitions.back()->edits.size() == 2);  // for the routes of tags
  world.source.set(kTree, kv_json({{"traefik/http/routers/web/rule", "Host(`a`)"},
                                   {"traefik/http/routers/web/service", "app"},
                                   {"traefik/http/routers/bad/rule", "Host("},
                                   {"traefik/http/routers/bad/service", "app"},
                                   {"traefik/http/routers/new/rule", "Host(`n`)"},
                                   {"traefik/http/routers/new/service", "app"}}));
  REQUIRE(world.until_routers({"new", "web", "b.test/"}));
  CHECK(world.seen.definitions.back()->rejected[0].name == "bad@consulkv");
  CHECK(world.seen.definitions.back()->rejected[0].origin == "key traefik/http/routers/bad");
}

TEST_CASE("kv provider: pain 7, nothing is handed over before every prefix has been read") {
  KvWorld world;
  world.source.set(kTree, kWeb);
  bool broken = true;
  world.source.lie = [&](const http::Request& request, const auto& to) {
    if (!broken || request.path != kCommands) return false;
    to->respond({500, {}, ""});
    return true;
  };
  world.start();
  REQUIRE(run_until(world.loop, [&] { return world.source.waiting() == 1; }));
  run_for(world.loop, 30);
  CHECK(world.seen.definitions.empty());
  CHECK(world.provider->status().source == Source::none);
  broken = false;
  CHECK(world.until_routers({"web"}));
}

TEST_CASE("kv provider: pain 8, no failed or strange answer removes a route, and the truth is heard again afterwards") {
  const std::vector<std::pair<const char*, std::function<void(http::Responder&)>>> lies = {
      {"500",
       [](auto& to) {
         to.respond({500, {}, "no cluster leader"});
       }},
      {"404 without index",
       [](auto& to) {
         to.respond({404, {}, ""});
       }},
      {"403",
       [](auto& to) {
         to.respond({403, {}, "Permission denied"});
       }},
      {"html",
       [](auto& to) {
         to.respond({200, {{"X-Consul-Index", "99"}}, "<html>"});
       }},
      {"empty 200",
       [](auto& to) {
         to.respond({200, {{"X-Consul-Index", "99"}}, "["});
       }},
      {"null",
       [](auto& to) {
         to.respond({200, {{"X-Consul-Index", "99"}}, "null"});
       }},
      {"no base64",
       [](auto& to) {
         to.respond({200, {{"X-Consul-Index", "99"}}, R"([{"Key":"a","Value":"%"}])"});
       }},
      {"no key",
       [](auto& to) {
         to.respond({200, {{"X-Consul-Index", "99"}}, R"([{"Value":null}])"});
       }},
      {"no object", [](auto& to) {
         to.respond({200, {{"X-Consul-Index", "99"}}, "[1]"});
       }}};
  for (const auto& [name, lie] : lies) {
    INFO(name);
    KvWorld world;
    world.source.set(kTree, kWeb);
    world.start();
    REQUIRE(world.until_routers({"web"}));
    REQUIRE(run_until(world.loop, [&] { return world.source.waiting() == 2; }));
    int told = 0;
    world.source.lie = [&](const http::Request&, const auto& to) {
      ++told;
      lie(*to);
      return true;
    };
    world.source.set(kTree, kWeb);  // wakes it with the truth; from then on it hears lies
    REQUIRE(run_until(world.loop, [&] { return told >= 3; }));
    CHECK_FALSE(world.provider->status().error.empty());
    CHECK(world.routers() == Texts{"web"});
    world.source.lie = nullptr;
    world.source.set(
        kTree, kv_json({{"traefik/http/routers/two/rule", "Host(`b`)"}, {"traefik/http/routers/two/service", "app"}}));
    CHECK(world.until_routers({"two"}));
    CHECK(world.provider->status().error.empty());
  }
}

TEST_CASE("kv provider: pain 8, an empty store is held by the brake, and dropped once the hold is over") {
  KvWorld world;
  world.options.safety.hold_ms = 40;
  world.source.set(kTree, kWeb);
  world.start();
  REQUIRE(world.until_routers({"web"}));
  world.source.unset(kTree);
  REQUIRE(run_until(world.loop, [&] { return !world.provider->status().held.empty(); }));
  CHECK(world.routers() == Texts{"web"});
  CHECK(world.until_routers({}));
  CHECK(world.provider->status().held.empty());
}

TEST_CASE("kv provider: pain 5, what was served last is on disk and serves while the store is down") {
  TemporaryFolder folder;
  KvWorld first;
  first.options.safety = {.mass_removal_share_percent = 40, .mass_removal_count_min = 1, .hold_ms = 60'000};
  first.options.data_dir = folder.path;
  first.source.set(kTree, kWeb);
  first.source.set(kCommands, kv_json({{"fabio/config", "route add b b.test/ http://10.0.0.1:1/\n"}}));
  first.start();
  REQUIRE(first.until_routers({"web", "b.test/"}));
  first.source.unset(kTree);  // held: not what should be served after a restart
  first.source.unset(kCommands);
  REQUIRE(run_until(first.loop, [&] { return !first.provider->status().held.empty(); }));
  first.provider.reset();

  KvWorld second;
  second.options.data_dir = folder.path;
  second.source.stop_listening();
  second.start();
  CHECK(second.routers() == Texts{"web", "b.test/"});
  CHECK(second.provider->status().source == Source::disk);
  second.source.set(kTree, kWeb);
  second.source.set(kCommands, kv_json({{"fabio/config", "route add c c.test/ http://10.0.0.1:1/\n"}}));
  second.source.listen_again();
  CHECK(second.until_routers({"web", "c.test/"}));
  CHECK(run_until(second.loop, [&] { return second.provider->status().source == Source::live; }));
}

TEST_CASE("kv provider: pain 36, a token file is read again when the token is refused") {
  TemporaryFolder folder;
  folder.write("token", "old\n");
  KvWorld world;
  world.options.kv.token_file = folder / "token";
  world.source.token = "old";
  world.source.set(kTree, kWeb);
  world.start();
  REQUIRE(world.until_routers({"web"}));
  world.source.token = "new";
  folder.write("token", "new\n");
  world.source.set(
      kTree, kv_json({{"traefik/http/routers/two/rule", "Host(`b`)"}, {"traefik/http/routers/two/service", "app"}}));
  CHECK(world.until_routers({"two"}));
  REQUIRE(run_until(world.loop, [&] { return world.source.waiting() == 2; }));
  CHECK(world.source.requests.back().header("X-Consul-Token") == "new");
}

TEST_CASE("kv provider: datacenter, namespace and consistency go with every query; the second address takes over") {
  KvWorld world;
  world.options.kv.addresses = {"http://127.0.0.1:1", world.source.url()};
  world.options.kv.datacenter = "dc 2";
  world.options.kv.name_space = "team";
  world.options.kv.consistency = config::Consistency::stale;
  world.source.set(kTree, kWeb);
  world.start();
  REQUIRE(world.until_routers({"web"}));
  for (const auto& request : world.source.requests) {
    CHECK(request.query_text.starts_with("dc=dc%202&ns=team&stale=&recurse="));
  }
}

TEST_CASE("kv provider: keys that cannot be read for too long serve nobody, and are back with the next answer") {
  KvWorld world;
  world.options.safety.last_good_age_ms_max = 60;
  world.source.set(kTree, kWeb);
  world.start();
  REQUIRE(world.until_routers({"web"}));
  auto stale = [&] { return world.seen.definitions.back()->services.at(0).endpoints.at(0).stale; };
  run_for(world.loop, 100);  // a query that waits confirms
  CHECK_FALSE(stale());
  world.source.stop_listening();
  REQUIRE(run_until(world.loop, stale));
  CHECK(world.routers() == Texts{"web"});
  CHECK(world.provider->status().stale == Texts{"app"});
  world.source.listen_again();
  REQUIRE(run_until(world.loop, [&] { return !stale(); }));
}

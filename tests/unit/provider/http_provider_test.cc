#include <algorithm>

#include "catch.h"
#include "provider/dynamic_json.h"
#include "scripted_source.h"
#include "weir/provider/providers.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

using Texts = std::vector<std::string>;

std::string document(const std::string& router, const std::string& host) {
  return R"J({"http":{"routers":{")J" + router + R"J(":{"rule":"Host(`)J" + host +
         R"J(`)","service":"app","entryPoints":["web"],"tls":{}}},)J"
         R"J("services":{"app":{"loadBalancer":{"servers":[{"url":"http://127.0.0.1:1"}]}}}}})J";
}

/// A provider, its server and what it handed over, with times made short.
struct HttpWorld {
  event::Loop loop;
  SystemClock clock;
  ScriptedSource source{loop};
  Recorder seen;
  HttpOptions options;
  std::unique_ptr<Provider> provider;

  HttpWorld() {
    options.http.endpoint = source.url() + "/routes.json?for=edge";
    options.http.interval_ms = 5;
    options.http.timeout_ms = 300;
    options.http.body_bytes_max = 100'000;
    options.safety = {.mass_removal_share_percent = 50, .mass_removal_count_min = 4, .hold_ms = 60'000};
    source.set("/routes.json", document("web", "a"));
  }
  ~HttpWorld() {
    source.lie = nullptr;
    provider.reset();
  }
  void start() {
    provider = make_http_provider(loop, clock, options);
    REQUIRE(provider->start(seen));
  }
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

Texts lines(const std::string& body) {
  Texts out;
  auto values = decode_dynamic_document(body);
  if (!values) return {"error: " + values.error().message};
  for (const auto& one : *values) out.push_back(one.place + "=" + one.value);
  return out;
}

}  // namespace

TEST_CASE("dynamic document: every value has its path; empty objects are true, null is nothing") {
  CHECK(lines(R"({"http":{"a":{"x":["p","q"],"n":5,"b":false,"e":{},"z":null,"l":[]}}})") ==
        Texts{"http.a.b=false", "http.a.e=true", "http.a.n=5", "http.a.x.0=p", "http.a.x.1=q"});
  CHECK(lines("{}").empty());
}

TEST_CASE("dynamic document: a whole number may be written with an exponent or a point") {
  const char* body = R"({"a": 1e3, "b": -2.0, "c": 0.5, "d": 7, "e": 1e300})";
  CHECK(lines(body) == Texts{"a=1000", "b=-2", "c=0.5", "d=7", "e=1e+300"});
}

TEST_CASE("dynamic document: what is no JSON object, or nested without end, is an error") {
  for (const char* body : {"", "[]", "null", "1", "{\"a\":", "<html>"}) {
    INFO(body);
    REQUIRE(lines(body).size() == 1);
    CHECK(lines(body)[0].starts_with("error: "));
  }
  std::string deep;
  for (int i = 0; i < 33; ++i) deep += "{\"a\":";
  CHECK(lines(deep + "1" + std::string(33, '}'))[0].starts_with("error: answer: more than 32 levels"));
}

TEST_CASE("http provider: options that cannot work are an error, a server that is down is none") {
  HttpWorld world;
  auto refused = [&] { return !make_http_provider(world.loop, world.clock, world.options)->start(world.seen); };
  world.options.http.endpoint = "ftp://x";
  CHECK(refused());
  world.options.http.endpoint = "http://127.0.0.1:1/";
  for (const char* header : {"no colon", ": x", "A b: c", "A: b\r\nC: d"}) {
    world.options.http.headers = {header};
    CHECK(refused());
  }
  world.options.http.headers = {};
  world.start();
  CHECK(run_until(world.loop, [&] { return !world.provider->status().error.empty(); }));
  CHECK(world.provider->status().source == Source::none);
}

TEST_CASE("http provider: the document is routed, changes arrive, headers and credentials are sent") {
  HttpWorld world;
  world.options.http.headers = {"X-Api-Key: secret", "Accept-Language:de"};
  world.options.http.endpoint = "http://user:pass@" + world.source.url().substr(7) + "/routes.json?for=edge";
  world.start();
  REQUIRE(world.until_routers({"web"}));
  CHECK(world.seen.definitions.back()->routers[0].tls);
  CHECK(world.seen.definitions.back()->routers[0].entry_points == Texts{"web"});
  const http::Request& request = world.source.requests.front();
  CHECK(request.query_text == "for=edge");
  CHECK(request.header("X-Api-Key") == "secret");
  CHECK(request.header("Accept-Language") == "de");
  CHECK(request.header("Authorization") == "Basic dXNlcjpwYXNz");
  CHECK(request.header("If-None-Match").empty());
  world.source.set("/routes.json", document("other", "b"));
  CHECK(world.until_routers({"other"}));
  CHECK(world.provider->status().source == Source::live);
}

TEST_CASE("http provider: credentials in the address may be escaped; those of a header go before them") {
  HttpWorld world;
  const std::string rest = "@" + world.source.url().substr(7) + "/routes.json";
  world.options.http.endpoint = "http://us%40er:p%3A%2fa%20ss" + rest;
  SECTION("escaped") {
    world.start();
    REQUIRE(world.until_routers({"web"}));
    CHECK(world.source.requests.front().header("Authorization") == "Basic " + base64_encode("us@er:p:/a ss"));
  }
  SECTION("a header") {
    world.options.http.headers = {"authorization: Bearer x"};
    world.start();
    REQUIRE(world.until_routers({"web"}));
    const http::HeaderFields& sent = world.source.requests.front().headers;
    auto authorizes = [](const auto& field) { return equals_ignore_case(field.first, "Authorization"); };
    CHECK(std::count_if(sent.begin(), sent.end(), authorizes) == 1);
    CHECK(world.source.requests.front().header("Authorization") == "Bearer x");
  }
}

TEST_CASE("http provider: an ETag is given back, 304 confirms and hands out nothing") {
  HttpWorld world;
  int confirmed = 0;
  world.source.lie = [&](const http::Request& request, const auto& to) {
    if (request.header("If-None-Match") == "\"v1\"") {
      ++confirmed;
      to->respond({304, {}, ""});
    } else {
      to->respond({200, {{"ETag", "\"v1\""}}, document("web", "a")});
    }
    return true;
  };
  world.start();
  REQUIRE(run_until(world.loop, [&] { return confirmed == 3; }));
  CHECK(world.seen.definitions.size() == 1);
  CHECK(world.provider->status().error.empty());
}

TEST_CASE("http provider: pain 8, no failed or strange answer removes a route, and the truth is heard again") {
  const std::vector<std::pair<const char*, std::function<void(http::Responder&)>>> lies = {
      {"500",
       [](auto& to) {
         to.respond({500, {}, "no"});
       }},
      {"404",
       [](auto& to) {
         to.respond({404, {}, ""});
       }},
      {"304 unasked",
       [](auto& to) {
         to.respond({304, {}, ""});
       }},
      {"redirect",
       [](auto& to) {
         to.respond({302, {{"Location", "/"}}, ""});
       }},
      {"html",
       [](auto& to) {
         to.respond({200, {}, "<html>"});
       }},
      {"half",
       [](auto& to) {
         to.respond({200, {}, R"({"http":{)"});
       }},
      {"array",
       [](auto& to) {
         to.respond({200, {}, "[]"});
       }},
      {"nothing",
       [](auto& to) {
         to.respond({200, {}, ""});
       }},
      {"too long", [](auto& to) {
         to.respond({200, {}, "{\"a\":\"" + std::string(100'000, 'x') + "\"}"});
       }}};
  for (const auto& [name, lie] : lies) {
    INFO(name);
    HttpWorld world;
    world.start();
    REQUIRE(world.until_routers({"web"}));
    int told = 0;
    world.source.lie = [&](const http::Request&, const auto& to) {
      ++told;
      lie(*to);
      return true;
    };
    REQUIRE(run_until(world.loop, [&] { return told >= 3; }));
    CHECK_FALSE(world.provider->status().error.empty());
    CHECK(world.routers() == Texts{"web"});
    world.source.lie = nullptr;
    world.source.set("/routes.json", document("other", "b"));
    CHECK(world.until_routers({"other"}));
    CHECK(run_until(world.loop, [&] { return world.provider->status().error.empty(); }));
  }
}

TEST_CASE("http provider: a server that hangs is given up after the timeout and asked again") {
  HttpWorld world;
  world.options.http.timeout_ms = 20;
  world.start();
  REQUIRE(world.until_routers({"web"}));
  std::vector<std::shared_ptr<http::Responder>> held;
  world.source.lie = [&](const http::Request&, const auto& to) {
    held.push_back(to);
    return true;
  };
  REQUIRE(run_until(world.loop, [&] { return held.size() == 3; }));
  CHECK_FALSE(world.provider->status().error.empty());
  CHECK(world.routers() == Texts{"web"});
}

TEST_CASE("http provider: an empty document is held by the brake") {
  HttpWorld world;
  world.start();
  REQUIRE(world.until_routers({"web"}));
  world.source.set("/routes.json", "{}");
  REQUIRE(run_until(world.loop, [&] { return !world.provider->status().held.empty(); }));
  CHECK(world.routers() == Texts{"web"});
  world.source.set("/routes.json", document("web", "a"));
  CHECK(run_until(world.loop, [&] { return world.provider->status().held.empty(); }));
}

TEST_CASE("http provider: pain 5, the last good document is on disk and serves while the server is down") {
  TemporaryFolder folder;
  HttpWorld world;
  world.options.data_dir = folder.path;
  world.start();
  REQUIRE(world.until_routers({"web"}));
  world.provider.reset();
  world.source.stop_listening();
  world.seen.definitions.clear();
  world.start();
  CHECK(world.routers() == Texts{"web"});
  CHECK(world.provider->status().source == Source::disk);
  CHECK(run_until(world.loop, [&] { return !world.provider->status().error.empty(); }));
  world.source.set("/routes.json", document("other", "b"));
  world.source.listen_again();
  CHECK(world.until_routers({"other"}));
  CHECK(run_until(world.loop, [&] { return world.provider->status().source == Source::live; }));
}

TEST_CASE("http provider: pain 17, a bad object of the document is told with its place, the others serve") {
  HttpWorld world;
  world.source.set("/routes.json", R"J({"http":{"routers":{"good":{"rule":"Host(`g`)","service":"s"},
      "bad":{"rule":"Host(","service":"s"},"odd":{"rule":"Host(`o`)","service":"s","priority":"x"}}}})J");
  world.start();
  REQUIRE(world.until_routers({"good"}));
  Texts places;
  for (const auto& one : world.seen.definitions.back()->rejected) places.push_back(one.name + " " + one.origin);
  CHECK(places == Texts{"bad@http http.routers.bad", "odd@http http.routers.odd"});
}

TEST_CASE(
    "http provider: a document that cannot be read for too long serves nobody, from disk neither; then it is back") {
  TemporaryFolder folder;
  HttpWorld world;
  world.options.data_dir = folder.path;
  world.options.safety.last_good_age_ms_max = 60;
  world.start();
  REQUIRE(world.until_routers({"web"}));
  auto stale = [&] { return world.seen.definitions.back()->services.at(0).endpoints.at(0).stale; };
  run_for(world.loop, 100);  // it is confirmed all the time
  CHECK_FALSE(stale());
  world.source.stop_listening();
  REQUIRE(run_until(world.loop, stale));
  CHECK(world.routers() == Texts{"web"});
  CHECK(world.provider->status().stale == Texts{"app"});
  CHECK(world.provider->status().live_endpoints == 0);
  world.provider.reset();
  world.seen.definitions.clear();
  world.start();
  REQUIRE(world.seen.definitions.size() == 1);
  CHECK(stale());
  CHECK(world.provider->status().source == Source::disk);
  world.source.listen_again();
  REQUIRE(run_until(world.loop, [&] { return !stale(); }));
  CHECK(world.provider->status().stale.empty());
}

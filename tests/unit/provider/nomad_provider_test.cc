#include <algorithm>
#include <set>

#include "catch.h"
#include "scripted_source.h"
#include "weir/provider/providers.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

constexpr const char* kNames = "/v1/services";

std::string names(const std::vector<std::string>& services, const std::string& tag = "weir.enable=true") {
  std::string rows;
  for (const std::string& name : services) {
    rows += std::string(rows.empty() ? "" : ",") + R"({"ServiceName":")" + name + R"(","Tags":[")" + tag + "\"]}";
  }
  return R"([{"Namespace":"default","Services":[)" + rows + "]}]";
}

std::string instances(const std::string& service, int count) {
  std::string rows;
  for (int i = 0; i < count; ++i) {
    rows += std::string(rows.empty() ? "" : ",") + R"({"ID":")" + service + "-" + std::to_string(i) +
            R"(","ServiceName":")" + service + R"(","NodeID":"n1","Address":"10.0.0.1","Port":)" +
            std::to_string(8'000 + i) + R"(,"Tags":["weir.enable=true"],"ModifyIndex":1})";
  }
  return "[" + rows + "]";
}

/// A provider, its Nomad and what it handed over, with times made short.
struct NomadWorld {
  event::Loop loop;
  SystemClock clock;
  ScriptedSource source{loop, "X-Nomad-Index"};
  Recorder seen;
  NomadOptions options;
  std::unique_ptr<Provider> provider;

  NomadWorld() {
    source.token_header = "X-Nomad-Token";
    options.nomad.addresses = {source.url()};
    options.nomad.stale = false;
    options.nomad.tag_prefixes = {"weir", "traefik"};
    options.nomad.fabio_tag_prefix = "urlprefix-";
    options.safety = {.mass_removal_share_percent = 50, .mass_removal_count_min = 4, .hold_ms = 60'000};
    options.timing = {.wait_ms = 600,
                      .slack_ms = 100,
                      .immediate_ms = 300,
                      .poll_ms = 20,
                      .backoff_first_ms = 4,
                      .backoff_max_ms = 40};
  }
  ~NomadWorld() {
    source.lie = nullptr;
    provider.reset();
  }
  void put(const std::string& service, int count) { source.set("/v1/service/" + service, instances(service, count)); }
  void start() {
    provider = make_nomad_provider(loop, clock, options);
    REQUIRE(provider->start(seen));
  }
  bool until_text(const std::string& text) {
    return run_until(loop, [&] { return seen.text() == text; });
  }
};

}  // namespace

TEST_CASE("nomad provider: routed services are followed by blocking queries, changes arrive") {
  NomadWorld world;
  world.source.set(kNames, names({"web"}));
  world.put("web", 2);
  world.put("plain", 1);
  world.start();
  REQUIRE(world.until_text("web:web-0,web-1"));
  CHECK(world.seen.snapshots.back()->provider == "nomad");
  CHECK(world.seen.live() == 2);
  REQUIRE(run_until(world.loop, [&] { return world.source.waiting() == 2; }));
  std::set<std::string> asked;  // in no order: the two wait side by side, and ask again after their wait
  for (const auto& request : world.source.requests) asked.insert(request.path + "?" + request.query_text);
  CHECK(asked == std::set<std::string>{"/v1/services?wait=600ms", "/v1/service/web?wait=600ms",
                                       "/v1/services?index=11&wait=600ms", "/v1/service/web?index=12&wait=600ms"});
  world.put("web", 3);
  CHECK(world.until_text("web:web-0,web-1,web-2"));
  world.put("db", 1);
  world.source.set(kNames, names({"web", "db"}));
  CHECK(world.until_text("db:db-0 web:web-0,web-1,web-2"));
  world.source.set(kNames, names({"web"}));
  CHECK(world.until_text("web:web-0,web-1,web-2"));
}

TEST_CASE("nomad provider: pain 14, services above the bound are read when the list's index moves") {
  NomadWorld world;
  world.options.watches_max = 1;
  for (const char* name : {"a", "b", "c"}) world.put(name, 1);
  world.source.set(kNames, names({"a", "b", "c"}));
  world.start();
  REQUIRE(world.until_text("a:a-0 b:b-0 c:c-0"));
  REQUIRE(run_until(world.loop, [&] { return world.source.waiting() == 2; }));
  world.put("c", 2);
  world.source.set(kNames, names({"a", "b", "c"}));  // in Nomad every change moves the one index
  CHECK(world.until_text("a:a-0 b:b-0 c:c-0,c-1"));
  CHECK(world.provider->status().error.empty());  // that there is no stream of events is none
}

namespace {

/// What names the service that has changed, as Nomad does.
std::string event_of(const std::string& service, const std::string& type = "ServiceRegistration") {
  return R"({"Index":100000,"Events":[{"Topic":"Service","Type":")" + type + R"(","Key":"k","Namespace":"default",)" +
         R"("Index":100000,"Payload":{"Service":{"ID":"x","ServiceName":")" + service + R"(","Port":1}}}]})" + "\n";
}

/// With three services, two of them above the bound, and whatever asks for the stream of events.
struct EventWorld : NomadWorld {
  std::vector<std::shared_ptr<http::Responder>> streams;

  EventWorld() {
    options.watches_max = 1;
    source.lie = [this](const http::Request& request, const std::shared_ptr<http::Responder>& to) {
      if (request.path != "/v1/event/stream") return false;
      CHECK(request.query_text == "topic=Service");
      to->start(200, {{"Content-Type", "application/json"}});
      to->write("{}\n");
      streams.push_back(to);
      return true;
    };
    for (const char* name : {"a", "b", "c"}) put(name, 1);
    source.set(kNames, names({"a", "b", "c"}));
    start();
    REQUIRE(until_text("a:a-0 b:b-0 c:c-0"));
    REQUIRE(until_streams(1));
    // Hearing it, all are read once more; from here on only what an event names.
    REQUIRE(run_until(loop, [&] { return asked("/v1/service/b") == 2 && asked("/v1/service/c") == 2; }));
  }
  size_t asked(std::string_view path) const {
    return static_cast<size_t>(std::count_if(source.requests.begin(), source.requests.end(),
                                             [&](const auto& request) { return request.path == path; }));
  }
  bool until_streams(size_t count) {
    return run_until(loop, [&] { return streams.size() >= count; });
  }
};

}  // namespace

TEST_CASE("nomad provider: pain 14, above the bound an event tells of a change that no query shows") {
  EventWorld world;
  world.put("c", 3);  // the list of services stands still
  std::string line = event_of("c");
  world.streams[0]->write(line.substr(0, 50));  // a line may come in pieces, and two at once
  run_for(world.loop, 20);
  world.streams[0]->write(line.substr(50) + event_of("elsewhere"));
  CHECK(world.until_text("a:a-0 b:b-0 c:c-0,c-1,c-2"));
  world.put("b", 2);
  world.streams[0]->write("{}\n" + event_of("b", "ServiceDeregistration"));
  CHECK(world.until_text("a:a-0 b:b-0,b-1 c:c-0,c-1,c-2"));
}

TEST_CASE("nomad provider: a stream of events that ends or breaks is asked for again, and told from then on") {
  EventWorld world;
  world.streams[0]->end();
  REQUIRE(world.until_streams(2));
  world.put("c", 2);
  world.streams[1]->write(event_of("c"));
  CHECK(world.until_text("a:a-0 b:b-0 c:c-0,c-1"));
  world.source.stop_listening();
  world.streams.clear();
  world.source.listen_again();
  REQUIRE(world.until_streams(1));
  world.put("b", 2);
  world.streams[0]->write(event_of("b"));
  CHECK(world.until_text("a:a-0 b:b-0,b-1 c:c-0,c-1"));
}

TEST_CASE("nomad provider: a stream of events that makes no sense is left, and the list of services goes on telling") {
  for (std::string_view line : {"no json\n", "[]\n", "{\"Index\":9,\"Events\":[{\"Topic\":\"Service\"}]}\n"}) {
    INFO(line);
    EventWorld world;
    world.streams[0]->write(line);
    REQUIRE(run_until(world.loop, [&] { return !world.streams[0]->connected(); }));
    world.put("a", 2);
    CHECK(world.until_text("a:a-0,a-1 b:b-0 c:c-0"));
    CHECK(world.streams.size() == 1);
  }
}

TEST_CASE("nomad provider: namespace, region and stale go with every query, the token in Nomad's header") {
  NomadWorld world;
  world.options.nomad.name_space = "team a";
  world.options.nomad.region = "eu";
  world.options.nomad.stale = true;
  world.options.nomad.token = "secret";
  world.source.token = "secret";
  world.source.set(kNames, names({"web"}));
  world.put("web", 1);
  world.start();
  REQUIRE(world.until_text("web:web-0"));
  for (const auto& request : world.source.requests) {
    CHECK(request.query_text.starts_with("namespace=team%20a&region=eu&stale=&"));
    CHECK(request.header("X-Consul-Token").empty());
  }
}

TEST_CASE("nomad provider: pain 9, a service whose query fails keeps what was known of it, the others go on") {
  NomadWorld world;
  world.source.set(kNames, names({"a", "b"}));
  world.put("a", 1);
  world.put("b", 1);
  world.start();
  REQUIRE(world.until_text("a:a-0 b:b-0"));
  world.source.lie = [](const http::Request& request, const auto& to) {
    if (request.path != "/v1/service/a") return false;
    to->respond({500, {}, "rpc error"});
    return true;
  };
  world.put("a", 1);  // wakes its query; the next one fails
  REQUIRE(run_until(world.loop, [&] { return !world.provider->status().error.empty(); }));
  world.put("b", 2);
  CHECK(world.until_text("a:a-0 b:b-0,b-1"));
  CHECK(world.provider->status().error.starts_with("service a: "));
}

TEST_CASE("nomad provider: an empty list is held by the brake") {
  NomadWorld world;
  world.source.set(kNames, names({"web"}));
  world.put("web", 2);
  world.start();
  REQUIRE(world.until_text("web:web-0,web-1"));
  world.source.set(kNames, "[]");
  REQUIRE(run_until(world.loop, [&] { return !world.provider->status().held.empty(); }));
  CHECK(world.seen.live() == 2);
}

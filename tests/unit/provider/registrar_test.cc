#include "weir/provider/registrar.h"

#include "catch.h"
#include <nlohmann/json.hpp>

#include "scripted_catalog.h"

namespace weir::provider {
namespace {

using nlohmann::json;
using test::run_until;
using test::ScriptedCatalog;
using Names = std::set<std::string, std::less<>>;

constexpr std::string_view kRegister = "/v1/agent/service/register";

// An agent that knows what it was told, until it forgets.
struct AgentWorld {
  event::Loop loop;
  SystemClock clock;
  ScriptedCatalog agent{loop};
  config::ConsulConfig consul;
  RegistrarTiming timing{.renew_ms = 5, .pause_first_ms = 1, .pause_max_ms = 5, .answer_ms = 5'000};
  std::map<std::string, json> registered;  // by id
  int renewals = 0;
  int status = 200;  // of every answer where it is another
  std::unique_ptr<Registrar> registrar;

  AgentWorld() {
    consul.addresses = {agent.url()};
    consul.register_address = "10.0.0.5:80";
    consul.register_check_interval_ms = 1'000;
    consul.register_check_timeout_ms = 3'000;
    agent.lie = [this](const http::Request& request, const auto& to) {
      to->respond({answer(request), {}, ""});
      return true;
    };
  }

  int answer(const http::Request& request) {
    if (status != 200) return status;
    if (request.path == kRegister) {
      json body = json::parse(request.body);
      registered[body["ID"]] = body;
      return 200;
    }
    const std::string id = request.path.substr(request.path.rfind('/') + 1);
    if (request.path.starts_with("/v1/agent/service/deregister/")) return registered.erase(id) > 0 ? 200 : 404;
    REQUIRE(request.path.starts_with("/v1/agent/check/pass/"));
    ++renewals;
    return registered.contains(id.substr(0, id.rfind("-ttl"))) ? 200 : 500;
  }

  void start() {
    auto made = make_registrar(loop, clock, consul, timing);
    REQUIRE(made);
    registrar = std::move(*made);
  }
  Names names() const {
    Names out;
    for (const auto& [id, body] : registered) out.insert(body["Name"]);
    return out;
  }
  bool until_names(const Names& wanted) {
    return run_until(loop, [&] { return names() == wanted; });
  }
};

}  // namespace

TEST_CASE("registrar: an address that is none is an error") {
  AgentWorld world;
  for (const char* address : {"", "10.0.0.5", "10.0.0.5:", "10.0.0.5:0", "10.0.0.5:65536", "10.0.0.5:x"}) {
    INFO(address);
    world.consul.register_address = address;
    CHECK_FALSE(make_registrar(world.loop, world.clock, world.consul));
  }
  world.consul.register_address = ":80";
  world.consul.addresses = {};
  CHECK_FALSE(make_registrar(world.loop, world.clock, world.consul));
}

TEST_CASE("registrar: names that routes ask for come and go; each says where the edge is and that it is renewed") {
  AgentWorld world;
  world.consul.token = "secret";
  world.consul.register_tags = {"edge"};
  world.start();
  world.registrar->want({"shop", "blog"});
  REQUIRE(world.until_names({"blog", "shop"}));
  const json& one = world.registered.at("shop-10.0.0.5-80");
  CHECK(one["Address"] == "10.0.0.5");
  CHECK(one["Port"] == 80);
  CHECK(one["Tags"] == json({"edge"}));
  REQUIRE(one["Checks"].size() == 1);
  CHECK(one["Checks"][0]["TTL"] == "15s");
  CHECK(one["Checks"][0]["Status"] == "passing");
  CHECK(one["Checks"][0]["DeregisterCriticalServiceAfter"] == "1m");
  for (const http::Request& request : world.agent.requests) {
    CHECK(request.method == "PUT");
    CHECK(request.header("X-Consul-Token") == "secret");
  }
  REQUIRE(run_until(world.loop, [&] { return world.renewals >= 6; }));
  world.registrar->want({"blog"});
  CHECK(world.until_names({"blog"}));
}

TEST_CASE("registrar: the edge's own name, an HTTP check, the agent's own address, no route to itself") {
  AgentWorld world;
  world.consul.register_address = ":8080";
  world.consul.register_name = "edge";
  world.consul.register_check_url = "http://127.0.0.1:8081/ready";
  world.consul.exposed_by_default = true;
  world.consul.tag_prefixes = {"weir", "traefik"};
  world.start();
  REQUIRE(world.until_names({"edge"}));
  const json& one = world.registered.begin()->second;
  CHECK_FALSE(one.contains("Address"));
  CHECK(one["Port"] == 8080);
  CHECK(one["Tags"] == json({"weir.enable=false"}));
  REQUIRE(one["Checks"].size() == 2);
  CHECK(one["Checks"][1]["HTTP"] == "http://127.0.0.1:8081/ready");
  CHECK(one["Checks"][1]["Interval"] == "1000ms");
  CHECK(one["Checks"][1]["Timeout"] == "3000ms");
}

TEST_CASE("registrar: an agent that loses its state is told again; one that is down is tried again") {
  AgentWorld world;
  world.start();
  world.registrar->want({"shop"});
  REQUIRE(world.until_names({"shop"}));
  world.registered.clear();
  REQUIRE(world.until_names({"shop"}));
  world.agent.stop_listening();
  world.registered.clear();
  world.registrar->want({"shop", "blog"});
  test::run_for(world.loop, 30);
  CHECK(world.registered.empty());
  world.agent.listen_again();
  CHECK(world.until_names({"blog", "shop"}));
}

TEST_CASE("registrar: a refusal is tried again, and heard by nobody else") {
  AgentWorld world;
  world.status = 403;
  world.start();
  world.registrar->want({"shop"});
  REQUIRE(run_until(world.loop, [&] { return world.agent.count(kRegister) >= 3; }));
  CHECK(world.registrar->registered_count() == 0);
  world.status = 200;
  REQUIRE(world.until_names({"shop"}));
  CHECK(run_until(world.loop, [&] { return world.registrar->registered_count() == 1; }));
}

TEST_CASE("registrar: all names are taken back at the end; a dead agent is not waited for, a silent one not long") {
  AgentWorld world;
  world.consul.register_name = "edge";
  bool done = false;
  SECTION("all is well") {
    world.start();
    world.registrar->want({"shop", "blog"});
    REQUIRE(world.until_names({"blog", "edge", "shop"}));
    world.registrar->stop([&] { done = true; });
    REQUIRE(run_until(world.loop, [&] { return done; }));
    CHECK(world.registered.empty());
    world.registrar->want({"late"});
    test::run_for(world.loop, 20);
    CHECK(world.registered.empty());
  }
  SECTION("nobody listens") {
    world.agent.stop_listening();
    world.timing.farewell_ms = 60'000;
    world.timing.pause_first_ms = world.timing.pause_max_ms = 60'000;
    world.start();
    test::run_for(world.loop, 20);
    world.registrar->stop([&] { done = true; });
    CHECK(run_until(world.loop, [&] { return done; }));
  }
  SECTION("silence") {
    world.timing.farewell_ms = 20;
    world.start();
    REQUIRE(world.until_names({"edge"}));
    std::vector<std::shared_ptr<http::Responder>> kept;
    world.agent.lie = [&](const http::Request&, const auto& to) {
      kept.push_back(to);
      return true;
    };
    world.registrar->stop([&] { done = true; });
    CHECK(run_until(world.loop, [&] { return done; }));
  }
}

TEST_CASE("registrar: more names than the limit are left out, and no more") {
  AgentWorld world;
  world.timing.renew_ms = 60'000;
  world.start();
  Names names;
  for (size_t i = 0; i <= Registrar::kNamesMax; ++i) names.insert("n" + std::to_string(1000 + i));
  world.registrar->want(names);
  REQUIRE(run_until(world.loop, [&] { return world.registered.size() >= Registrar::kNamesMax; }));
  test::run_for(world.loop, 20);
  CHECK(world.registered.size() == Registrar::kNamesMax);
  CHECK_FALSE(world.names().contains("n" + std::to_string(1000 + Registrar::kNamesMax)));
}

}  // namespace weir::provider

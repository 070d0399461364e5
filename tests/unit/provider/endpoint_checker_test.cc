// The checker of endpoints: what it asks, whom, and what becomes of a table.

#include "weir/provider/endpoint_checker.h"

#include <sys/resource.h>

#include "catch.h"
#include "scripted_catalog.h"
#include "weir/event/listener.h"

using namespace weir;
using namespace weir::provider;
using namespace weir::provider::test;

namespace {

using State = routing::Endpoint::State;
using routing::HealthCheck;
constexpr uint64_t kNever = 3'600'000;

routing::EndpointDefinition at(uint16_t port) {
  routing::EndpointDefinition out;
  out.host = "127.0.0.1";
  out.port = port;
  return out;
}

/// An upstream that answers as it is told, and knows what it was asked.
struct Upstream {
  std::unique_ptr<http::Server> server;
  std::vector<http::Request> requests;
  http::Server::Handler handler = [](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->respond({200, {}, "fine"});
  };

  explicit Upstream(event::Loop& loop) {
    server = http::Server::listen(loop, SocketAddress::parse("127.0.0.1:0").value(),
                                  [this](http::Request request, std::shared_ptr<http::Responder> responder) {
                                    requests.push_back(request);
                                    handler(std::move(request), std::move(responder));
                                  })
                 .value();
  }
  void answer(int status, const std::string& location = "") {
    handler = [=](http::Request, std::shared_ptr<http::Responder> responder) {
      http::HeaderFields headers;
      if (!location.empty()) headers.emplace_back("Location", location);
      responder->respond({status, headers, "body"});
    };
  }
  [[nodiscard]] uint16_t port() const { return server->address().port; }
};

/// Takes connections and says nothing, or closes them.
struct Mute {
  std::vector<event::TcpStream> streams;
  std::optional<event::Listener> listener;

  Mute(event::Loop& loop, bool closes) {
    listener = event::Listener::listen(loop, {.address = SocketAddress::parse("127.0.0.1:0").value()},
                                       [this, closes](event::TcpStream stream) {
                                         if (!closes) streams.push_back(std::move(stream));
                                       })
                   .value();
  }
  [[nodiscard]] uint16_t port() const { return listener->address().port; }
};

struct World {
  event::Loop loop;
  SystemClock clock;
  EndpointChecker::Options options;
  std::shared_ptr<const tls::ClientMaterial> material;  // null: no TLS
  std::shared_ptr<const routing::DefinitionSet> set;
  std::shared_ptr<const routing::RoutingTable> table;
  routing::HealthVerdicts verdicts;
  size_t told = 0;
  std::optional<EndpointChecker> checker;

  void start() {
    checker.emplace(
        loop, clock, options, [this](const std::string&) { return material.get(); },
        [this](const routing::HealthVerdicts& all, uint64_t) {
          verdicts = all;
          ++told;
          build();
        });
    verdicts = checker->verdicts();
  }
  void build() {
    table = routing::build_table(std::vector{set}, table, verdicts).table;
    checker->use_table(*table);
  }
  /// Service "s" at these ports, or none.
  void serve(const std::vector<uint16_t>& ports, const HealthCheck& check, const std::string& scheme = "http",
             const std::string& instance = "") {
    routing::Definitions all;
    all.provider = "file";
    if (!ports.empty()) {
      routing::ServiceDefinition service;
      service.name = "s";
      service.health_check = routing::HealthCheckRef(check);
      for (uint16_t port : ports) {
        routing::EndpointDefinition& made = service.endpoints.emplace_back(at(port));
        made.scheme = scheme;
        made.instance_id = instance;
      }
      all.services.push_back(std::move(service));
    }
    set = routing::share("file", {std::make_shared<const routing::Definitions>(std::move(all))}, set.get());
    if (!checker) start();
    build();
  }
  [[nodiscard]] const routing::Endpoint& endpoint(uint16_t port) const {
    const auto* service = table->services().find("s@file");
    for (const auto& one : (*service)->endpoints) {
      if (one.port == port) return one;
    }
    throw std::runtime_error("no such endpoint");
  }
  [[nodiscard]] State state(uint16_t port) const { return endpoint(port).state; }
  [[nodiscard]] std::string error(uint16_t port) const {
    const EndpointReport* report = checker->report("s@file", endpoint(port).id);
    return report != nullptr ? report->error : "no report";
  }
  bool until(const std::function<bool()>& done) { return run_until(loop, done); }
};

/// One check, and the next one in an hour.
HealthCheck once() {
  HealthCheck out;
  out.interval_ms = kNever;
  out.timeout_ms = 10'000;
  return out;
}

HealthCheck often() {
  HealthCheck out = once();
  out.interval_ms = 1;
  return out;
}

}  // namespace

TEST_CASE(
    "checker: pain 20, probing: new endpoints are asked at once and get requests when others are up only after that") {
  World world;
  Upstream a(world.loop);
  Upstream b(world.loop);
  std::shared_ptr<http::Responder> starting;
  b.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) { starting = std::move(responder); };
  world.serve({a.port()}, once());
  CHECK(world.state(a.port()) == State::probing);
  CHECK(world.endpoint(a.port()).live);
  REQUIRE(world.until([&] { return world.state(a.port()) == State::up; }));
  world.serve({a.port(), b.port()}, once());
  REQUIRE(world.until([&] { return starting != nullptr; }));
  CHECK(world.state(a.port()) == State::up);
  CHECK(world.state(b.port()) == State::probing);
  CHECK_FALSE(world.endpoint(b.port()).live);
  starting->respond({200, {}, ""});
  REQUIRE(world.until([&] { return world.state(b.port()) == State::up; }));
  CHECK(world.endpoint(b.port()).live);
  CHECK(a.requests.size() == 1);
}

TEST_CASE("checker: who closes, refuses, answers badly or redirects in a loop is unhealthy, and it says why") {
  World world;
  Upstream bad(world.loop);
  bad.answer(500);
  Upstream loops(world.loop);
  loops.answer(302, "/again");
  Upstream lost(world.loop);
  lost.answer(302, "ftp://elsewhere/");
  Mute closing(world.loop, true);
  auto refusing = std::make_unique<Mute>(world.loop, true);
  const uint16_t refused = refusing->port();
  refusing.reset();
  world.serve({bad.port(), loops.port(), lost.port(), closing.port(), refused}, once());
  auto all_failed = [&] {
    const auto& all = (*world.table->services().find("s@file"))->endpoints;
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return one.state == State::unhealthy; });
  };
  REQUIRE(world.until(all_failed));
  CHECK(world.error(bad.port()) == "status 500");
  CHECK(world.error(loops.port()) == "stopped after 10 redirects");
  CHECK(loops.requests.size() == 11);
  CHECK(world.error(lost.port()) == "a redirect to \"ftp://elsewhere/\"");
  CHECK(world.error(closing.port()) != "");
  CHECK(world.error(refused).find("refused") != std::string::npos);
  CHECK_FALSE(world.endpoint(bad.port()).live);
  CHECK(world.checker->counts().failed == 5);
  CHECK(world.checker->counts().running == 0);
}

TEST_CASE("checker: who is silent is unhealthy when its time is over") {
  World world;
  Mute silent(world.loop, false);
  HealthCheck check = once();
  check.timeout_ms = 30;
  world.serve({silent.port()}, check);
  REQUIRE(world.until([&] { return world.state(silent.port()) == State::unhealthy; }));
  CHECK(world.error(silent.port()).find(" within ") != std::string::npos);
  CHECK_FALSE(world.endpoint(silent.port()).live);
}

TEST_CASE("checker: an endless body is no matter, its head says it") {
  World world;
  Upstream endless(world.loop);
  std::shared_ptr<http::Responder> kept;
  bool gone = false;
  endless.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->start(200, {});
    responder->write(std::string(1'000'000, 'x'));
    responder->on_disconnect([&] { gone = true; });
    kept = std::move(responder);
  };
  world.serve({endless.port()}, once());
  REQUIRE(world.until([&] { return world.state(endless.port()) == State::up; }));
  CHECK(world.until([&] { return gone; }));
}

TEST_CASE("checker: an endpoint that hangs in its handshake is unhealthy, and so is one without its transport") {
  World world;
  Mute silent(world.loop, false);
  HealthCheck check = once();
  check.timeout_ms = 100;
  world.serve({silent.port()}, check, "https");
  REQUIRE(world.until([&] { return world.state(silent.port()) == State::unhealthy; }));
  CHECK(world.error(silent.port()) == "there is no serversTransport default");
  CHECK(silent.streams.empty());

  tls::ClientOptions options;
  options.insecure_skip_verify = true;
  world.material = std::make_shared<const tls::ClientMaterial>(tls::ClientMaterial{options, "", {}});
  check.timeout_ms = 150;  // another check: it is asked at once
  world.serve({silent.port()}, check, "https");
  REQUIRE(world.until([&] { return world.error(silent.port()).find("within 150 ms") != std::string::npos; }));
  CHECK(world.state(silent.port()) == State::unhealthy);
}

TEST_CASE("checker: what is asked is what the check says") {
  World world;
  Upstream upstream(world.loop);
  upstream.answer(201);
  HealthCheck check = once();
  check.path = "/up?deep=1";
  check.method = "HEAD";
  check.hostname = "shop.test";
  check.port = upstream.port();
  check.status = 201;
  check.headers = {{"x-token", "secret"}, {"user-agent", "mine"}};
  world.serve({1}, check);
  REQUIRE(world.until([&] { return world.state(1) == State::up; }));
  REQUIRE(upstream.requests.size() == 1);
  const http::Request& asked = upstream.requests[0];
  CHECK(asked.method == "HEAD");
  CHECK(asked.path == "/up");
  CHECK(asked.query_text == "deep=1");
  CHECK(asked.header("host") == "shop.test");
  CHECK(asked.header("x-token") == "secret");
  CHECK(asked.header("user-agent") == "mine");

  check.status = 200;
  world.serve({1}, check);
  REQUIRE(world.until([&] { return world.state(1) == State::unhealthy; }));
  CHECK(world.error(1) == "status 201, expected 200");
}

TEST_CASE("checker: redirects are followed unless they are not to be") {
  World world;
  Upstream first(world.loop);
  Upstream second(world.loop);
  first.answer(307, "http://127.0.0.1:" + std::to_string(second.port()) + "/there");
  second.answer(404);
  HealthCheck check = once();
  check.hostname = "a.test";
  world.serve({first.port()}, check);
  REQUIRE(world.until([&] { return world.state(first.port()) == State::unhealthy; }));
  REQUIRE(second.requests.size() == 1);
  CHECK(second.requests[0].path == "/there");
  CHECK(second.requests[0].header("host") == "127.0.0.1:" + std::to_string(second.port()));
  check.follow_redirects = false;
  world.serve({first.port()}, check);
  REQUIRE(world.until([&] { return world.state(first.port()) == State::up; }));
  CHECK(second.requests.size() == 1);
}

TEST_CASE("checker: one that flaps is up and down with each result, and is asked at its two intervals") {
  World world;
  Upstream upstream(world.loop);
  int asked = 0;
  upstream.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->respond({++asked % 2 == 0 ? 503 : 200, {}, ""});
  };
  HealthCheck check = often();
  check.unhealthy_interval_ms = 2;
  world.serve({upstream.port()}, check);
  std::vector<State> seen = {State::probing};
  REQUIRE(world.until([&] {
    if (world.state(upstream.port()) != seen.back()) seen.push_back(world.state(upstream.port()));
    return seen.size() >= 5;
  }));
  CHECK(asked >= 4);
}

TEST_CASE("checker: results that say the same change nothing") {
  World world;
  Upstream upstream(world.loop);
  world.serve({upstream.port()}, often());
  REQUIRE(world.until([&] { return world.state(upstream.port()) == State::up; }));
  const auto table = world.table;
  const size_t told = world.told;
  REQUIRE(world.until([&] { return upstream.requests.size() >= 5; }));
  CHECK(world.table == table);
  CHECK(world.told == told);
}

TEST_CASE("checker: the first of a service to pass does not get all requests while the others are being asked") {
  World world;
  Upstream quick(world.loop);
  Upstream slow(world.loop);
  Upstream bad(world.loop);
  bad.answer(500);
  std::shared_ptr<http::Responder> asked;
  slow.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) { asked = std::move(responder); };
  world.serve({quick.port(), slow.port(), bad.port()}, once());
  REQUIRE(world.until([&] { return asked != nullptr && world.checker->counts().passed == 1; }));
  CHECK(world.state(quick.port()) == State::probing);
  CHECK(world.endpoint(quick.port()).live);
  CHECK(world.endpoint(slow.port()).live);
  asked->respond({200, {}, ""});
  REQUIRE(world.until([&] { return world.state(slow.port()) == State::up; }));
  CHECK(world.state(quick.port()) == State::up);
  CHECK(world.state(bad.port()) == State::unhealthy);
}

TEST_CASE("checker: who passes waits for a silent one no longer than a moment, and who fails is told at once") {
  World world;
  Mute silent(world.loop, false);
  Upstream fine(world.loop);
  Upstream bad(world.loop);
  bad.answer(500);
  world.serve({silent.port(), fine.port(), bad.port()}, once());
  REQUIRE(world.until([&] { return world.state(bad.port()) == State::unhealthy; }));
  CHECK(world.endpoint(silent.port()).live);
  REQUIRE(world.until([&] { return world.state(fine.port()) == State::up; }));
  CHECK(world.state(silent.port()) == State::probing);
  CHECK_FALSE(world.endpoint(silent.port()).live);
}

TEST_CASE("checker: a service that vanishes takes its checks with it, and comes back as a new one") {
  World world;
  Mute silent(world.loop, false);
  Upstream upstream(world.loop);
  world.serve({silent.port(), upstream.port()}, once());
  REQUIRE(world.until([&] { return world.state(upstream.port()) == State::up && silent.streams.size() == 1; }));
  CHECK(world.checker->counts().running == 1);
  world.serve({}, once());
  CHECK(world.checker->counts().running == 0);
  CHECK(world.checker->counts().endpoints == 0);
  CHECK(world.checker->report("s@file", "http://127.0.0.1:" + std::to_string(upstream.port())) == nullptr);
  REQUIRE(world.until([&] { return world.verdicts.services.empty(); }));
  upstream.handler = [](http::Request, std::shared_ptr<http::Responder>) {};  // 500
  world.serve({upstream.port()}, once());
  CHECK(world.state(upstream.port()) == State::probing);
  REQUIRE(world.until([&] { return world.state(upstream.port()) == State::unhealthy; }));
}

TEST_CASE("checker: what is known of an endpoint outlives changes of its check; another instance is another endpoint") {
  World world;
  Upstream upstream(world.loop);
  world.serve({upstream.port()}, once(), "http", "a");
  REQUIRE(world.until([&] { return world.state(upstream.port()) == State::up; }));
  std::shared_ptr<http::Responder> asked;
  upstream.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) { asked = std::move(responder); };
  HealthCheck changed = once();
  changed.path = "/other";
  world.serve({upstream.port()}, changed, "http", "a");
  REQUIRE(world.until([&] { return asked != nullptr; }));
  CHECK(upstream.requests.back().path == "/other");
  CHECK(world.state(upstream.port()) == State::up);
  asked->respond({500, {}, ""});
  asked.reset();
  REQUIRE(world.until([&] { return world.state(upstream.port()) == State::unhealthy; }));

  world.serve({upstream.port()}, changed, "http", "b");
  CHECK(world.state(upstream.port()) == State::probing);
  REQUIRE(world.until([&] { return asked != nullptr; }));
  asked->respond({200, {}, ""});
  REQUIRE(world.until([&] { return world.state(upstream.port()) == State::up; }));
}

TEST_CASE("checker: a thousand endpoints are asked, so many at once and no more") {
  World world;
  world.options.concurrent_max = 16;
  Upstream upstream(world.loop);
  std::vector<std::shared_ptr<http::Responder>> open;
  size_t most = 0;
  upstream.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    open.push_back(std::move(responder));
    most = std::max(most, open.size());
  };
  HealthCheck check = once();
  check.port = upstream.port();
  std::vector<uint16_t> ports;
  for (uint16_t port = 1; port <= 1000; ++port) ports.push_back(port);
  world.serve(ports, check);
  CHECK(world.checker->counts().running == 12);  // three quarters: nobody is known to fail
  CHECK(world.checker->counts().waiting == 988);
  REQUIRE(world.until([&] {
    for (auto& responder : std::exchange(open, {})) responder->respond({200, {}, ""});
    return world.checker->counts().passed == 1000;
  }));
  CHECK(most <= 12);
  REQUIRE(world.until([&] { return world.verdicts.services.size() == 1 && world.state(1000) == State::up; }));
  REQUIRE(world.until([&] { return world.state(1) == State::up && world.checker->counts().waiting == 0; }));
}

TEST_CASE("checker: those that fail leave room for those that have just come") {
  World world;
  world.options.concurrent_max = 4;
  Mute silent(world.loop, false);
  Upstream upstream(world.loop);
  upstream.answer(500);
  HealthCheck failing = often();
  failing.port = upstream.port();
  std::vector<uint16_t> ports = {1, 2, 3, 4, 5, 6, 7, 8};
  world.serve(ports, failing);
  REQUIRE(world.until([&] { return world.state(1) == State::unhealthy && world.state(8) == State::unhealthy; }));
  std::vector<std::shared_ptr<http::Responder>> kept;
  // From now on they hang, each for as long as it may.
  upstream.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    kept.push_back(std::move(responder));
  };
  REQUIRE(world.until([&] { return world.checker->counts().running == 2 && world.checker->counts().waiting >= 1; }));
  Upstream fine(world.loop);
  routing::Definitions other;
  other.provider = "file";
  routing::ServiceDefinition service;
  service.name = "t";
  service.health_check = routing::HealthCheckRef(once());
  service.endpoints.push_back(at(fine.port()));
  other.services.push_back(service);
  auto both = std::make_shared<routing::DefinitionSet>(*world.set);
  auto added = routing::share("file", {std::make_shared<const routing::Definitions>(other)}, nullptr);
  both->services = both->services.edited({{"t", *added->services.find("t")}});
  world.set = both;
  world.build();
  REQUIRE(world.until([&] { return fine.requests.size() == 1; }));
  CHECK(world.checker->counts().running <= 3);
}

TEST_CASE("checker: a timeout that a busy loop has noticed late is tried once more") {
  World world;
  Mute silent(world.loop, false);
  HealthCheck check = once();
  check.timeout_ms = 20;
  event::Timer busy(world.loop, [&] {
    const uint64_t until_ms = world.clock.monotonic_ms() + 150;
    while (world.clock.monotonic_ms() < until_ms) {
    }
  });
  busy.start_once(1);
  world.serve({silent.port()}, check);
  REQUIRE(world.until([&] { return world.state(silent.port()) == State::unhealthy; }));
  CHECK(world.checker->counts().late == 1);
  CHECK(world.checker->counts().failed == 1);
}

TEST_CASE("checker: without a descriptor left nobody becomes unhealthy, and checks go on afterwards") {
  World world;
  Upstream upstream(world.loop);
  HealthCheck check = often();
  check.interval_ms = 20;  // so that there are moments
  world.serve({upstream.port()}, check);
  // in which none is under way: the upstream is this process, and could not accept it.
  REQUIRE(
      world.until([&] { return world.state(upstream.port()) == State::up && world.checker->counts().running == 0; }));
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = 3;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool seen = world.until([&] { return world.checker->counts().undecided >= 2; });
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE(seen);
  CHECK(world.state(upstream.port()) == State::up);
  const size_t passed = world.checker->counts().passed;
  REQUIRE(world.until([&] { return world.checker->counts().passed >= passed + 2; }));
  CHECK(world.state(upstream.port()) == State::up);
  CHECK(world.checker->counts().failed == 0);
}

TEST_CASE("checker: gRPC's question goes out on HTTP/2, and a server without it is unhealthy") {
  World world;
  Upstream upstream(world.loop);
  HealthCheck check = once();
  check.mode = HealthCheck::Mode::grpc;
  world.serve({upstream.port()}, check);
  REQUIRE(world.until([&] { return world.state(upstream.port()) == State::unhealthy; }));
  CHECK(world.error(upstream.port()) != "");
}

TEST_CASE("checker: with new_are_up an endpoint serves until a check has failed, as in Traefik") {
  World world;
  world.options.new_are_up = true;
  Upstream upstream(world.loop);
  upstream.answer(500);
  world.serve({upstream.port()}, once());
  CHECK(world.state(upstream.port()) == State::up);
  REQUIRE(world.until([&] { return world.state(upstream.port()) == State::unhealthy; }));
}

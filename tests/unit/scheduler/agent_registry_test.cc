#include "agent_doubles.h"
#include "agent_fixture.h"
#include "catch.h"
#include "scheduler/agent/registry_sync.h"

using namespace weir;
using namespace weir::scheduler;

namespace {

ServiceRegistration service(const std::string& id, std::vector<std::string> tags = {}) {
  ServiceRegistration out{.id = std::string(kServiceIdPrefix) + id, .name = id, .tags = std::move(tags)};
  out.address = "127.0.0.2";
  out.port = 20001;
  out.meta = {{std::string(kNodeMetaKey), "node-1"}};
  return out;
}

struct Fixture {
  event::Loop loop;
  Trace trace;
  ScriptedRegistry registry{loop, trace};
  http::Client client{loop};
  std::unique_ptr<RegistrySync> sync;

  void start(uint64_t full_sync_ms = 20, uint64_t leftovers_after_ms = 60'000) {
    sync = std::make_unique<RegistrySync>(loop, client,
                                          RegistrySync::Options{.registry = registry.url(),
                                                                .node_id = "node-1",
                                                                .full_sync_ms = full_sync_ms,
                                                                .leftovers_after_ms = leftovers_after_ms,
                                                                .call_timeout_ms = 300});
  }
  bool wait_count(size_t count) {
    return run_until(loop, [&] { return registry.service_count() == count; });
  }
  void run_for_ms(uint64_t ms) {
    event::Timer over(loop, [&] { loop.stop(); });
    over.start_once(ms);
    loop.run();
  }
};

}  // namespace

TEST_CASE("registry sync: a registry that lost everything gets it back") {
  Fixture test;
  test.start();
  test.sync->put(service("a"));
  test.sync->put(service("b"));
  REQUIRE(test.wait_count(2));
  test.registry.forget_all();
  CHECK(test.wait_count(2));
}

TEST_CASE("registry sync: what is registered as wanted is left alone, changed content is registered again") {
  Fixture test;
  test.start(5);
  test.sync->put(service("a", {"t"}));
  REQUIRE(run_until(test.loop, [&] { return test.sync->confirmed(service("a").id); }));
  test.sync->put(service("a", {"t"}));
  test.run_for_ms(60);  // a dozen comparisons
  CHECK(test.registry.registrations() == 1);
  test.sync->put(service("a", {"t", "u"}));
  CHECK_FALSE(test.sync->confirmed(service("a").id));
  REQUIRE(run_until(test.loop, [&] { return test.registry.registrations() == 2; }));
}

TEST_CASE("registry sync: leftovers of this node go after a while, those of others stay") {
  Fixture test;
  std::string prefix(kServiceIdPrefix);
  test.registry.add_foreign(prefix + "mine", "node-1");
  test.registry.add_foreign(prefix + "of-another-node", "node-2");
  test.registry.add_foreign("by-hand", "node-1");
  SECTION("not before its time") {
    test.start(5, 60'000);
    test.run_for_ms(60);
    CHECK(test.registry.service_count() == 3);
  }
  SECTION("then") {
    test.start(5, 30);
    REQUIRE(test.wait_count(2));
    CHECK_FALSE(test.registry.has("mine"));
  }
}

TEST_CASE("registry sync: a registration under way is finished before the deregistration goes out") {
  Fixture test;
  test.start(60'000);
  test.registry.set_delay_ms(50);
  test.sync->put(service("a"));
  REQUIRE(run_until(test.loop, [&] { return position(test.trace, "registry asked") < test.trace.size(); }));
  std::optional<Status> withdrawn;
  auto withdrawal = test.sync->withdraw({service("a").id}, [&](const Status& status) { withdrawn = status; });
  REQUIRE(run_until(test.loop, [&] { return withdrawn.has_value(); }));
  CHECK(withdrawn->has_value());
  CHECK(test.registry.service_count() == 0);
  CHECK(test.trace == Trace{"registry asked", "register a", "registry asked", "deregister"});
}

TEST_CASE("registry sync: a withdrawal that is given up still deregisters, and calls nobody") {
  Fixture test;
  test.start(60'000);
  test.sync->put(service("a"));
  REQUIRE(test.wait_count(1));
  bool called = false;
  {
    auto withdrawal = test.sync->withdraw({service("a").id}, [&](const Status&) { called = true; });
  }
  REQUIRE(test.wait_count(0));
  CHECK_FALSE(called);
}

TEST_CASE("registry sync: nothing to withdraw is a success, but never within the call") {
  Fixture test;
  test.start(60'000);
  int calls = 0;
  auto withdrawal = test.sync->withdraw({}, [&](const Status& status) { calls += status ? 1 : 100; });
  CHECK(calls == 0);
  REQUIRE(run_until(test.loop, [&] { return calls > 0; }));
  CHECK(calls == 1);
}

TEST_CASE("registry sync: a registry that is away at first is tried until it comes") {
  Fixture test;
  test.registry.set_manner(ScriptedRegistry::Manner::refuses);
  test.start(60'000);
  test.sync->put(service("a"));
  REQUIRE(run_until(test.loop, [&] { return position(test.trace, "registry refuses") < test.trace.size(); }));
  CHECK_FALSE(test.sync->confirmed(service("a").id));
  test.registry.set_manner(ScriptedRegistry::Manner::answers);
  CHECK(test.wait_count(1));
}

TEST_CASE("registry sync: the end of the agent takes nothing out") {
  Fixture test;
  test.start();
  test.sync->put(service("a"));
  REQUIRE(test.wait_count(1));
  test.sync.reset();
  test.run_for_ms(50);
  CHECK(test.registry.service_count() == 1);
}

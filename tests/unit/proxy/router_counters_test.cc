#include "proxy/router_counters.h"

#include <map>

#include "catch.h"
#include "proxy/service_cache.h"

using namespace weir;
using namespace weir::proxy;

namespace {
std::shared_ptr<const routing::RoutingTable> table_of(const std::vector<std::string>& hosts,
                                                      const std::shared_ptr<const routing::RoutingTable>& previous) {
  auto said = std::make_shared<routing::Definitions>();
  said->provider = "file";
  for (const std::string& host : hosts) {
    routing::RouterDefinition router;
    router.name = host;
    router.rule = "Host(`" + host + "`)";
    router.service = "s";
    said->routers.push_back(router);
  }
  said->services.push_back({"s", {}, true, "wrr", {}});
  return routing::build_table(std::vector<std::shared_ptr<const routing::Definitions>>{said}, previous).table;
}

void count(RouterCounters& counters, const routing::RoutingTable& table, const std::string& name,
           uint16_t status = 200) {
  const routing::Router& router = **table.routers().find(name);
  counters.prefetch_place(router);
  counters.prefetch_series(router);
  counters.count(router, {status, http::Method::get, RequestProtocol::http, 10, 0, 0});
}

uint64_t counted(const RouterCounters& counters, const std::string& name) {
  Stats out;
  counters.add_to(out);
  auto found = out.routers.find(name);
  return found == out.routers.end() ? 0 : found->second.requests.requests();
}
}  // namespace

TEST_CASE("router counters: each router has its own, over all tables") {
  RouterCounters counters;
  auto first = table_of({"a", "b"}, nullptr);
  count(counters, *first, "a@file");
  count(counters, *first, "b@file");
  auto second = table_of({"a", "b", "c"}, first);
  count(counters, *second, "a@file");
  count(counters, *second, "c@file");
  CHECK(counted(counters, "a@file") == 2);
  CHECK(counted(counters, "b@file") == 1);
  CHECK(counted(counters, "c@file") == 1);
  Stats out;
  counters.add_to(out);
  CHECK(out.routers["a@file"].service == "s@file");
}

TEST_CASE("router counters: of many statuses each has its own count, however they follow one another") {
  RouterCounters counters;
  auto table = table_of({"a"}, nullptr);
  std::map<uint16_t, uint64_t> expected;
  for (unsigned i = 0; i < 500; ++i) {
    const auto status = static_cast<uint16_t>(200 + (i * i) % 23);
    count(counters, *table, "a@file", status);
    ++expected[status];
  }
  Stats out;
  counters.add_to(out);
  CHECK(out.routers["a@file"].requests.by_status() == expected);
}

TEST_CASE("router counters: who takes the slot of one that went begins at nothing, also before that is forgotten") {
  RouterCounters counters;
  auto first = table_of({"a", "b"}, nullptr);
  count(counters, *first, "a@file");
  auto second = table_of({"b"}, first);
  auto third = table_of({"b", "c"}, second);
  REQUIRE((*third->routers().find("c@file"))->slot == (*first->routers().find("a@file"))->slot);
  count(counters, *third, "c@file");
  CHECK(counted(counters, "a@file") == 1);
  CHECK(counted(counters, "c@file") == 1);
  // A request under way may still be of the older table.
  count(counters, *first, "a@file");
  CHECK(counted(counters, "a@file") == 2);
  counters.forget_unnamed(*third);
  CHECK(counted(counters, "a@file") == 0);
  count(counters, *third, "c@file");
  CHECK(counted(counters, "c@file") == 2);
  counters.clear();
  count(counters, *third, "c@file");
  CHECK(counted(counters, "c@file") == 1);
}

TEST_CASE("service cache: it finds a state by the version it is brought up to, and by no other") {
  struct State {
    std::shared_ptr<const routing::Service> service;
  };
  ServiceCache<State> cache;
  cache.make_room(1000);
  std::vector<State> states(1000);
  for (State& state : states) {
    state.service = std::make_shared<const routing::Service>();
    cache.put(state);
  }
  size_t found = 0;
  for (State& state : states) {
    State* known = cache.find(*state.service);
    CHECK((known == nullptr || known == &state));
    found += known != nullptr ? 1U : 0U;
  }
  CHECK(found > 500);  // the others share a place
  auto before = states[0].service;
  cache.put(states[0]);
  CHECK(cache.find(*before) == &states[0]);
  states[0].service = std::make_shared<const routing::Service>();
  CHECK(cache.find(*before) == nullptr);
  cache.clear();
  for (State& state : states) CHECK(cache.find(*state.service) == nullptr);
}

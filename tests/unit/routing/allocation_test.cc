// match and pick ask the allocator for nothing.
#include <set>

#include "allocation_counter.h"
#include "catch.h"
#include "table_fixture.h"
#include "weir/routing/load_balancer.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

TEST_CASE("matcher: pain 29, 10,000 routers build, and a match allocates nothing") {
  std::vector<std::string> texts;
  for (int i = 0; i < 10000; ++i) {
    std::string n = std::to_string(i);
    std::string host = i % 10 == 0 ? "*.d" + n + ".example.com" : "h" + n + ".example.com";
    texts.push_back("r" + n + ": Host(`" + host +
                    "`) && PathPrefix(`/api`) && Header(`X-A`, `1`) && !Query(`q`, `a b`)");
  }
  texts.push_back("any: PathPrefix(`/`) && (Method(`POST`) || ClientIP(`10.0.0.0/8`))");
  auto table = build(texts);
  REQUIRE(table->routers().size() == 10001);

  const Header header{"x-a", "1"};
  RequestView exact = request("h77.example.com", "/api/x");
  exact.query = "q=%20a+b&q=c";
  exact.headers = {&header, 1};
  RequestView wild = exact;
  wild.host = "x.d70.example.com";
  RequestView none = exact;
  none.query = "q=a+b";
  RequestView any = none;
  any.method = "POST";

  size_t before = allocation_count();
  const Router* found[] = {table->match(exact), table->match(wild), table->match(none), table->match(any)};
  size_t after = allocation_count();
  CHECK(after - before == 0);
  REQUIRE(before > 10000);  // the counter counts
  REQUIRE((found[0] != nullptr && found[1] != nullptr && found[3] != nullptr));
  CHECK(found[0]->name == "r77@file");
  CHECK(found[1]->name == "r70@file");
  CHECK(found[2] == nullptr);
  CHECK(found[3]->name == "any@file");
}

TEST_CASE("balancer: a pick allocates nothing") {
  for (const char* strategy : {"wrr", "p2c"}) {
    Service service;
    service.strategy = strategy;
    for (int i = 0; i < 20; ++i) service.endpoints.push_back({std::to_string(i), "http", "127.0.0.1", 1});
    Balancer balancer(service, 3);
    std::vector<uint32_t> in_flight(20, 1);
    ExcludedSet tried;
    size_t before = allocation_count();
    size_t picked[8];
    for (size_t& one : picked) {
      one = balancer.pick(in_flight, tried);
      tried.add(one);
    }
    size_t after = allocation_count();
    CHECK(after == before);
    CHECK(std::set<size_t>(std::begin(picked), std::end(picked)).size() == 8);
  }
}

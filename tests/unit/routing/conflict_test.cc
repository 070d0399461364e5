// Who is followed where instances or services say different things under one name: the living before the dead, the
// same in every process.
#include <rapidcheck.h>

#include <algorithm>

#include "catalog_fixture.h"
#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::testing;
using catalog::Health;
using fixture::request;

namespace {

catalog::Instance with_health(const std::string& id, std::vector<std::string> tags, Health health, uint64_t since = 1) {
  catalog::Instance out = instance(id, std::move(tags), since);
  out.health = health;
  out.check_states = {health};
  return out;
}
catalog::Instance dead(const std::string& id, std::vector<std::string> tags, uint64_t since = 1) {
  return with_health(id, std::move(tags), Health::critical, since);
}

std::vector<std::string> routed(const std::string& host, const std::string& router = "r") {
  return {"traefik.http.routers." + router + ".rule=Host(`" + host + "`)"};
}

/// One edge: what it has heard, and the table it has made of it.
struct Edge {
  explicit Edge(const CatalogOptions& options = {}) : decoder(options) {}
  Edge& see(const std::vector<catalog::Service>& services) {
    set = decoder.decode(snapshot(services));
    auto outcome = build_table({set}, table);
    table = outcome.table;
    rejected = outcome.rejected;
    return *this;
  }
  /// The instance that has the request; "404", "503".
  [[nodiscard]] std::string answer(std::string_view host, std::string_view path = "/") const {
    const Router* router = table->match(request(host, path));
    if (router == nullptr) return "404";
    const auto& all = router->service->endpoints;
    auto live = std::find_if(all.begin(), all.end(), [](const Endpoint& one) { return one.live; });
    return live == all.end() ? "503" : live->instance_id;
  }
  [[nodiscard]] const Middleware* middleware(std::string_view host) const {
    const Router* router = table->match(request(host, "/"));
    return router != nullptr && !router->middlewares.empty() ? router->middlewares[0].get() : nullptr;
  }
  [[nodiscard]] std::vector<std::string> reasons() const {
    std::vector<std::string> out;
    for (const Rejection& one : rejected) out.push_back(one.reason);
    return out;
  }

  CatalogDecoder decoder;
  std::shared_ptr<const DefinitionSet> set;
  std::shared_ptr<const RoutingTable> table;
  RejectionList rejected;
};
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("conflict: dead instances do not outvote the living one") {
  for (Health health : {Health::critical, Health::maintenance}) {
    Edge edge;
    edge.see({service("web", {with_health("a", routed("old"), health), with_health("b", routed("old"), health),
                              instance("c", routed("new"), 9)})});
    CHECK(edge.answer("new") == "c");
    CHECK(edge.answer("old") == "404");
    CHECK(edge.reasons() == Texts{"router is defined differently by 2 instance(s) that may not serve, such as a on "
                                  "node-a; 1 instance(s), such as c on node-c, keep their version"});
  }
  // Whose health counts is what strict_checks says.
  CatalogOptions any;
  any.strict_checks = {Health::passing, Health::warning, Health::critical};
  Edge edge(any);
  edge.see({service("web", {dead("a", routed("old")), dead("b", routed("old")), instance("c", routed("new"), 9)})});
  CHECK(edge.answer("old") != "404");
}

TEST_CASE("conflict: a route whose instances are all down stays known, and answers 503") {
  Edge edge;
  edge.see({service("web", {instance("a", routed("x"))})});
  edge.see({service("web", {dead("a", routed("x"))})});
  CHECK(edge.answer("x") == "503");
  // Of several versions of the dead, that of most.
  edge.see({service("web", {dead("a", routed("y"), 1), dead("b", routed("x"), 2), dead("c", routed("x"), 3)})});
  CHECK(edge.answer("x") == "503");
  CHECK(edge.answer("y") == "404");
}

TEST_CASE("conflict: an instance that fails for a second changes nothing where no living one says otherwise") {
  const auto up = instance("a", routed("x"), 1);
  const auto other = instance("b", routed("y"), 2);
  Edge edge;
  edge.see({service("web", {up})});
  edge.see({service("web", {dead("a", routed("x"), 1)})});
  CHECK(edge.answer("x") == "503");
  edge.see({service("web", {up, other})});
  CHECK(edge.answer("y") == "404");
  edge.see({service("web", {dead("a", routed("x"), 1), other})});
  CHECK(edge.answer("y") != "404");
  edge.see({service("web", {up, other})});
  CHECK(edge.answer("x") != "404");
  CHECK(edge.answer("y") == "404");
}

TEST_CASE("conflict: of as many living ones the version with more instances stays, then the one longest there") {
  Edge edge;
  edge.see({service("web",
                    {instance("a", routed("old"), 5), dead("b", routed("old"), 6), instance("c", routed("new"), 1)})});
  CHECK(edge.answer("old") != "404");
  edge.see({service("web", {instance("a", routed("old"), 5), instance("c", routed("new"), 1)})});
  CHECK(edge.answer("new") != "404");
}

TEST_CASE("conflict: a dead service yields a router's name to a living one, and has it again when it is back") {
  const auto z = service("z", {instance("z", routed("z.test"), 4)});
  const auto z_down = service("z", {dead("z", routed("z.test"), 4)});
  const auto a = service("a", {instance("a", routed("a.test"), 7)});
  Edge edge;
  edge.see({z});
  edge.see({z_down});
  CHECK(edge.answer("z.test") == "503");
  edge.see({a, z_down});
  CHECK(edge.answer("a.test") == "a");
  CHECK(edge.answer("z.test") == "404");
  CHECK(edge.reasons() == Texts{"router is defined by instances that may not serve; the one that stays: service a, tag "
                                "traefik.http.routers.r"});
  edge.see({a, z});
  CHECK(edge.answer("z.test") == "z");
  edge.see({z});
  CHECK(edge.rejected.empty());
}

TEST_CASE("conflict: middlewares and services of the dead give way as well") {
  auto tags = [](const std::string& name, const std::string& prefix) {
    std::vector<std::string> out = routed(name + ".test", name);
    out.push_back("traefik.http.routers." + name + ".middlewares=shared");
    out.push_back("traefik.http.middlewares.shared.addprefix.prefix=/" + prefix);
    out.push_back("traefik.http.routers." + name + ".service=s");
    out.push_back("traefik.http.services.s.loadbalancer.passhostheader=" +
                  std::string(prefix == "dead" ? "false" : "true"));
    return out;
  };
  Edge edge;
  edge.see({service("m", {dead("m", tags("m", "dead"), 1)}), service("n", {instance("n", tags("n", "live"), 2)})});
  REQUIRE(edge.middleware("n.test") != nullptr);
  CHECK(edge.middleware("n.test")->values == Texts{"/live"});
  CHECK(edge.answer("n.test") == "n");
  CHECK(edge.answer("m.test") == "n");  // its router names what is there now
  CHECK(edge.table->match(request("n.test", "/"))->service->pass_host_header);
}

TEST_CASE("conflict: who stands before a service of the catalog is not passed by when it fails") {
  std::vector<std::string> guard = routed("web.test");
  guard.emplace_back("traefik.http.services.web.loadbalancer.server.port=81");
  Edge edge;
  edge.see({service("guard", {dead("g", guard)}), service("web", {instance("w", {"traefik.enable=true"})})});
  CHECK(edge.answer("web.test") == "503");
}

TEST_CASE("conflict: the options of the dead do not hold for a living instance that says nothing of its service") {
  std::vector<std::string> with_option = routed("x");
  with_option.emplace_back("traefik.http.services.web.loadbalancer.passhostheader=false");
  Edge edge;
  edge.see({service("web", {dead("a", with_option), dead("b", with_option), instance("c", routed("x"))})});
  CHECK(edge.answer("x") == "c");
  CHECK(edge.table->match(request("x", "/"))->service->pass_host_header);
  edge.see({service("web", {instance("a", with_option), instance("c", routed("x"))})});
  CHECK_FALSE(edge.table->match(request("x", "/"))->service->pass_host_header);
}

TEST_CASE("conflict: fabio's options are those of living instances") {
  Edge edge;
  edge.see({service("f", {dead("a", {"urlprefix-f/ strip=/old"}), dead("b", {"urlprefix-f/ strip=/old"}),
                          instance("c", {"urlprefix-f/ strip=/new"})}),
            service("g", {dead("d", {"urlprefix-g/ allow=ip:10.0.0.0/8"}), instance("e", {"urlprefix-g/"})}),
            service("h", {dead("h", {"urlprefix-h/"}), dead("i", {"urlprefix-h/"}),
                          instance("j", {"urlprefix-h/ allow=ip:10.0.0.0/8"})}),
            // The same of two services that share a source.
            service("k1", {dead("k", {"urlprefix-k/ allow=ip:10.0.0.0/8"}, 1)}),
            service("k2", {instance("l", {"urlprefix-k/"}, 2)})});
  REQUIRE(edge.middleware("f") != nullptr);
  CHECK(edge.middleware("f")->values == Texts{"/new"});
  CHECK(edge.middleware("g") == nullptr);
  CHECK(edge.answer("g") == "e");
  CHECK(edge.middleware("h") != nullptr);
  CHECK(edge.middleware("k") == nullptr);
  CHECK(edge.answer("k") == "l");
}

TEST_CASE("conflict: as in Traefik, the dead contradict nobody") {
  CatalogOptions as_traefik;
  as_traefik.keep_incumbent = false;
  Edge edge(as_traefik);
  edge.see({service("web", {dead("a", routed("old", "w")), instance("b", routed("new", "w"))}),
            service("y", {dead("y", routed("y"), 1)}), service("z", {instance("z", routed("z"), 2)})});
  CHECK(edge.answer("new") == "b");
  CHECK(edge.answer("z") == "z");
  edge.see({service("web", {instance("a", routed("old", "w")), instance("b", routed("new", "w"))})});
  CHECK(edge.answer("new") == "404");
}

TEST_CASE("conflict: an edge that starts decides as one that ran on, in whatever order it hears of services") {
  const auto z = service("z", {instance("z", routed("z.test"), 4)});
  const auto a = service("a", {instance("a", routed("a.test"), 7)});
  Edge ran_on;
  ran_on.see({z}).see({z, a});
  Edge started;
  started.see({a}).see({a, z});
  for (const Edge* edge : {&ran_on, &started}) {
    CHECK(edge->answer("z.test") == "z");
    CHECK(edge->answer("a.test") == "404");
    CHECK(edge->rejected.size() == 1);
  }
}

TEST_CASE("conflict: a service keeps its names through a deploy that replaces all its instances") {
  const auto a = service("a", {instance("a", routed("a.test"), 7)});
  Edge edge;
  edge.see({service("z", {instance("y", routed("z.test"), 4)}), a});
  edge.see({service("z", {instance("z", routed("z.test"), 20)}), a});
  CHECK(edge.answer("z.test") == "z");
  edge.see({service("z", {instance("z", routed("new.test"), 30)}), a});
  CHECK(edge.answer("new.test") == "z");
  // A name that it gave up is not its own any more.
  edge.see({service("z", {instance("z", {}, 31)}), a});
  edge.see({service("z", {instance("z", routed("z.test"), 32)}), a});
  CHECK(edge.answer("a.test") == "a");
}

namespace {

size_t below(size_t bound) { return *rc::gen::inRange<size_t>(0, bound); }

/// Few names for all of them, so that services and instances meet in some.
catalog::Service random_service(size_t number) {
  constexpr Health kHealths[] = {Health::passing, Health::warning, Health::critical, Health::maintenance};
  std::vector<catalog::Instance> instances;
  for (size_t i = 0, count = below(4); i < count; ++i) {
    std::vector<std::string> tags;
    const std::string value = std::to_string(below(2));
    if (below(4) > 0) tags = routed("h" + value, "r" + std::to_string(below(2)));
    if (below(3) == 0) tags.push_back("traefik.http.middlewares.m.addprefix.prefix=/" + value);
    if (below(3) == 0) tags.push_back("traefik.http.services.s.loadbalancer.passhostheader=" + value);
    if (below(3) == 0) tags.push_back("urlprefix-f/ strip=/" + value);
    const std::string id(1, static_cast<char>('a' + number * 4 + i));
    instances.push_back(with_health(id, tags, kHealths[below(4)], number * 7 % 5));
  }
  return service("s" + std::to_string(number), std::move(instances));
}

}  // namespace

TEST_CASE("conflict: whatever the order of the changes, tables are those of an edge that starts") {
  CHECK(rc::check("order does not matter", [] {
    CatalogOptions options;
    options.tombstone_ms = 0;  // which are there because of what was
    std::vector<catalog::Service> before;
    std::vector<catalog::Service> after;
    for (size_t i = 0; i < 4; ++i) {
      before.push_back(random_service(i));
      after.push_back(random_service(i));
    }
    auto walk = [&](Edge& edge) {
      std::vector<size_t> order;
      for (size_t i = 0; i < 4; ++i) order.insert(order.begin() + static_cast<long>(below(i + 1)), i);
      std::vector<catalog::Service> now = before;
      edge.see(now);
      for (size_t i : order) {
        now[i] = after[i];
        edge.see(now);
      }
    };
    Edge one(options);
    Edge two(options);
    Edge fresh(options);
    walk(one);
    walk(two);
    fresh.see(after);
    RC_ASSERT(one.table->dump() == two.table->dump());
    RC_ASSERT(one.table->dump() == fresh.table->dump());
    RC_ASSERT(one.rejected == fresh.rejected);
    for (const char* host : {"h0", "h1", "f"}) RC_ASSERT(one.answer(host) == fresh.answer(host));
  }));
}

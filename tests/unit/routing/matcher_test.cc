#include "routing/matcher.h"

#include "catch.h"
#include "table_fixture.h"

using namespace weir;
using namespace weir::routing;
using namespace weir::routing::fixture;

TEST_CASE("router: the longer prefix wins when priorities come from the rule's length") {
  auto table = build({"a: Host(`x`) && PathPrefix(`/`)", "b: Host(`x`) && PathPrefix(`/api`)"});
  CHECK(match(table, "x", "/api/1") == "b");
  CHECK(match(table, "x", "/apix") == "b");  // a prefix of bytes, as Traefik has it
  CHECK(match(table, "x", "/ap") == "a");
  CHECK(match(table, "y", "/api") == "");
}

TEST_CASE("router: an explicit priority beats the length, a negative one loses to all") {
  auto table = build({"short 100: Host(`x`)", "long: Host(`x`) && PathPrefix(`/api`) && Method(`GET`)",
                      "last -1: PathPrefix(`/`)", "zero 0: Host(`y`)"});
  CHECK(match(table, "x", "/api") == "short");
  CHECK(match(table, "z", "/") == "last");
  CHECK(find_router(table, "zero@file")->priority == 9);  // 0 is the default: the length of Host(`y`)
  CHECK(find_router(table, "last@file")->priority == -1);
}

TEST_CASE("router: equal priorities go by provider, then by name") {
  Definitions consul = definitions({"a: Host(`x`)"}, "consul");
  Definitions nomad = definitions({"a: Host(`x`)"}, "nomad");
  Definitions other = definitions({"a: Host(`x`)"}, "acme");
  Definitions file = definitions({"b: Host(`x`)", "c: Host(`x`)"});
  auto winner = [](const std::vector<Definitions>& all) { return match(build_all(all).table, "x", "/"); };
  CHECK(winner({other, nomad, consul, file}) == "b");
  CHECK(winner({other, nomad, consul}) == "a@consul");
  CHECK(winner({other, nomad}) == "a@nomad");
  CHECK(winner({other}) == "a@acme");
}

TEST_CASE("router: exact, wildcard and absent hosts are asked by rank, not by how exact they are") {
  auto table =
      build({"exact: Host(`a.d`)", "wild 50: Host(`*.d`) && PathPrefix(`/w`)", "any 60: PathPrefix(`/w/any`)"});
  CHECK(match(table, "a.d", "/") == "exact");
  CHECK(match(table, "a.d", "/w") == "wild");
  CHECK(match(table, "a.d", "/w/any") == "any");
  CHECK(match(table, "b.d", "/w") == "wild");
  CHECK(match(table, "b.d", "/") == "");
  CHECK(match(table, "a.b.d", "/w") == "");
  CHECK(match(table, "d", "/w") == "");
}

TEST_CASE("router: where the residual fails, the next in rank is asked") {
  auto table = build({"post: Host(`x`) && Path(`/f`) && Method(`POST`)",
                      "get: Host(`x`) && Path(`/f`) && Method(`GET`)", "rest: Host(`x`)"});
  RequestView asked = request("x", "/f");
  CHECK(match(table, asked) == "get");
  asked.method = "POST";
  CHECK(match(table, asked) == "post");
  asked.method = "PUT";
  CHECK(match(table, asked) == "rest");
}

TEST_CASE("router: entry points and TLS decide before rank") {
  Definitions all = definitions({"admin 90: Host(`x`)", "secure 80: Host(`x`)", "open: Host(`x`)"});
  all.routers[0].entry_points = {"internal", "admin"};
  all.routers[1].tls = true;
  auto table = build_all({all}).table;
  RequestView asked = request("x", "/");
  CHECK(match(table, asked) == "open");
  asked.tls = true;
  CHECK(match(table, asked) == "secure");
  asked.entry_point = "admin";
  CHECK(match(table, asked) == "admin");
}

TEST_CASE("router: a rule of several hosts and paths answers on each of them") {
  auto table = build({"a: (Host(`x`) || Host(`*.y`)) && (Path(`/1`) || PathPrefix(`/2/`))"});
  for (const char* host : {"x", "b.y"}) {
    CHECK(match(table, host, "/1") == "a");
    CHECK(match(table, host, "/2/3") == "a");
    CHECK(match(table, host, "/1/") == "");
    CHECK(match(table, host, "/2") == "");
  }
}

TEST_CASE("router: paths that fork, nest and end inside one another are told apart") {
  auto table = build({"root 1: PathPrefix(`/`)", "team: PathPrefix(`/team`)", "tea: Path(`/tea`)",
                      "test: Path(`/test`)", "tees: PathPrefix(`/tea/s`)", "high: PathPrefix(`/\xc3\xa9`)"});
  CHECK(match(table, "x", "/") == "root");
  CHECK(match(table, "x", "/te") == "root");
  CHECK(match(table, "x", "/tea") == "tea");
  CHECK(match(table, "x", "/teams") == "team");
  CHECK(match(table, "x", "/tea/st") == "tees");
  CHECK(match(table, "x", "/tea/") == "root");
  CHECK(match(table, "x", "/test") == "test");
  CHECK(match(table, "x", "/tests") == "root");
  CHECK(match(table, "x", "/%C3%A9t%C3%A9") == "high");
  CHECK(match(table, "x", "*") == "");  // OPTIONS *
}

TEST_CASE("router: match_all gives each admitted router once, by rank") {
  auto table = build({"a: Host(`x`) || PathPrefix(`/p`)", "b 5: Host(`x`)", "c 3: PathPrefix(`/`)", "d: Host(`y`)"});
  auto all = table->match_all(request("x", "/p"));
  REQUIRE(all.size() == 3);
  CHECK(all[0]->name == "a@file");
  CHECK(all[1]->name == "b@file");
  CHECK(all[2]->name == "c@file");
  CHECK(table->match_all(request("z", "q")).empty());
}

TEST_CASE("router: a rule that excludes itself is known and never matches") {
  auto table = build({"never: Host(`x`) && Host(`y`)", "y: Host(`y`)"});
  CHECK(find_router(table, "never@file") != nullptr);
  CHECK(match(table, "x", "/") == "");
  CHECK(match(table, "y", "/") == "y");
}

TEST_CASE("router: an empty table matches nothing") {
  CHECK(match(build_all({}).table, "x", "/") == "");
  CHECK(RoutingTable().match(request("x", "/")) == nullptr);
  CHECK(RoutingTable().match_all(request("x", "/")).empty());
}

namespace {
SlotTable slots_of(std::initializer_list<const Router*> routers) {
  SlotEditor editor{SlotTable()};
  for (const Router* router : routers) editor.set(editor.append(), router);
  return editor.table();
}
}  // namespace

TEST_CASE("matcher: a change rebuilds the trees of the hosts it names, and shares the others") {
  // Through the matcher itself, since its shards are not the table's public face.
  Router a{.name = "a@file", .priority = 9};
  Router b{.name = "b@file", .priority = 9};
  SlotTable slots = slots_of({&a, &b});
  auto rule_a = compile_rule("Host(`a`)").value();
  auto rule_b = compile_rule("Host(`b`)").value();
  auto rule_both = compile_rule("Host(`b`) || Host(`c`)").value();
  auto first = Matcher::apply(nullptr, {{0, nullptr, rule_a, 9}, {1, nullptr, rule_b, 9}}, slots);
  auto second = Matcher::apply(first.get(), {{1, rule_b, rule_both, 22}}, slots);
  HostKey host_a{HostKey::Kind::exact, "a"};
  HostKey host_b{HostKey::Kind::exact, "b"};
  CHECK(second->tree_identity(host_a) == first->tree_identity(host_a));
  CHECK(second->tree_identity(host_b) != first->tree_identity(host_b));
  CHECK(second->find(request("c", "/"), slots) == &b);
  CHECK(first->find(request("c", "/"), slots) == nullptr);  // what is published does not change
  auto third = Matcher::apply(second.get(), {{1, rule_both, nullptr, 0}}, slots);
  CHECK(third->find(request("b", "/"), slots) == nullptr);
  CHECK(third->tree_identity(host_b) == nullptr);
  CHECK(third->find(request("a", "/"), slots) == &a);
}

TEST_CASE("matcher: wildcards are found while there are any, and no longer") {
  Router a{.name = "a@file", .priority = 9};
  SlotTable slots = slots_of({&a});
  auto rule = compile_rule("Host(`*.d`)").value();
  auto with = Matcher::apply(nullptr, {{0, nullptr, rule, 11}}, slots);
  CHECK(with->find(request("x.d", "/"), slots) == &a);
  CHECK(with->find(request("d", "/"), slots) == nullptr);
  auto without = Matcher::apply(with.get(), {{0, rule, nullptr, 0}}, slots);
  CHECK(without->find(request("x.d", "/"), slots) == nullptr);
  auto again = Matcher::apply(without.get(), {{0, nullptr, rule, 11}}, slots);
  CHECK(again->find(request("x.d", "/"), slots) == &a);
}

TEST_CASE("matcher: to look ahead changes nothing that is found") {
  auto table =
      build({"a: Host(`a.example`) && PathPrefix(`/x`)", "b: Host(`a.example`)", "w: Host(`*.d`)", "any: Path(`/q`)"});
  struct Asked {
    const char* host;
    const char* path;
    const char* router;
  };
  const std::vector<Asked> all = {
      {"a.example", "/x/1", "a"}, {"a.example", "/", "b"}, {"x.d", "/", "w"}, {"nobody", "/q", "any"}, {"", "/", ""}};
  for (const Asked& one : all) {
    for (int steps = 0; steps <= 4; ++steps) {
      MatchAhead ahead(table.get(), one.host);
      for (int i = 0; i < steps; ++i) ahead.advance();
      CHECK(match(table, one.host, one.path) == one.router);
    }
  }
  const RoutingTable empty;
  for (const RoutingTable* none : {static_cast<const RoutingTable*>(nullptr), &empty}) {
    MatchAhead ahead(none, "a.example");
    for (int i = 0; i < 3; ++i) ahead.advance();
  }
}

TEST_CASE(
    "matcher: many and long routes of one host are kept through changes of one, with what is left of their rules") {
  const std::string long_host = std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + ".d";
  const std::string long_path = "/" + std::string(8000, 'p');
  auto text = [&](int number, const std::string& method) {
    return "r" + std::to_string(number) + ": Host(`" + long_host + "`) && Path(`" + long_path + std::to_string(number) +
           "`)" + (method.empty() ? "" : " && Method(`" + method + "`)");
  };
  std::vector<std::string> routers;
  for (int i = 0; i < 300; ++i) routers.push_back(text(i, i % 3 == 0 ? "POST" : ""));
  auto first = build_all({definitions(routers)}).table;
  routers[7] = text(7, "POST");
  auto second = build_all({definitions(routers)}, first).table;
  first = nullptr;
  for (int i = 0; i < 300; ++i) {
    const std::string path = long_path + std::to_string(i);
    RequestView asked = request(long_host, path);
    const std::string name = "r" + std::to_string(i);
    CHECK(match(second, asked) == (i % 3 == 0 || i == 7 ? "" : name));
    asked.method = "POST";
    CHECK(match(second, asked) == name);
  }
}

TEST_CASE("table: a router keeps its id through changes of rule and endpoints, and nobody else ever has it") {
  auto id_of = [](const Table& table, const char* name) { return find_router(table, name)->id; };
  Definitions all = definitions({"a: Host(`a`)", "b: Host(`b`)"});
  all.services.push_back(service("other"));
  auto first = build_all({all}).table;
  const uint64_t a = id_of(first, "a@file");
  CHECK(a != id_of(first, "b@file"));
  all.routers[0].rule = "Host(`a2`)";
  all.services[0].endpoints[0].port = 9009;
  auto second = build_all({all}, first).table;
  CHECK(id_of(second, "a@file") == a);
  all.routers[0].service = "other";  // what is counted of it says whose it is
  auto third = build_all({all}, second).table;
  CHECK(id_of(third, "a@file") > id_of(first, "b@file"));
  all.routers.erase(all.routers.begin());
  auto fourth = build_all({all}, third).table;
  all.routers.push_back(router("c: Host(`c`)"));
  auto fifth = build_all({all}, fourth).table;
  CHECK(find_router(fifth, "c@file")->slot == find_router(third, "a@file")->slot);
  CHECK(id_of(fifth, "c@file") > id_of(third, "a@file"));
}

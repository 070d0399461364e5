#include "weir/routing/tls_hosts.h"

#include "catch.h"
#include "table_fixture.h"

using namespace weir::routing;

TEST_CASE("tls hosts: a host has the options its routers agree on") {
  auto definitions = std::make_shared<Definitions>();
  definitions->provider = "file";
  definitions->services.push_back({"s", {}, true, "wrr", {}});
  auto add = [&](const char* name, const char* rule, const char* options) {
    RouterDefinition router;
    router.name = name;
    router.rule = rule;
    router.service = "s";
    router.tls = true;
    router.tls_options = options;
    definitions->routers.push_back(router);
  };
  add("one", "Host(`a.test`) && PathPrefix(`/x`)", "mutual");
  add("two", "Host(`a.test`) || Host(`b.test`)", "mutual");
  add("three", "Host(`c.test`)", "mutual");
  add("four", "Host(`c.test`) && Path(`/y`)", "modern");
  add("five", "Host(`c.test`) && Path(`/z`)", "mutual");
  add("six", "Host(`*.d.test`)", "modern");
  add("seven", "PathPrefix(`/everywhere`)", "modern");
  add("eight", "Host(`e.test`)", "");
  add("nine", "Host(`**.f.test`)", "mutual");
  const auto outcome = build_table({definitions}, nullptr);
  const auto& table = outcome.table;
  std::string told;  // whose options nobody can ask for
  for (const auto& one : outcome.rejected) told += one.name + " ";
  CHECK(told == "nine@file seven@file ");
  CHECK(tls_options_by_host(*table) == std::unordered_map<std::string, std::string>{
                                           {"a.test", "mutual"}, {"b.test", "mutual"}, {"*.d.test", "modern"}});
}

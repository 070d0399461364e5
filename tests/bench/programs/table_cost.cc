// bench-table ROUTES: what a table of so many routes costs: to build at first, to build again after one service has
// changed, and in memory. Times are CPU time. Prints one line of JSON.

#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "cpu_time.h"
#include "net.h"
#include "weir/routing/table.h"

namespace {

using namespace weir::routing;
using weir::bench::own_cpu_ns;
using weir::bench::refuse;

constexpr size_t kRoutesPerService = 5;
constexpr int kChanges = 101;

std::shared_ptr<Definitions> definitions(size_t routes) {
  auto out = std::make_shared<Definitions>();
  out->provider = "consul";
  for (size_t i = 0; i < routes; ++i) {
    std::string service = "s" + std::to_string(i / kRoutesPerService);
    RouterDefinition router;
    router.name = "r" + std::to_string(i);
    router.rule = "Host(`" + service + ".bench.test`) && PathPrefix(`/p" + std::to_string(i % kRoutesPerService) + "`)";
    router.service = service;
    out->routers.push_back(router);
    if (i % kRoutesPerService != 0) continue;
    ServiceDefinition definition;
    definition.name = service;
    for (uint16_t port : {8001, 8002}) {
      EndpointDefinition endpoint;
      endpoint.host =
          "10." + std::to_string(i >> 16 & 255) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
      endpoint.port = port;
      endpoint.node = "node-" + std::to_string(i % 100);
      endpoint.instance_id = service + "-" + std::to_string(port);
      definition.endpoints.push_back(endpoint);
    }
    out->services.push_back(definition);
  }
  return out;
}

BuildOutcome build(const std::shared_ptr<const DefinitionSet>& from,
                   const std::shared_ptr<const RoutingTable>& previous) {
  BuildOutcome outcome = build_table(std::vector{from}, previous);
  if (!outcome.rejected.empty()) refuse("rejected: " + outcome.rejected[0].reason);
  return outcome;
}

}  // namespace

int main(int argc, char** argv) {
  size_t routes = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000;
  const std::shared_ptr<const Definitions> first = definitions(routes);
  auto used_bytes = [] { return mallinfo2().uordblks + table_memory_bytes(); };
  const size_t used_before = used_bytes();
  uint64_t started = own_cpu_ns();
  auto set = share("consul", {first}, nullptr);
  auto table = build(set, nullptr).table;
  double build_ms = static_cast<double>(own_cpu_ns() - started) / 1e6;
  size_t table_bytes = used_bytes() - used_before;

  double changes_ms = 0;
  for (int i = 0; i < kChanges; ++i) {
    Versions<ServiceDefinition> changed{first->services[static_cast<size_t>(i)], {}};
    changed.first.endpoints.pop_back();
    const std::string name = changed.first.name;
    started = own_cpu_ns();
    // As the decoder of a catalog does it: what changed is put into the set before.
    auto edited = std::make_shared<DefinitionSet>(*set);
    auto item = std::make_shared<const Versions<ServiceDefinition>>(std::move(changed));
    edited->services = edited->services.edited({{name, std::move(item)}});
    auto next = build(edited, table).table;
    changes_ms += static_cast<double>(own_cpu_ns() - started) / 1e6;
    if (next == table) refuse("a change that changed nothing");
  }
  std::printf("{\"routes\": %zu, \"build_ms\": %.2f, \"table_bytes\": %zu, \"change_ms\": %.3f}\n", routes, build_ms,
              table_bytes, changes_ms / kChanges);
}

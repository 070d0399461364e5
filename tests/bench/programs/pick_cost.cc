// bench-pick: nanoseconds of CPU time to pick an endpoint, for every strategy and for 2 to 1000 endpoints. Prints JSON
// lines.

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "cpu_time.h"
#include "net.h"
#include "weir/routing/load_balancer.h"

namespace {

using namespace weir::routing;

constexpr size_t kPicks = 2'000'000;

double ns_per_pick(const std::string& strategy, size_t endpoints) {
  Service service;
  service.strategy = strategy;
  for (size_t i = 0; i < endpoints; ++i) {
    Endpoint endpoint;
    endpoint.id = "http://10.0.0.1:" + std::to_string(i);
    endpoint.weight = static_cast<uint32_t>(1 + i % 3);
    service.endpoints.push_back(endpoint);
  }
  Balancer balancer(service, 1);
  std::vector<uint32_t> in_flight(endpoints, 0);
  ExcludedSet tried;
  uint64_t started = 0;
  size_t oldest = 0;
  for (size_t i = 0; i < 2 * kPicks; ++i) {
    if (i == kPicks) started = weir::bench::own_cpu_ns();  // the first half is to get warm
    size_t picked = balancer.pick(in_flight, tried);
    if (picked == Balancer::npos) weir::bench::refuse("nothing was picked");
    in_flight[picked] += 1;
    // As if one request ended for each that begins.
    if (in_flight[oldest] > 0) in_flight[oldest] -= 1;
    oldest = picked;
  }
  return static_cast<double>(weir::bench::own_cpu_ns() - started) / kPicks;
}

}  // namespace

int main() {
  for (const char* strategy : {"wrr", "p2c"}) {
    for (size_t endpoints : {2, 10, 100, 1000}) {
      std::printf("{\"strategy\": \"%s\", \"endpoints\": %zu, \"ns\": %.2f}\n", strategy, endpoints,
                  ns_per_pick(strategy, endpoints));
    }
  }
}

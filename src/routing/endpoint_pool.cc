#include "routing/endpoint_pool.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace weir::routing {

namespace {

using Pool = ServiceDefinitions::Pool;
using Share = ServiceDefinitions::Share;

constexpr double kWeightOfAll = 10'000;  // fabio's ring has as many places

struct SharedEndpoint {
  EndpointDefinition endpoint;
  Share share;
};

void sort_once(std::vector<SharedEndpoint>& all) {
  auto order = [](const SharedEndpoint& each) {
    const EndpointDefinition& e = each.endpoint;
    return std::tie(e.host, e.port, e.scheme, e.health, e.node, e.instance_id);
  };
  // Stable: of a target that commands add twice the first holds.
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  auto same_place = [](const SharedEndpoint& a, const SharedEndpoint& b) {
    return std::tie(a.endpoint.host, a.endpoint.port, a.endpoint.scheme) ==
           std::tie(b.endpoint.host, b.endpoint.port, b.endpoint.scheme);
  };
  all.erase(std::unique(all.begin(), all.end(), same_place), all.end());
}

bool has_share(const SharedEndpoint& each) { return each.share.fixed > 0; }

bool may_serve(const SharedEndpoint& each) { return each.endpoint.health <= catalog::Health::warning; }

/// What several have together becomes each one's part of it.
void divide(std::vector<SharedEndpoint>& endpoints) {
  std::map<uint32_t, size_t> members;
  for (const SharedEndpoint& each : endpoints) {
    if (may_serve(each)) ++members[each.share.split];
  }
  for (SharedEndpoint& each : endpoints) {
    if (each.share.split == 0) continue;
    each.share.fixed /= static_cast<double>(std::max<size_t>(members[each.share.split], 1));
    each.share.split = 0;
  }
}

void weigh_by_share(std::vector<SharedEndpoint>& endpoints) {
  double fixed = 0;
  size_t open = 0;
  for (const SharedEndpoint& each : endpoints) {
    if (!may_serve(each)) continue;  // it gets no request anyhow
    fixed += each.share.fixed;
    if (!has_share(each)) ++open;
  }
  double each_open = open == 0 ? 0 : std::max(0.0, 1 - fixed) / static_cast<double>(open);
  for (SharedEndpoint& each : endpoints) {
    double share = has_share(each) ? each.share.fixed : each_open;
    double weight = std::round(share * kWeightOfAll);
    each.endpoint.weight = share > 0 ? static_cast<uint32_t>(std::max(weight, 1.0)) : 0;
  }
}

void append(const Pool& pool, std::vector<SharedEndpoint>& to) {
  for (size_t i = 0; i < pool.definition.endpoints.size(); ++i) {
    to.push_back({pool.definition.endpoints[i], pool.shares.empty() ? Share() : pool.shares[i]});
  }
}

}  // namespace

void sort_endpoints(Pool& pool) {
  std::vector<SharedEndpoint> all;
  append(pool, all);
  sort_once(all);
  bool shared = std::any_of(all.begin(), all.end(), has_share);
  pool.definition.endpoints.clear();
  pool.shares.clear();
  for (SharedEndpoint& each : all) {
    pool.definition.endpoints.push_back(std::move(each.endpoint));
    if (shared) pool.shares.push_back(each.share);
  }
}

void set_commanded(Pool& pool, std::string_view source, const EditIndex& edits) {
  std::vector<SharedEndpoint> all;
  append(pool, all);
  // What an instance registered knows the instance.
  std::erase_if(all, [](const SharedEndpoint& each) { return each.endpoint.instance_id.empty(); });
  for (uint32_t number : edits.additions_to(source)) {
    const RouteEdit& edit = edits[number];
    // Known by the number of the weight, as what instances have of it.
    const uint32_t split = edit.weighed_before > 0 ? number - edit.weighed_before + 1 : 0;
    all.push_back({edit.endpoint, {edit.share, split}});
  }
  pool.definition.endpoints.clear();
  pool.shares.clear();
  for (SharedEndpoint& each : all) {
    pool.definition.endpoints.push_back(std::move(each.endpoint));
    pool.shares.push_back(each.share);
  }
}

std::vector<EndpointDefinition> merge_endpoints(std::span<const Pool* const> pools) {
  if (pools.size() == 1 && pools[0]->shares.empty()) return pools[0]->definition.endpoints;
  std::vector<SharedEndpoint> all;
  for (const Pool* pool : pools) append(*pool, all);
  sort_once(all);
  divide(all);
  if (std::any_of(all.begin(), all.end(), has_share)) weigh_by_share(all);
  std::vector<EndpointDefinition> out;
  out.reserve(all.size());
  for (SharedEndpoint& each : all) out.push_back(std::move(each.endpoint));
  return out;
}

}  // namespace weir::routing

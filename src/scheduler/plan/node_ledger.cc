#include "scheduler/plan/node_ledger.h"

#include <algorithm>

#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

void add_to(Demand& sum, const Demand& part, int64_t sign) {
  sum.cpu_mhz += sign * part.cpu_mhz;
  sum.memory_mb += sign * part.memory_mb;
  sum.disk_mb += sign * part.disk_mb;
}

}  // namespace

Demand group_demand(const TaskGroup& group) {
  Demand demand;
  demand.disk_mb = group.ephemeral_disk.size_mb.value();
  for (const Task& task : group.tasks) {
    demand.cpu_mhz += task.resources.cpu_mhz.value();
    demand.memory_mb += task.resources.memory_mb.value();
  }
  return demand;
}

Demand allocation_demand(const Allocation& allocation) {
  Demand demand;
  demand.disk_mb = allocation.resources.disk_mb;
  for (const auto& [name, task] : allocation.resources.tasks) {
    demand.cpu_mhz += task.cpu_mhz;
    demand.memory_mb += task.memory_mb;
  }
  return demand;
}

AllocatedResources group_resources(const TaskGroup& group) {
  AllocatedResources resources;
  resources.disk_mb = group.ephemeral_disk.size_mb.value();
  for (const Task& task : group.tasks) {
    resources.tasks[task.name] = {.cpu_mhz = task.resources.cpu_mhz.value(),
                                  .memory_mb = task.resources.memory_mb.value(),
                                  .memory_max_mb = task.resources.memory_max_mb.value()};
  }
  return resources;
}

NodeLedger::NodeLedger(const Node& node, const std::vector<AllocPtr>& allocations, int64_t now_ns) : node_(&node) {
  for (const AllocPtr& allocation : allocations) {
    if (!allocation->client_terminal()) {
      add(*allocation);
    } else if (now_ns - allocation->modify_time_ns < kPortQuarantineNs) {
      for (const AllocatedPort& port : allocation->resources.ports) avoided_ports_.insert(port.value);
    }
  }
}

void NodeLedger::add(const Allocation& allocation) {
  add_to(used_, allocation_demand(allocation), 1);
  for (const AllocatedPort& port : allocation.resources.ports) ++ports_[port.value];
}

void NodeLedger::discount(const Allocation& allocation) {
  add_to(used_, allocation_demand(allocation), -1);
  for (const AllocatedPort& port : allocation.resources.ports) {
    auto it = ports_.find(port.value);
    if (it != ports_.end() && --it->second == 0) ports_.erase(it);
    avoided_ports_.insert(port.value);
  }
}

void NodeLedger::restore(const Allocation& allocation) { add(allocation); }

std::optional<std::string_view> NodeLedger::lacks(const Demand& demand) const {
  if (used_.cpu_mhz + demand.cpu_mhz > total_cpu_mhz()) return "cpu";
  if (used_.memory_mb + demand.memory_mb > total_memory_mb()) return "memory";
  if (used_.disk_mb + demand.disk_mb > total_disk_mb()) return "disk";
  return std::nullopt;
}

/// The ports of one allocation while they are being found.
struct NodeLedger::PortSearch {
  const NodeLedger& ledger;
  std::string_view seed;
  std::vector<AllocatedPort> found = {};
  std::set<uint16_t> taken = {};

  [[nodiscard]] bool free(uint16_t port) const {
    const auto& reserved = ledger.node_->reserved_ports;
    return !ledger.ports_.contains(port) && !taken.contains(port) &&
           std::find(reserved.begin(), reserved.end(), port) == reserved.end();
  }

  void take(const Port& port, const std::string& task, uint16_t value, bool dynamic) {
    taken.insert(value);
    found.push_back({.label = port.label,
                     .value = value,
                     .to = static_cast<int32_t>(port.to == -1 ? value : port.to),
                     .host_ip = ledger.node_->ip,
                     .task = task,
                     .dynamic = dynamic});
  }

  Status take_static(const NetworkResource& network, const std::string& task) {
    for (const Port& port : network.reserved_ports) {
      auto value = static_cast<uint16_t>(port.value);
      if (!free(value)) {
        return fail(ErrorCode::conflict,
                    "network: reserved port collision " + port.label + "=" + std::to_string(port.value));
      }
      take(port, task, value, false);
    }
    return {};
  }

  /// From a place in the range that the seed gives, upwards and around; lately freed ports only when nothing else is
  /// left.
  std::optional<uint16_t> find_dynamic(const std::string& label) {
    uint64_t first = ledger.node_->dynamic_port_min;
    uint64_t last = ledger.node_->dynamic_port_max;
    if (last < first) return std::nullopt;
    uint64_t range = last - first + 1;
    uint64_t start = fnv1a(label, fnv1a(seed)) % range;
    std::optional<uint16_t> avoided;
    for (uint64_t i = 0; i < range; ++i) {
      auto port = static_cast<uint16_t>(first + (start + i) % range);
      if (!free(port)) continue;
      if (!ledger.avoided_ports_.contains(port)) return port;
      if (!avoided) avoided = port;
    }
    return avoided;
  }

  Status take_dynamic(const NetworkResource& network, const std::string& task) {
    for (const Port& port : network.dynamic_ports) {
      auto value = find_dynamic(port.label);
      if (!value) return fail(ErrorCode::conflict, "network: dynamic port selection failed");
      take(port, task, *value, true);
    }
    return {};
  }
};

Result<std::vector<AllocatedPort>> NodeLedger::assign_ports(const TaskGroup& group, std::string_view seed) const {
  PortSearch search{.ledger = *this, .seed = seed};
  // All static ports first: a dynamic one must not take a number that the group itself reserves.
  for (bool dynamic : {false, true}) {
    auto take = [&](const NetworkResource& network, const std::string& task) {
      return dynamic ? search.take_dynamic(network, task) : search.take_static(network, task);
    };
    for (const NetworkResource& network : group.networks) {
      if (auto status = take(network, ""); !status) return fail(status.error());
    }
    for (const Task& task : group.tasks) {
      for (const NetworkResource& network : task.resources.networks) {
        if (auto status = take(network, task.name); !status) return fail(status.error());
      }
    }
  }
  return std::move(search.found);
}

}  // namespace weir::scheduler

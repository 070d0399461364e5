#include <cstdio>

#include "app/json_members.h"
#include "app/nomad_client.h"
#include "app/output.h"
#include "app/service_runner.h"

namespace weir::app {
namespace {

int list_nodes(NomadClient& client, bool verbose) {
  auto answer = client.api().get("/v1/nodes");
  if (!answer) return print_error(answer.error());
  auto nodes = parse_json(*answer);
  if (!nodes) return print_error(nodes.error());
  std::vector<std::vector<std::string>> rows{{"ID", "DC", "Name", "Address", "Drain", "Eligibility", "Status"}};
  for (const auto& node : *nodes) {
    rows.push_back({short_id(text_member(node, "ID"), verbose), text_member(node, "Datacenter"),
                    text_member(node, "Name"), text_member(node, "Address"),
                    flag_member(node, "Drain") ? "true" : "false", text_member(node, "SchedulingEligibility"),
                    text_member(node, "Status")});
  }
  std::printf("%s", rows.size() > 1 ? columns(rows).c_str() : "No nodes registered\n");
  return 0;
}

}  // namespace

int node_status(const NodeOptions& options) {
  NomadClient client(options.api);
  if (options.id.empty()) return list_nodes(client, options.verbose);
  auto id = client.find_id("/v1/nodes", "node", options.id);
  if (!id) return print_error(id.error());
  auto answer = client.api().get("/v1/node/" + *id);
  if (!answer) return print_error(answer.error());
  auto node = parse_json(*answer);
  if (!node) return print_error(node.error());
  auto list = client.api().get("/v1/node/" + *id + "/allocations");
  if (!list) return print_error(list.error());
  auto allocations = parse_json(*list);
  if (!allocations) return print_error(allocations.error());
  const auto& resources = member(*node, "NodeResources");
  std::printf("%s",
              key_values({{"ID", text_member(*node, "ID")},
                          {"Name", text_member(*node, "Name")},
                          {"Datacenter", text_member(*node, "Datacenter")},
                          {"Status", text_member(*node, "Status")},
                          {"Eligibility", text_member(*node, "SchedulingEligibility")},
                          {"CPU", std::to_string(number_member(member(resources, "Cpu"), "CpuShares")) + " MHz"},
                          {"Memory", std::to_string(number_member(member(resources, "Memory"), "MemoryMB")) + " MiB"}})
                  .c_str());
  std::vector<std::vector<std::string>> rows{{"ID", "Job", "Task Group", "Desired", "Status", "Created"}};
  for (const auto& alloc : *allocations) {
    rows.push_back({short_id(text_member(alloc, "ID"), options.verbose), text_member(alloc, "JobID"),
                    text_member(alloc, "TaskGroup"), text_member(alloc, "DesiredStatus"),
                    text_member(alloc, "ClientStatus"), ago_text(number_member(alloc, "CreateTime"))});
  }
  std::printf("\nAllocations\n%s", rows.size() > 1 ? columns(rows).c_str() : "No allocations placed\n");
  if (!options.verbose) return 0;
  std::vector<std::pair<std::string, std::string>> attributes;
  for (const auto& [key, value] : member(*node, "Attributes").items()) {
    attributes.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  std::printf("\nAttributes\n%s", key_values(attributes).c_str());
  return 0;
}

}  // namespace weir::app

#include <nlohmann/json.hpp>

#include "scheduler/json_reader.h"
#include "scheduler/model_json.h"
#include "weir/base/text.h"

namespace weir::scheduler {

using nlohmann::json;

namespace {

json drivers_to_json(const Node& node) {
  json drivers = json::object();
  for (const auto& [name, driver] : node.drivers) {
    drivers[name] = {{"Attributes", json::object()},
                     {"Detected", driver.detected},
                     {"Healthy", driver.healthy},
                     {"HealthDescription", driver.description},
                     {"UpdateTime", time_text(driver.update_time_ns)}};
  }
  return drivers;
}

json events_to_json(const Node& node) {
  json events = json::array();
  for (const NodeEvent& event : node.events) {
    events.push_back({{"Message", event.message},
                      {"Subsystem", event.subsystem},
                      {"Details", json::object()},
                      {"Timestamp", time_text(event.time_ns)},
                      {"CreateIndex", event.create_index}});
  }
  return events;
}

json resources_to_node_json(const Node& node) {
  json network = {{"Mode", "host"},
                  {"Device", ""},
                  {"CIDR", node.ip.empty() ? "" : node.ip + "/32"},
                  {"IP", node.ip},
                  {"MBits", 0}};
  return {{"Cpu",
           {{"CpuShares", node.resources.cpu_mhz},
            {"TotalCpuCores", node.resources.cores},
            {"ReservableCpuCores", json::array()}}},
          {"Memory", {{"MemoryMB", node.resources.memory_mb}}},
          {"Disk", {{"DiskMB", node.resources.disk_mb}}},
          {"Networks", json::array({network})},
          {"Devices", json::array()},
          {"MinDynamicPort", node.dynamic_port_min},
          {"MaxDynamicPort", node.dynamic_port_max}};
}

json reserved_to_json(const Node& node) {
  std::vector<std::string> ports;
  for (uint16_t port : node.reserved_ports) ports.push_back(std::to_string(port));
  return {{"Cpu", {{"CpuShares", node.reserved.cpu_mhz}}},
          {"Memory", {{"MemoryMB", node.reserved.memory_mb}}},
          {"Disk", {{"DiskMB", node.reserved.disk_mb}}},
          {"Networks", {{"ReservedHostPorts", join(ports, ",")}}}};
}

json drain_to_json(const Node& node) {
  if (!node.draining) return nullptr;
  int64_t force = node.drain_deadline_ns > 0 ? node.drain_started_at_ns + node.drain_deadline_ns : 0;
  return {{"Deadline", node.drain_deadline_ns},
          {"IgnoreSystemJobs", node.drain_ignores_system_jobs},
          {"ForceDeadline", time_text(force)},
          {"StartedAt", time_text(node.drain_started_at_ns)}};
}

void read_resources(JsonReader& reader, NodeResources& out) {
  reader.object("Cpu", [&](JsonReader& cpu) {
    cpu.integer("CpuShares", out.cpu_mhz);
    cpu.integer("TotalCpuCores", out.cores);
  });
  reader.object("Memory", [&](JsonReader& memory) { memory.integer("MemoryMB", out.memory_mb); });
  reader.object("Disk", [&](JsonReader& disk) { disk.integer("DiskMB", out.disk_mb); });
}

void read_reserved_ports(JsonReader& networks, std::vector<uint16_t>& out) {
  std::string text;
  networks.text("ReservedHostPorts", text);
  out.clear();
  for (std::string_view item : split_list(text)) {
    auto port = parse_u64(item);
    if (!port || *port == 0 || *port > 65535)
      return networks.wrong("ReservedHostPorts", "port numbers, comma-separated");
    out.push_back(static_cast<uint16_t>(*port));
  }
}

void read_node(JsonReader& reader, Node& node) {
  reader.text("ID", node.id);
  reader.text("Name", node.name);
  reader.text("Datacenter", node.datacenter);
  reader.text("NodeClass", node.node_class);
  reader.text("NodePool", node.node_pool);
  reader.text_map("Attributes", node.attributes);
  reader.text_map("Meta", node.meta);
  reader.each_member("Drivers", [&](const std::string& name, JsonReader& driver) {
    DriverState& state = node.drivers[name];
    driver.boolean("Detected", state.detected);
    driver.boolean("Healthy", state.healthy);
    driver.text("HealthDescription", state.description);
    driver.time("UpdateTime", state.update_time_ns);
  });
  reader.object("NodeResources", [&](JsonReader& resources) {
    read_resources(resources, node.resources);
    resources.port("MinDynamicPort", node.dynamic_port_min);
    resources.port("MaxDynamicPort", node.dynamic_port_max);
    resources.each("Networks", [&](JsonReader& network) { network.text("IP", node.ip); });
  });
  reader.object("ReservedResources", [&](JsonReader& reserved) {
    read_resources(reserved, node.reserved);
    reserved.object("Networks", [&](JsonReader& networks) { read_reserved_ports(networks, node.reserved_ports); });
  });
  reader.text("Version", node.version);
  reader.text("SecretID", node.secret_id);
  reader.text("IP", node.ip);
}

void read_server_part(JsonReader& reader, Node& node) {
  std::string status;
  reader.text("Status", status);
  if (auto parsed = parse_node_status(status)) node.status = *parsed;
  reader.text("StatusDescription", node.status_description);
  reader.integer("StatusUpdatedAt", node.status_updated_at_s);
  std::string eligibility = "eligible";
  reader.text("SchedulingEligibility", eligibility);
  node.eligible = eligibility == "eligible";
  reader.boolean("Drain", node.draining);
  reader.object("DrainStrategy", [&](JsonReader& drain) {
    drain.integer("Deadline", node.drain_deadline_ns);
    drain.boolean("IgnoreSystemJobs", node.drain_ignores_system_jobs);
    drain.time("StartedAt", node.drain_started_at_ns);
  });
  node.events.clear();
  reader.each("Events", [&](JsonReader& event) {
    NodeEvent& out = node.events.emplace_back();
    event.text("Message", out.message);
    event.text("Subsystem", out.subsystem);
    event.time("Timestamp", out.time_ns);
    event.integer("CreateIndex", out.create_index);
  });
  reader.text("AgentAddress", node.agent_address);
  reader.integer("CreateIndex", node.create_index);
  reader.integer("ModifyIndex", node.modify_index);
}

}  // namespace

json node_to_json(const Node& node) {
  json out = {
      {"ID", node.id},
      {"Datacenter", node.datacenter},
      {"Name", node.name},
      {"HTTPAddr", ""},  // empty on purpose: clients then ask us, and we ask the agent (nomad-api 1.6)
      {"TLSEnabled", false},
      {"Attributes", node.attributes},
      {"Resources",
       {{"CPU", node.resources.cpu_mhz}, {"MemoryMB", node.resources.memory_mb}, {"DiskMB", node.resources.disk_mb}}},
      {"Reserved",
       {{"CPU", node.reserved.cpu_mhz}, {"MemoryMB", node.reserved.memory_mb}, {"DiskMB", node.reserved.disk_mb}}},
      {"NodeResources", resources_to_node_json(node)},
      {"ReservedResources", reserved_to_json(node)},
      {"Links", json::object()},
      {"Meta", node.meta},
      {"NodeClass", node.node_class},
      {"NodePool", node.node_pool},
      {"CgroupParent", ""},
      {"Drain", node.draining},
      {"DrainStrategy", drain_to_json(node)},
      {"SchedulingEligibility", node.eligible && !node.draining ? "eligible" : "ineligible"},
      {"Status", to_string(node.status)},
      {"StatusDescription", node.status_description},
      {"StatusUpdatedAt", node.status_updated_at_s},
      {"Events", events_to_json(node)},
      {"Drivers", drivers_to_json(node)},
      {"HostVolumes", json::object()},
      {"HostNetworks", json::object()},
      {"CSIControllerPlugins", nullptr},
      {"CSINodePlugins", nullptr},
      {"LastDrain", nullptr},
      {"CreateIndex", node.create_index},
      {"ModifyIndex", node.modify_index},
  };
  return out;
}

json node_stub_to_json(const Node& node) {
  return {
      {"Address", node.ip},
      {"ID", node.id},
      {"Attributes", node.attributes},
      {"Datacenter", node.datacenter},
      {"Name", node.name},
      {"NodeClass", node.node_class},
      {"NodePool", node.node_pool},
      {"Version", node.version},
      {"Drain", node.draining},
      {"SchedulingEligibility", node.eligible && !node.draining ? "eligible" : "ineligible"},
      {"Status", to_string(node.status)},
      {"StatusDescription", node.status_description},
      {"Drivers", drivers_to_json(node)},
      {"NodeResources", resources_to_node_json(node)},
      {"ReservedResources", reserved_to_json(node)},
      {"LastDrain", nullptr},
      {"CreateIndex", node.create_index},
      {"ModifyIndex", node.modify_index},
  };
}

Result<Node> node_from_json(const json& value) {
  JsonReader reader(value, "Node");
  Node node;
  read_node(reader, node);
  if (auto status = reader.status(); !status) return fail(status.error());
  return node;
}

json node_row(const Node& node) {
  json out = node_to_json(node);
  out["SecretID"] = node.secret_id;
  out["AgentAddress"] = node.agent_address;
  out["IP"] = node.ip;
  out["Version"] = node.version;
  out["SchedulingEligibility"] = node.eligible ? "eligible" : "ineligible";
  return out;
}

Result<Node> node_from_row(const json& value) {
  JsonReader reader(value, "node");
  Node node;
  read_node(reader, node);
  read_server_part(reader, node);
  if (auto status = reader.status(); !status) return fail(status.error());
  return node;
}

}  // namespace weir::scheduler

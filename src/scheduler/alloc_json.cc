#include <nlohmann/json.hpp>

#include "scheduler/job_json_parts.h"
#include "scheduler/json_reader.h"
#include "scheduler/model_json.h"

namespace weir::scheduler {

using nlohmann::json;

namespace {

json port_to_json(const AllocatedPort& port) {
  return {{"Label", port.label}, {"Value", port.value}, {"To", port.to}, {"HostIP", port.host_ip}};
}

/// The network of the group ("") or of one task with the ports it was given; a list of none or one.
json networks_to_json(const AllocatedResources& resources, const std::string& task) {
  json reserved = json::array();
  json dynamic = json::array();
  std::string ip;
  for (const AllocatedPort& port : resources.ports) {
    if (port.task != task) continue;
    ip = port.host_ip;
    (port.dynamic ? dynamic : reserved)
        .push_back({{"Label", port.label}, {"Value", port.value}, {"To", port.to}, {"HostNetwork", "default"}});
  }
  if (reserved.empty() && dynamic.empty()) return json::array();
  return json::array({{{"Mode", "host"},
                       {"Device", ""},
                       {"CIDR", ""},
                       {"IP", ip},
                       {"MBits", 0},
                       {"DNS", nullptr},
                       {"ReservedPorts", reserved},
                       {"DynamicPorts", dynamic}}});
}

json allocated_to_json(const AllocatedResources& resources) {
  json tasks = json::object();
  for (const auto& [name, task] : resources.tasks) {
    tasks[name] = {{"Cpu", {{"CpuShares", task.cpu_mhz}, {"ReservedCores", nullptr}}},
                   {"Memory", {{"MemoryMB", task.memory_mb}, {"MemoryMaxMB", task.memory_max_mb}}},
                   {"Networks", networks_to_json(resources, name)},
                   {"Devices", nullptr}};
  }
  json ports = json::array();
  for (const AllocatedPort& port : resources.ports) {
    if (port.task.empty()) ports.push_back(port_to_json(port));
  }
  return {{"Tasks", tasks},
          {"Shared", {{"DiskMB", resources.disk_mb}, {"Networks", networks_to_json(resources, "")}, {"Ports", ports}}}};
}

json flat_resources(int64_t cpu_mhz, int64_t memory_mb, int64_t disk_mb, json networks) {
  return {{"CPU", cpu_mhz},    {"Cores", 0}, {"MemoryMB", memory_mb},           {"MemoryMaxMB", 0},
          {"DiskMB", disk_mb}, {"IOPS", 0},  {"Networks", std::move(networks)}, {"Devices", nullptr}};
}

void add_legacy_resources(const AllocatedResources& resources, json& out) {
  int64_t cpu = 0;
  int64_t memory = 0;
  json tasks = json::object();
  for (const auto& [name, task] : resources.tasks) {
    cpu += task.cpu_mhz;
    memory += task.memory_mb;
    tasks[name] = flat_resources(task.cpu_mhz, task.memory_mb, 0, networks_to_json(resources, name));
  }
  out["Resources"] = flat_resources(cpu, memory, resources.disk_mb, networks_to_json(resources, ""));
  out["TaskResources"] = std::move(tasks);
}

json deployment_status_to_json(const Allocation& allocation) {
  if (!allocation.deployment_status) return nullptr;
  const AllocDeploymentStatus& status = *allocation.deployment_status;
  json healthy = nullptr;
  if (status.healthy) healthy = *status.healthy;
  return {{"Healthy", healthy},
          {"Timestamp", time_text(status.timestamp_ns)},
          {"Canary", status.canary},
          {"ModifyIndex", status.modify_index}};
}

json tracker_to_json(const Allocation& allocation) {
  if (allocation.reschedule_events.empty()) return nullptr;
  json events = json::array();
  for (const RescheduleEvent& event : allocation.reschedule_events) {
    events.push_back({{"RescheduleTime", event.time_ns},
                      {"PrevAllocID", event.previous_alloc_id},
                      {"PrevNodeID", event.previous_node_id},
                      {"Delay", event.delay_ns}});
  }
  return {{"Events", events}, {"LastReschedule", "ok"}};
}

/// What full form, stub and row have in common.
json common_to_json(const Allocation& a) {
  return {{"ID", a.id},
          {"Namespace", "default"},
          {"EvalID", a.eval_id},
          {"Name", a.name},
          {"NodeID", a.node_id},
          {"NodeName", a.node_name},
          {"JobID", a.job_id},
          {"TaskGroup", a.task_group},
          {"DesiredStatus", to_string(a.desired_status)},
          {"DesiredDescription", a.desired_description},
          {"DesiredTransition",
           {{"Migrate", a.transition_migrate ? json(true) : json(nullptr)},
            {"Reschedule", a.transition_reschedule ? json(true) : json(nullptr)}}},
          {"ClientStatus", to_string(a.client_status)},
          {"ClientDescription", a.client_description},
          {"DeploymentID", a.deployment_id},
          {"DeploymentStatus", deployment_status_to_json(a)},
          {"FollowupEvalID", a.followup_eval_id},
          {"NextAllocation", a.next_allocation},
          {"PreviousAllocation", a.previous_allocation},
          {"RescheduleTracker", tracker_to_json(a)},
          {"PreemptedAllocations", nullptr},
          {"PreemptedByAllocation", ""},
          {"CreateIndex", a.create_index},
          {"ModifyIndex", a.modify_index},
          {"AllocModifyIndex", a.alloc_modify_index},
          {"CreateTime", a.create_time_ns},
          {"ModifyTime", a.modify_time_ns}};
}

void read_port_list(JsonReader& network, const char* name, bool dynamic, const std::string& task, const std::string& ip,
                    std::vector<AllocatedPort>& out) {
  network.each(name, [&](JsonReader& item) {
    AllocatedPort port{.host_ip = ip, .task = task, .dynamic = dynamic};
    item.text("Label", port.label);
    item.port("Value", port.value);
    item.integer("To", port.to);
    out.push_back(std::move(port));
  });
}

/// Ports come from the Networks lists alone: Shared.Ports repeats the group's.
void read_networks(JsonReader& reader, const std::string& task, std::vector<AllocatedPort>& out) {
  reader.each("Networks", [&](JsonReader& network) {
    std::string ip;
    network.text("IP", ip);
    read_port_list(network, "ReservedPorts", false, task, ip, out);
    read_port_list(network, "DynamicPorts", true, task, ip, out);
  });
}

void read_allocated(JsonReader& reader, AllocatedResources& out) {
  reader.object("Shared", [&](JsonReader& shared) {
    shared.integer("DiskMB", out.disk_mb);
    read_networks(shared, "", out.ports);
  });
  reader.each_member("Tasks", [&](const std::string& name, JsonReader& task) {
    AllocatedTask& resources = out.tasks[name];
    task.object("Cpu", [&](JsonReader& cpu) { cpu.integer("CpuShares", resources.cpu_mhz); });
    task.object("Memory", [&](JsonReader& memory) {
      memory.integer("MemoryMB", resources.memory_mb);
      memory.integer("MemoryMaxMB", resources.memory_max_mb);
    });
    read_networks(task, name, out.ports);
  });
}

void read_common(JsonReader& reader, Allocation& a) {
  reader.text("ID", a.id);
  reader.text("EvalID", a.eval_id);
  reader.text("Name", a.name);
  reader.text("NodeID", a.node_id);
  reader.text("NodeName", a.node_name);
  reader.text("JobID", a.job_id);
  reader.text("TaskGroup", a.task_group);
  reader.text("DesiredDescription", a.desired_description);
  reader.object("DesiredTransition", [&](JsonReader& transition) {
    transition.boolean("Migrate", a.transition_migrate);
    transition.boolean("Reschedule", a.transition_reschedule);
  });
  reader.text("ClientDescription", a.client_description);
  reader.text("DeploymentID", a.deployment_id);
  reader.object("DeploymentStatus", [&](JsonReader& status) {
    AllocDeploymentStatus& out = a.deployment_status.emplace();
    status.optional_boolean("Healthy", out.healthy);
    status.time("Timestamp", out.timestamp_ns);
    status.boolean("Canary", out.canary);
    status.integer("ModifyIndex", out.modify_index);
  });
  reader.text("FollowupEvalID", a.followup_eval_id);
  reader.text("NextAllocation", a.next_allocation);
  reader.text("PreviousAllocation", a.previous_allocation);
  reader.integer("CreateIndex", a.create_index);
  reader.integer("ModifyIndex", a.modify_index);
  reader.integer("AllocModifyIndex", a.alloc_modify_index);
  reader.integer("CreateTime", a.create_time_ns);
  reader.integer("ModifyTime", a.modify_time_ns);
}

void read_statuses(JsonReader& reader, Allocation& a) {
  std::string desired = "run";
  reader.text("DesiredStatus", desired);
  if (auto parsed = parse_desired_status(desired)) {
    a.desired_status = *parsed;
  } else {
    reader.wrong("DesiredStatus", "run, stop or evict");
  }
  std::string client = "pending";
  reader.text("ClientStatus", client);
  if (auto parsed = parse_client_status(client)) {
    a.client_status = *parsed;
  } else {
    reader.wrong("ClientStatus", "a client status");
  }
}

Allocation read_allocation(JsonReader& reader) {
  Allocation a;
  read_common(reader, a);
  read_statuses(reader, a);
  reader.object("AllocatedResources", [&](JsonReader& resources) { read_allocated(resources, a.resources); });
  read_task_states(reader, "TaskStates", a.task_states);
  reader.object("Metrics", [&](JsonReader& metrics) { read_metric(metrics, a.metrics); });
  reader.object("RescheduleTracker", [&](JsonReader& tracker) {
    tracker.each("Events", [&](JsonReader& item) {
      RescheduleEvent& event = a.reschedule_events.emplace_back();
      item.integer("RescheduleTime", event.time_ns);
      item.text("PrevAllocID", event.previous_alloc_id);
      item.text("PrevNodeID", event.previous_node_id);
      item.integer("Delay", event.delay_ns);
    });
  });
  return a;
}

}  // namespace

json task_states_to_json(const std::map<std::string, TaskState>& states) {
  if (states.empty()) return nullptr;
  json out = json::object();
  for (const auto& [name, state] : states) {
    json events = json::array();
    for (const TaskEvent& event : state.events) {
      events.push_back({{"Type", event.type},
                        {"Time", event.time_ns},
                        {"DisplayMessage", event.message},
                        {"Message", event.message},
                        {"Details", event.details}});
    }
    out[name] = {{"State", to_string(state.state)},
                 {"Failed", state.failed},
                 {"Restarts", state.restarts},
                 {"LastRestart", time_text(state.last_restart_ns)},
                 {"StartedAt", time_text(state.started_at_ns)},
                 {"FinishedAt", time_text(state.finished_at_ns)},
                 {"Events", events},
                 {"TaskHandle", nullptr}};
  }
  return out;
}

void read_task_states(JsonReader& reader, const char* name, std::map<std::string, TaskState>& out) {
  reader.each_member(name, [&](const std::string& task, JsonReader& item) {
    TaskState& state = out[task];
    std::string run_state = "pending";
    item.text("State", run_state);
    if (auto parsed = parse_task_run_state(run_state)) {
      state.state = *parsed;
    } else {
      item.wrong("State", "pending, running or dead");
    }
    item.boolean("Failed", state.failed);
    item.integer("Restarts", state.restarts);
    item.time("LastRestart", state.last_restart_ns);
    item.time("StartedAt", state.started_at_ns);
    item.time("FinishedAt", state.finished_at_ns);
    item.each("Events", [&](JsonReader& event) {
      TaskEvent& entry = state.events.emplace_back();
      event.text("Type", entry.type);
      event.integer("Time", entry.time_ns);
      event.text("DisplayMessage", entry.message);
      event.text_map("Details", entry.details);
    });
    if (state.events.size() > kTaskEventsMax) {
      state.events.erase(state.events.begin(), state.events.end() - static_cast<std::ptrdiff_t>(kTaskEventsMax));
    }
  });
}

json allocation_stub_to_json(const Allocation& a, AllocStubOptions options) {
  json out = common_to_json(a);
  out["JobType"] = a.job ? a.job->type : "";
  out["JobVersion"] = a.job ? a.job->version : 0;
  out["TaskStates"] = options.task_states ? task_states_to_json(a.task_states) : json(nullptr);
  if (options.resources) out["AllocatedResources"] = allocated_to_json(a.resources);
  return out;
}

AllocationEncoder::AllocationEncoder() = default;
AllocationEncoder::~AllocationEncoder() = default;

json AllocationEncoder::full(const Allocation& a) {
  json out = common_to_json(a);
  if (a.job) {
    auto it = jobs_.find(a.job.get());
    if (it == jobs_.end()) it = jobs_.emplace(a.job.get(), job_to_json(*a.job)).first;
    out["Job"] = it->second;
  } else {
    out["Job"] = nullptr;
  }
  out["AllocatedResources"] = allocated_to_json(a.resources);
  add_legacy_resources(a.resources, out);
  out["Services"] = nullptr;
  out["Metrics"] = metric_to_json(a.metrics);
  out["TaskStates"] = task_states_to_json(a.task_states);
  out["NetworkStatus"] = nullptr;
  return out;
}

Result<Allocation> allocation_from_json(const json& value, JobPtr job) {
  JsonReader reader(value, "allocation");
  Allocation a = read_allocation(reader);
  if (auto status = reader.status(); !status) return fail(status.error());
  a.job = std::move(job);
  if (const json* own = reader.find("Job")) {
    auto decoded = job_from_json(*own);
    if (!decoded) return fail(decoded.error());
    a.job = std::make_shared<const Job>(std::move(*decoded));
  }
  return a;
}

json allocation_row(const Allocation& a) {
  json out = common_to_json(a);
  out["AllocatedResources"] = allocated_to_json(a.resources);
  out["Metrics"] = metric_to_json(a.metrics);
  out["TaskStates"] = task_states_to_json(a.task_states);
  out["JobVersion"] = a.job ? a.job->version : 0;
  out["JobCreateIndex"] = a.job ? a.job->create_index : 0;
  return out;
}

Result<Allocation> allocation_from_row(const json& value, const FindJob& find_job) {
  auto a = allocation_from_json(value);
  if (!a) return a;
  JsonReader reader(value, "allocation");
  JobReference reference{.job_id = a->job_id};
  reader.integer("JobVersion", reference.version);
  reader.integer("JobCreateIndex", reference.create_index);
  if (auto status = reader.status(); !status) return fail(status.error());
  a->job = find_job(reference);
  if (a->job == nullptr) {
    return fail(ErrorCode::invalid, "allocation " + a->id + ": version " + std::to_string(reference.version) +
                                        " of job " + a->job_id + " is missing");
  }
  return a;
}

}  // namespace weir::scheduler

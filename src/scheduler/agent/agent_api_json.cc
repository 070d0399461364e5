#include <nlohmann/json.hpp>

#include "scheduler/agent/agent_api_bodies.h"
#include "scheduler/agent/log_stream.h"
#include "weir/base/clock.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

using nlohmann::json;

/// File names and log lines may hold any bytes.
std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json file_json(const FileEntry& file) {
  return {{"Name", file.name},
          {"IsDir", file.folder},
          {"Size", file.size},
          {"FileMode", file.mode},
          {"ModTime", format_rfc3339(file.changed_at_ns)}};
}

json usage_json(const Usage& usage, int64_t core_mhz) {
  double percent = usage.user_percent + usage.system_percent;
  return {{"CpuStats",
           {{"SystemMode", usage.system_percent},
            {"UserMode", usage.user_percent},
            {"TotalTicks", percent / 100.0 * static_cast<double>(core_mhz)},
            {"ThrottledPeriods", 0},
            {"ThrottledTime", 0},
            {"Percent", percent},
            {"Measured", {"System Mode", "User Mode", "Percent"}}}},
          {"MemoryStats",
           {{"RSS", usage.resident_bytes},
            {"Cache", 0},
            {"Swap", 0},
            {"Usage", usage.resident_bytes},
            {"MaxUsage", 0},
            {"KernelUsage", 0},
            {"KernelMaxUsage", 0},
            {"Measured", {"RSS", "Usage"}}}},
          {"DeviceStats", json::array()}};
}

}  // namespace

std::string encode_log_frame(const LogCursor::Piece& piece) {
  json frame = json::object();
  if (!piece.file.empty()) frame["File"] = piece.file;
  if (piece.offset > 0) frame["Offset"] = piece.offset;
  if (!piece.bytes.empty()) frame["Data"] = base64_encode(piece.bytes);
  return text_of(frame) + "\n";
}

std::string encode_file(const FileEntry& file) { return text_of(file_json(file)); }

std::string encode_files(const std::vector<FileEntry>& files) {
  json out = json::array();
  for (const FileEntry& file : files) out.push_back(file_json(file));
  return text_of(out);
}

std::string encode_allocation_usage(const std::map<std::string, Usage>& tasks, int64_t core_mhz, int64_t now_ns) {
  Usage total;
  json by_task = json::object();
  for (const auto& [name, usage] : tasks) {
    total += usage;
    by_task[name] = {{"ResourceUsage", usage_json(usage, core_mhz)}, {"Timestamp", now_ns}, {"Pids", nullptr}};
  }
  return text_of(
      {{"ResourceUsage", usage_json(total, core_mhz)}, {"Tasks", std::move(by_task)}, {"Timestamp", now_ns}});
}

std::string encode_host_usage(const HostUsage& host, const std::string& data_dir, int64_t cpu_mhz, int64_t now_ns) {
  json cpus = json::array();
  double busy_percent = 0;
  for (const HostUsage::Cpu& cpu : host.cpus) {
    cpus.push_back(
        {{"CPU", cpu.name}, {"User", cpu.user_percent}, {"System", cpu.system_percent}, {"Idle", cpu.idle_percent}});
    busy_percent += (100.0 - cpu.idle_percent) / static_cast<double>(host.cpus.size());
  }
  double used_percent =
      host.disk_size == 0 ? 0 : static_cast<double>(host.disk_used) / static_cast<double>(host.disk_size) * 100.0;
  json disk = {{"Device", ""},
               {"Mountpoint", data_dir},
               {"Size", host.disk_size},
               {"Used", host.disk_used},
               {"Available", host.disk_available},
               {"UsedPercent", used_percent},
               {"InodesUsedPercent", 0.0}};
  return text_of({{"Memory",
                   {{"Total", host.memory_total},
                    {"Available", host.memory_available},
                    {"Used", host.memory_total - host.memory_available},
                    {"Free", host.memory_free}}},
                  {"CPU", std::move(cpus)},
                  {"DiskStats", json::array({disk})},
                  {"AllocDirStats", disk},
                  {"DeviceStats", json::array()},
                  {"Uptime", host.uptime_s},
                  {"CPUTicksConsumed", busy_percent / 100.0 * static_cast<double>(cpu_mhz)},
                  {"Timestamp", now_ns}});
}

std::string encode_agent_health(bool ok, const std::string& message) {
  return text_of({{"client", {{"ok", ok}, {"message", message}}}});
}

Result<TaskCommand> decode_task_command(std::string_view body) {
  TaskCommand command;
  if (trim(body).empty()) return command;
  json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object()) return fail(ErrorCode::invalid, "expected a JSON object");
  auto take = [&](const char* name, std::string& target) {
    auto at = parsed.find(name);
    if (at != parsed.end() && at->is_string()) target = at->get<std::string>();
  };
  take("Task", command.task);
  take("TaskName", command.task);
  take("Signal", command.signal);
  return command;
}

}  // namespace weir::scheduler

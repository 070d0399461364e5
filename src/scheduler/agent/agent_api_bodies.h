#pragma once
// The JSON of the agent's API.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "scheduler/agent/registration.h"
#include "scheduler/agent/task_usage.h"
#include "weir/base/result.h"

namespace weir::scheduler {

/// One file or folder as Nomad lists it.
struct FileEntry {
  std::string name;
  bool folder = false;
  uint64_t size = 0;
  std::string mode;  // "-rw-r--r--"
  int64_t changed_at_ns = 0;
};

std::string encode_file(const FileEntry& file);
std::string encode_files(const std::vector<FileEntry>& files);
/// `core_mhz` turns percent into Nomad's ticks.
std::string encode_allocation_usage(const std::map<std::string, Usage>& tasks, int64_t core_mhz, int64_t now_ns);
std::string encode_host_usage(const HostUsage& host, const std::string& data_dir, int64_t cpu_mhz, int64_t now_ns);
std::string encode_agent_health(bool ok, const std::string& message);

struct TaskCommand {
  std::string task;
  std::string signal;
};
/// {"TaskName" or "Task": "srv", "Signal": "SIGHUP"}; an empty body is an empty command.
Result<TaskCommand> decode_task_command(std::string_view body);

}  // namespace weir::scheduler

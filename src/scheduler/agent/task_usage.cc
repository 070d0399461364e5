#include "scheduler/agent/task_usage.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "scheduler/agent/fingerprint.h"
#include "weir/base/file.h"
#include "weir/base/text.h"

namespace weir::scheduler {

Usage& Usage::operator+=(const Usage& other) {
  resident_bytes += other.resident_bytes;
  user_percent += other.user_percent;
  system_percent += other.system_percent;
  pids.insert(pids.end(), other.pids.begin(), other.pids.end());
  return *this;
}

Usage TaskUsage::measure(const std::string& key, pid_t root, uint64_t started_at_ms, uint64_t now_ms) {
  Usage usage;
  if (root <= 0) return usage;
  std::multimap<pid_t, std::pair<pid_t, ProcessStat>> children;
  for (pid_t pid : list_processes()) {
    if (auto stat = read_process_stat(pid)) children.emplace(stat->parent, std::pair(pid, *stat));
  }
  Reading now{.at_ms = now_ms};
  std::vector<pid_t> parents = {root};
  std::set<pid_t> seen = {root};  // numbers may be reused while we read
  while (!parents.empty()) {
    auto [begin, end] = children.equal_range(parents.back());
    parents.pop_back();
    for (auto at = begin; at != end; ++at) {
      const auto& [pid, stat] = at->second;
      if (!seen.insert(pid).second) continue;
      usage.pids.push_back(pid);
      usage.resident_bytes += stat.resident_pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
      now.user_ticks += stat.user_ticks;
      now.system_ticks += stat.system_ticks;
      parents.push_back(pid);
    }
  }
  auto known = readings_.find(key);
  Reading before = known != readings_.end() && known->second.at_ms >= started_at_ms ? known->second
                                                                                    : Reading{.at_ms = started_at_ms};
  double ticks = static_cast<double>(std::max<uint64_t>(now_ms - before.at_ms, 1)) / 1000.0 *
                 static_cast<double>(::sysconf(_SC_CLK_TCK));
  // A process that ended between two readings takes its ticks along: then less than nothing was used.
  auto percent = [&](uint64_t later, uint64_t earlier) {
    return later > earlier ? static_cast<double>(later - earlier) / ticks * 100.0 : 0.0;
  };
  usage.user_percent = percent(now.user_ticks, before.user_ticks);
  usage.system_percent = percent(now.system_ticks, before.system_ticks);
  readings_[key] = now;
  return usage;
}

HostUsage measure_host(const std::string& folder) {
  HostUsage host;
  if (auto text = read_file("/proc/meminfo", 64 * 1024)) {
    auto lines = parse_key_values(*text, ':');
    auto bytes = [&](const char* name) { return static_cast<uint64_t>(std::atoll(lines[name].c_str())) * 1024; };
    host.memory_total = bytes("MemTotal");
    host.memory_available = bytes("MemAvailable");
    host.memory_free = bytes("MemFree");
  }
  if (auto text = read_file("/proc/uptime", 128)) host.uptime_s = static_cast<uint64_t>(std::atoll(text->c_str()));
  if (auto text = read_file("/proc/stat", 1024 * 1024)) {
    for (std::string_view line : split(*text, '\n')) {
      if (!line.starts_with("cpu") || line.starts_with("cpu ")) continue;
      auto fields = split_list(line, ' ');
      if (fields.size() < 5) continue;
      auto column = [&](size_t i) { return static_cast<double>(parse_u64(fields[i]).value_or(0)); };
      double total = 0;
      for (size_t i = 1; i < fields.size(); ++i) total += column(i);
      total = std::max(total, 1.0);
      host.cpus.push_back({.name = std::string(fields[0]),
                           .user_percent = (column(1) + column(2)) / total * 100,
                           .system_percent = column(3) / total * 100,
                           .idle_percent = column(4) / total * 100});
    }
  }
  struct statvfs volume {};
  if (::statvfs(folder.c_str(), &volume) == 0) {
    host.disk_size = static_cast<uint64_t>(volume.f_blocks) * volume.f_frsize;
    host.disk_available = static_cast<uint64_t>(volume.f_bavail) * volume.f_frsize;
    host.disk_used = host.disk_size - static_cast<uint64_t>(volume.f_bfree) * volume.f_frsize;
  }
  return host;
}

}  // namespace weir::scheduler

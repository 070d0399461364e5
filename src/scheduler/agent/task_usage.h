#pragma once
// What tasks and the machine use, read from /proc when somebody asks.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "scheduler/agent/process_identity.h"

namespace weir::scheduler {

struct Usage {
  uint64_t resident_bytes = 0;
  double user_percent = 0;  // of one core, since the last question (or since the start)
  double system_percent = 0;
  std::vector<pid_t> pids = {};

  Usage& operator+=(const Usage& other);
};

/// Remembers the last reading of each task, since a rate needs two. Owned by the agent's API.
class TaskUsage {
 public:
  /// Sums over all descendants of `root` (the supervisor itself is ours, not the task's). `started_at_ms` and `now_ms`
  /// are monotonic.
  Usage measure(const std::string& key, pid_t root, uint64_t started_at_ms, uint64_t now_ms);
  void forget(const std::string& key) { readings_.erase(key); }

 private:
  struct Reading {
    uint64_t at_ms = 0;
    uint64_t user_ticks = 0;
    uint64_t system_ticks = 0;
  };
  std::map<std::string, Reading> readings_;
};

struct HostUsage {
  struct Cpu {
    std::string name;  // "cpu0"
    double user_percent = 0;
    double system_percent = 0;
    double idle_percent = 0;
  };
  uint64_t memory_total = 0;
  uint64_t memory_available = 0;
  uint64_t memory_free = 0;
  uint64_t uptime_s = 0;
  std::vector<Cpu> cpus = {};  // since boot
  uint64_t disk_size = 0;      // of the folder's volume
  uint64_t disk_used = 0;
  uint64_t disk_available = 0;
};
HostUsage measure_host(const std::string& folder);

}  // namespace weir::scheduler

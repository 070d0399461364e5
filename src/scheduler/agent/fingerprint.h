#pragma once
// What this machine is and has, in Nomad's attribute names.

#include <map>
#include <string>

#include "scheduler/task_env.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

struct FingerprintInput {
  std::string data_dir;  // whose volume is the disk
  std::string ip;
  std::string version;    // Weir's
  int64_t cpu_mhz = 0;    // 0: measured
  int64_t memory_mb = 0;  // 0: measured
};

/// Sets attributes and resources of `node`; what cannot be read is left out.
void fingerprint_machine(const FingerprintInput& input, Node& node);

/// What ${node.*}, ${attr.*} and ${meta.*} stand for on that node.
NodeVariables node_variables(const Node& node);

/// Values of a file of KEY=value lines, quotes removed (os-release), or "key: value" (cpuinfo, meminfo), first one
/// wins.
std::map<std::string, std::string> parse_key_values(std::string_view text, char separator);

}  // namespace weir::scheduler

#include "scheduler/agent/fingerprint.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>

#include "scheduler/agent/signal_names.h"
#include "weir/base/file.h"
#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

// Constraints in job files compare with Nomad's versions; this is the one whose behaviour we follow.
constexpr const char* kNomadVersion = "1.9.7";
constexpr int64_t kCoreMhzUnknown = 1000;

std::map<std::string, std::string> read_key_values(const std::string& path, char separator) {
  auto text = read_file(path, 8 * 1024 * 1024);
  return text ? parse_key_values(*text, separator) : std::map<std::string, std::string>{};
}

std::string go_arch(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  return machine == "aarch64" ? "arm64" : machine;
}

void fingerprint_cpu(int64_t override_mhz, Node& node) {
  auto info = read_key_values("/proc/cpuinfo", ':');
  int64_t cores = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  int64_t mhz = std::atol(info["cpu MHz"].c_str());
  if (auto text = read_file("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", 64))
    mhz = std::atol(text->c_str()) / 1000;
  if (mhz <= 0) mhz = kCoreMhzUnknown;
  node.resources.cores = cores;
  node.resources.cpu_mhz = override_mhz > 0 ? override_mhz : cores * mhz;
  node.attributes["cpu.numcores"] = std::to_string(cores);
  node.attributes["cpu.frequency"] = std::to_string(mhz);
  node.attributes["cpu.totalcompute"] = std::to_string(node.resources.cpu_mhz);
  node.attributes["cpu.usablecompute"] = std::to_string(node.resources.cpu_mhz - node.reserved.cpu_mhz);
  if (!info["model name"].empty()) node.attributes["cpu.modelname"] = info["model name"];
}

void fingerprint_memory(int64_t override_mb, Node& node) {
  auto info = read_key_values("/proc/meminfo", ':');
  int64_t total_kb = std::atol(info["MemTotal"].c_str());
  node.resources.memory_mb = override_mb > 0 ? override_mb : total_kb / 1024;
  node.attributes["memory.totalbytes"] = std::to_string(override_mb > 0 ? override_mb * 1024 * 1024 : total_kb * 1024);
}

void fingerprint_disk(const std::string& data_dir, Node& node) {
  struct statvfs found {};
  if (::statvfs(data_dir.c_str(), &found) != 0) return;
  uint64_t total = static_cast<uint64_t>(found.f_blocks) * found.f_frsize;
  uint64_t free = static_cast<uint64_t>(found.f_bavail) * found.f_frsize;
  node.resources.disk_mb = static_cast<int64_t>(free / (1024 * 1024));
  node.attributes["unique.storage.volume"] = data_dir;
  node.attributes["unique.storage.bytestotal"] = std::to_string(total);
  node.attributes["unique.storage.bytesfree"] = std::to_string(free);
}

void fingerprint_system(Node& node) {
  utsname system{};
  if (::uname(&system) == 0) {
    node.attributes["kernel.name"] = to_lower(system.sysname);
    node.attributes["kernel.version"] = system.release;
    node.attributes["kernel.arch"] = system.machine;
    node.attributes["arch"] = go_arch(system.machine);
    node.attributes["cpu.arch"] = go_arch(system.machine);
    node.attributes["unique.hostname"] = system.nodename;
  }
  auto release = read_key_values("/etc/os-release", '=');
  if (!release["ID"].empty()) node.attributes["os.name"] = release["ID"];
  if (!release["VERSION_ID"].empty()) node.attributes["os.version"] = release["VERSION_ID"];
  node.attributes["os.signals"] = signal_names();
}

}  // namespace

std::map<std::string, std::string> parse_key_values(std::string_view text, char separator) {
  std::map<std::string, std::string> out;
  for (std::string_view line : split(text, '\n')) {
    size_t at = line.find(separator);
    if (at == std::string_view::npos) continue;
    std::string_view value = trim(line.substr(at + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    out.emplace(trim(line.substr(0, at)), value);
  }
  return out;
}

void fingerprint_machine(const FingerprintInput& input, Node& node) {
  fingerprint_cpu(input.cpu_mhz, node);
  fingerprint_memory(input.memory_mb, node);
  fingerprint_disk(input.data_dir, node);
  fingerprint_system(node);
  node.attributes["unique.network.ip-address"] = input.ip;
  node.attributes["nomad.version"] = kNomadVersion;
  node.attributes["nomad.service_discovery"] = "true";
  if (!input.version.empty()) node.attributes["weir.version"] = input.version;
}

NodeVariables node_variables(const Node& node) {
  NodeVariables out = {{"node.unique.id", node.id},          {"node.unique.name", node.name},
                       {"node.datacenter", node.datacenter}, {"node.class", node.node_class},
                       {"node.pool", node.node_pool},        {"node.region", "global"}};
  for (const auto& [name, value] : node.attributes) out["attr." + name] = value;
  for (const auto& [name, value] : node.meta) out["meta." + name] = value;
  return out;
}

}  // namespace weir::scheduler

#include "cpu_time.h"

#include <dirent.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace weir::bench {
namespace {

std::vector<pid_t> numbered_entries(const std::string& folder) {
  std::vector<pid_t> found;
  DIR* entries = opendir(folder.c_str());
  if (entries == nullptr) return found;
  while (const dirent* entry = readdir(entries)) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0) found.push_back(std::atoi(entry->d_name));
  }
  closedir(entries);
  return found;
}

std::string read_small(const std::string& path) {
  std::string text(1024, '\0');
  FILE* file = std::fopen(path.c_str(), "r");
  text.resize(file == nullptr ? 0 : std::fread(text.data(), 1, text.size(), file));
  if (file != nullptr) std::fclose(file);
  return text;
}

uint64_t cpu_ns_of(pid_t pid) {
  uint64_t sum = 0;
  std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (pid_t task : numbered_entries(tasks)) {
    sum += std::strtoull(read_small(tasks + "/" + std::to_string(task) + "/schedstat").c_str(), nullptr, 10);
  }
  return sum;
}

void add_children(pid_t pid, std::vector<pid_t>& pids) {
  std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (pid_t task : numbered_entries(tasks)) {
    std::string children = read_small(tasks + "/" + std::to_string(task) + "/children");
    for (char* at = children.data(); *at != '\0';) {
      char* end = nullptr;
      auto child = static_cast<pid_t>(std::strtol(at, &end, 10));
      if (end == at) break;
      pids.push_back(child);
      at = end;
    }
  }
}

}  // namespace

uint64_t cpu_ns_of_trees(const std::vector<pid_t>& roots) {
  std::vector<pid_t> pids = roots;
  uint64_t sum = 0;
  for (size_t i = 0; i < pids.size(); ++i) {
    sum += cpu_ns_of(pids[i]);
    add_children(pids[i], pids);
  }
  return sum;
}

uint64_t own_cpu_ns() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(used.tv_nsec);
}

}  // namespace weir::bench

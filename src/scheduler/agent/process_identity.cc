#include "scheduler/agent/process_identity.h"

#include <dirent.h>

#include <memory>

#include "weir/base/file.h"
#include "weir/base/text.h"

namespace weir::scheduler {

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 > text.size()) return std::nullopt;
  auto fields = split(trim(text.substr(name_end + 1)), ' ');
  if (fields.size() < 22 || fields[0].empty()) return std::nullopt;
  // fields[0] is column 3 (state) of proc(5).
  auto number = [&](size_t column) { return parse_u64(fields[column - 3]).value_or(0); };
  return ProcessStat{.state = fields[0][0],
                     .parent = static_cast<pid_t>(number(4)),
                     .group = static_cast<pid_t>(number(5)),
                     .session = static_cast<pid_t>(number(6)),
                     .user_ticks = number(14),
                     .system_ticks = number(15),
                     .start_ticks = number(22),
                     .resident_pages = number(24)};
}

std::optional<ProcessStat> read_process_stat(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 16 * 1024);
  if (!text) return std::nullopt;
  return parse_process_stat(*text);
}

std::optional<ProcessIdentity> identify_process(pid_t pid) {
  auto stat = read_process_stat(pid);
  if (!stat) return std::nullopt;
  return ProcessIdentity{pid, stat->start_ticks};
}

bool is_running(const ProcessIdentity& process) {
  if (process.pid <= 0) return false;
  auto stat = read_process_stat(process.pid);
  return stat && stat->start_ticks == process.start_ticks && stat->state != 'Z' && stat->state != 'X';
}

std::vector<pid_t> list_processes() {
  std::vector<pid_t> out;
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  if (!folder) return out;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (auto pid = parse_u64(entry->d_name)) out.push_back(static_cast<pid_t>(*pid));
  }
  return out;
}

const std::string& boot_id() {
  static const std::string id = [] {
    auto text = read_file("/proc/sys/kernel/random/boot_id", 128);
    return text ? std::string(trim(*text)) : std::string();
  }();
  return id;
}

}  // namespace weir::scheduler

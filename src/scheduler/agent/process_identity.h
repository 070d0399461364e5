#pragma once
// Which process is meant: numbers are reused, so a number alone proves nothing.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::scheduler {

/// A process number with the time it started at, in clock ticks since boot. With the boot's id it names one process for
/// ever.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_ticks = 0;
  bool operator==(const ProcessIdentity&) const = default;
};

/// The columns of /proc/<pid>/stat that we use.
struct ProcessStat {
  char state = '?';
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  uint64_t user_ticks = 0;
  uint64_t system_ticks = 0;
  uint64_t start_ticks = 0;
  uint64_t resident_pages = 0;
};

/// Parses the text of a stat file; the program's name in it may hold anything, also ") ".
std::optional<ProcessStat> parse_process_stat(std::string_view text);
/// Nothing when there is no such process.
std::optional<ProcessStat> read_process_stat(pid_t pid);
std::optional<ProcessIdentity> identify_process(pid_t pid);
/// False when it has ended (a zombie has), or when the number belongs to another process now.
bool is_running(const ProcessIdentity& process);
/// The numbers of all processes of this machine.
std::vector<pid_t> list_processes();
/// Differs after each boot; "" where the kernel does not tell.
const std::string& boot_id();

}  // namespace weir::scheduler

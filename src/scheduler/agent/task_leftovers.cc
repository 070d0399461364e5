#include "scheduler/agent/task_leftovers.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "weir/base/file.h"

namespace weir::scheduler {
namespace {

constexpr size_t kEnvironmentBytesMax = 4 * 1024 * 1024;
constexpr int kRounds = 3;  // what is forked while we look is found by the next one

bool has_marks(pid_t pid, const std::vector<std::string>& marks) {
  if (marks.empty()) return false;
  auto environment = read_file("/proc/" + std::to_string(pid) + "/environ", kEnvironmentBytesMax);
  if (!environment) return false;
  const std::string whole = '\0' + *environment;
  return std::all_of(marks.begin(), marks.end(),
                     [&](const std::string& mark) { return whole.find('\0' + mark + '\0') != std::string::npos; });
}

/// The number may have come to mean another process since we looked: it is held, and looked at once more.
void kill_exactly(const ProcessIdentity& process) {
  int handle = static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0));
  if (handle < 0) return;
  if (is_running(process)) ::syscall(SYS_pidfd_send_signal, handle, SIGKILL, nullptr, 0);
  ::close(handle);
}

}  // namespace

void kill_leftovers(const ProcessIdentity& supervisor, const std::vector<std::string>& marks) {
  // As long as one of the session lives its number is given to nobody else.
  auto leader = identify_process(supervisor.pid);
  const bool session_is_ours = supervisor.pid > 0 && (!leader || *leader == supervisor);
  for (int round = 0; round < kRounds; ++round) {
    bool found = false;
    for (pid_t pid : list_processes()) {
      auto stat = read_process_stat(pid);
      if (!stat || stat->state == 'Z' || pid == ::getpid() || stat->start_ticks < supervisor.start_ticks) continue;
      if (!(session_is_ours && stat->session == supervisor.pid) && !has_marks(pid, marks)) continue;
      kill_exactly({pid, stat->start_ticks});
      found = true;
    }
    if (!found) return;
  }
}

}  // namespace weir::scheduler

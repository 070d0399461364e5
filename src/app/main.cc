// weir: every part in one binary.

#include <fcntl.h>

#include <cerrno>
#include <string_view>

#include "app/cli.h"
#include "app/output.h"
#include "weir/scheduler/task_supervisor.h"

namespace {

// Each that is not open would be the next socket, event queue or database to be opened, with log lines in it. What is
// opened in its place can be neither read nor written: that its output is lost, a command goes on to say.
bool hold_standard_descriptors() {
  for (int fd : {0, 1, 2}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    if (::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) return false;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (!hold_standard_descriptors()) return 1;
  // Not a subcommand for people: the agent starts it, one for each task, and it must stay small.
  if (argc >= 2 && std::string_view(argv[1]) == "task-supervisor") {
    return weir::scheduler::run_task_supervisor(argc - 1, argv + 1);
  }
  return weir::app::flush_output(weir::app::run_command_line(argc, argv));
}

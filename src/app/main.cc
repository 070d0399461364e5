// weir: every part in one binary.

#include <string_view>

#include "app/cli.h"
#include "app/output.h"
#include "weir/scheduler/task_supervisor.h"

int main(int argc, char** argv) {
  // Not a subcommand for people: the agent starts it, one for each task, and it must stay small.
  if (argc >= 2 && std::string_view(argv[1]) == "task-supervisor") {
    return weir::scheduler::run_task_supervisor(argc - 1, argv + 1);
  }
  return weir::app::flush_output(weir::app::run_command_line(argc, argv));
}

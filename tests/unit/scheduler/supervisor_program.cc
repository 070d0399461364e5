// The supervisor as a program of its own, as small as in the real binary.
#include "weir/scheduler/task_supervisor.h"

int main(int argc, char** argv) { return weir::scheduler::run_task_supervisor(argc, argv); }

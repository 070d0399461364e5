#pragma once
// The command line.

namespace weir::app {

/// Reads the arguments, runs the subcommand they name and gives the exit code. --help is printed here.
int run_command_line(int argc, char** argv);

}  // namespace weir::app

#pragma once
// What all long-running subcommands have in common: logging, signals, the ready file, an orderly end.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.h"
#include "weir/base/ip.h"
#include "weir/base/result.h"
#include "weir/event/loop.h"

namespace weir::app {

/// A part that runs. `owner` keeps it alive; it is dropped before the loop.
struct RunningService {
  std::shared_ptr<void> owner;
  /// What it has bound: ("http", "127.0.0.1:8500"), in the order to print. A name with a dot nests: "entrypoints.web".
  std::vector<std::pair<std::string, std::string>> addresses;
  /// Begins an orderly end and calls back when it is over. Null: nothing to wait for.
  std::function<void(std::function<void()>)> stop = {};
  /// The same for the second signal, which waits for nothing that may last. Null: it ends at once.
  std::function<void(std::function<void()>)> stop_now = {};
  /// SIGUSR1. Null: ignored.
  std::function<void()> reopen_logs = {};
  std::function<void()> reload = {};  // SIGHUP
  /// Whether it can serve what it has bound (a store that is still loading cannot). An error ends it. Null: at once.
  std::function<Result<bool>()> is_ready = {};
};

/// Starts, writes the ready file once it can serve, runs until SIGTERM or SIGINT (a second one waits for no request).
/// Gives the exit code.
int run_service(const std::string& name, const ServiceOptions& options,
                const std::function<Result<RunningService>(event::Loop&)>& start);

/// An error on standard error, as every subcommand prints it; gives exit code 1.
int print_error(const Error& error);

/// An address from a flag, or an Error that names the flag.
Result<SocketAddress> flag_address(const std::string& flag, const std::string& text);

}  // namespace weir::app

#pragma once
// Nomad's raw_exec: a program on the host without isolation, each under a supervisor of its own.

#include <memory>
#include <string>
#include <vector>

#include "scheduler/agent/driver.h"
#include "weir/event/loop.h"

namespace weir::scheduler {

/// A raw_exec config with every ${...} replaced.
struct RawExecConfig {
  std::vector<std::string> argv;
  std::string work_dir;  // "" = the task's folder
};

/// Pure. Errors name the argument: unknown, missing, of a wrong kind, or with a variable that nobody knows.
Result<RawExecConfig> parse_raw_exec_config(const Value& config, const TextMap& env, const NodeVariables& node);

class RawExecDriver final : public Driver {
 public:
  struct Options {
    std::string state_folder;                  // holds <key>.spec, <key>.record and <key>.lock
    std::vector<std::string> supervisor_argv;  // the spec file's path is appended
  };
  RawExecDriver(event::Loop& loop, Options options) : loop_(loop), options_(std::move(options)) {}

  [[nodiscard]] std::string_view name() const override { return "raw_exec"; }
  [[nodiscard]] DriverState fingerprint() const override;
  [[nodiscard]] int default_kill_signal() const override;
  Result<std::unique_ptr<TaskProcess>> start(const TaskLaunch& launch, TaskProcess::Observer& observer) override;
  std::unique_ptr<TaskProcess> reattach(const std::string& key, TaskProcess::Observer& observer) override;
  void forget(const std::string& key) override;

 private:
  [[nodiscard]] std::string path(const std::string& key, std::string_view ending) const;

  event::Loop& loop_;
  Options options_;
};

}  // namespace weir::scheduler

#pragma once
// A task under a supervisor, seen from the agent.

#include <optional>
#include <string>
#include <vector>

#include "scheduler/agent/driver.h"
#include "scheduler/agent/task_files.h"
#include "weir/event/process.h"
#include "weir/event/timer.h"
#include "weir/scheduler/task_supervisor.h"

namespace weir::scheduler {

/// Launches a supervisor or finds a running one, follows it by pidfd and passes orders to it. Owned by a TaskRunner.
/// Loop's thread.
class SupervisedProcess final : public TaskProcess {
 public:
  SupervisedProcess(event::Loop& loop, std::string record_path, Observer& observer);

  /// Runs `argv`, a supervisor with its spec, which names this start `run`. Where another supervisor has the task
  /// already (an agent died while it launched it), that one's task is followed instead.
  Status launch(const std::vector<std::string>& argv, std::string run);
  /// Follows the process that `record` tells of.
  void adopt(const TaskRecord& record);

  void stop(int signal, uint32_t kill_after_ms) override;
  Status send_signal(int signal) override;
  [[nodiscard]] pid_t root_pid() const override { return watch_ ? record_.supervisor.pid : 0; }

 private:
  Status run_launcher();
  void on_launched(event::ExitStatus status);
  void on_taken();
  [[nodiscard]] bool follow_supervisor();
  void on_supervisor_ended();
  void report_later(std::optional<Error> not_started);
  void report();

  event::Loop& loop_;
  const std::string record_path_;
  Observer& observer_;
  std::vector<std::string> argv_;
  std::string run_;
  int launches_ = 0;
  std::optional<event::Child> launcher_;
  std::optional<event::ProcessWatch> watch_;   // of the supervisor
  std::vector<SupervisorOrder> early_orders_;  // given before the supervisor was known
  TaskRecord record_;
  std::optional<Error> not_started_;
  event::Timer relaunch_;
  event::Timer later_;  // observers are never called from within their own calls
};

}  // namespace weir::scheduler

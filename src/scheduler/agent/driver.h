#pragma once
// What can run a task. The agent's runners know only this.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/task_env.h"
#include "weir/base/result.h"
#include "weir/scheduler/job.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

/// How a task ended. Without success when `error` says why nothing is known of its end.
struct TaskExit {
  int code = 0;
  int signal = 0;  // not 0: ended by it
  int64_t started_at_ns = 0;
  int64_t finished_at_ns = 0;
  std::string error = {};
  [[nodiscard]] bool success() const { return code == 0 && signal == 0 && error.empty(); }
};

/// One task's process. Owned by its TaskRunner; loop's thread. Destroying it leaves the process running.
class TaskProcess {
 public:
  /// Told what happens, never from within a call of ours. The observer may destroy the TaskProcess in each of these.
  class Observer {
   public:
    virtual void on_process_started(int64_t started_at_ns) = 0;
    /// `invalid`: starting it again cannot help.
    virtual void on_process_not_started(const Error& error) = 0;
    virtual void on_process_exited(const TaskExit& exit) = 0;

   protected:
    ~Observer() = default;
  };

  virtual ~TaskProcess() = default;
  /// Sends `signal` to the main process; after `kill_after_ms` SIGKILL to it and all its descendants, even if the agent
  /// is gone by then.
  virtual void stop(int signal, uint32_t kill_after_ms) = 0;
  virtual Status send_signal(int signal) = 0;
  /// The process under which all of the task's processes stand; 0 before it has started.
  [[nodiscard]] virtual pid_t root_pid() const = 0;
};

struct TaskLaunch {
  std::string key;  // "<alloc id>.<task>": names the driver's files
  Value config;     // an object, not interpolated
  TextMap env;
  NodeVariables node;
  std::string task_dir;  // the working folder
  std::string log_folder;
  std::string log_name;
  LogConfig logs;
};

/// Owned by the agent; outlives its processes.
class Driver {
 public:
  virtual ~Driver() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual DriverState fingerprint() const = 0;
  [[nodiscard]] virtual int default_kill_signal() const = 0;
  /// The observer hears of the outcome. An `invalid` error: the config is wrong.
  virtual Result<std::unique_ptr<TaskProcess>> start(const TaskLaunch& launch, TaskProcess::Observer& observer) = 0;
  /// A process that an earlier agent started: running (on_process_started comes) or ended meanwhile (only
  /// on_process_exited comes). nullptr when none is known by that key.
  virtual std::unique_ptr<TaskProcess> reattach(const std::string& key, TaskProcess::Observer& observer) = 0;
  /// Removes what is kept under the key. Only for tasks that have ended.
  virtual void forget(const std::string& key) = 0;
};

}  // namespace weir::scheduler

#pragma once
// One task of one allocation, from its first start to its last end.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "scheduler/agent/driver.h"
#include "scheduler/agent/restart_tracker.h"
#include "weir/base/clock.h"
#include "weir/event/timer.h"
#include "weir/scheduler/job.h"
#include "weir/scheduler/model.h"

namespace weir::scheduler {

inline constexpr uint32_t kMaxKillTimeoutMs = 30'000;

/// Starts, restarts and stops a process by a driver, keeping Nomad's task state and events. Owned by an AllocRunner.
/// Loop's thread. Destroying it leaves the process running.
class TaskRunner final : public TaskProcess::Observer {
 public:
  /// The allocation that the task belongs to.
  class Host {
   public:
    /// The state or events changed: to be kept and reported.
    virtual void on_task_changed() = 0;
    virtual void on_task_running(TaskRunner& task) = 0;
    /// It ran and does not any more, wanted or not: its services must go.
    virtual void on_task_down(TaskRunner& task) = 0;
    /// It will not run again.
    virtual void on_task_dead(TaskRunner& task) = 0;
    /// Takes the task's services out of the registry; calls back when the registry said so, or with why it did not.
    virtual void withdraw_services(TaskRunner& task, std::function<void(Status)> done) = 0;
    /// False while nothing may be started: the task then waits for start().
    virtual bool may_launch(const TaskRunner& task) = 0;
    /// Everything a driver needs but the config.
    virtual TaskLaunch launch_of(const TaskRunner& task) = 0;

   protected:
    ~Host() = default;
  };

  /// `task` and `job_type` are copied. `driver` may be nullptr: the node has none of that name.
  TaskRunner(event::Loop& loop, Host& host, std::string key, std::string job_type, Task task, Driver* driver);

  /// First start.
  void start();
  /// After the agent's own restart: takes over `state`, finds the process, or what became of it. Where nothing is known
  /// of the process the task waits for start() unless it is dead.
  void restore(TaskState state);
  /// The definition of an in-place update: policies and timeouts for what comes next.
  void update(Task task) { task_ = std::move(task); }
  /// Deregister, shutdown delay, kill signal, kill timeout, SIGKILL. Idempotent. `event` says why, if anything does
  /// besides the order itself.
  void stop(std::optional<TaskEvent> event = std::nullopt);
  /// As stop(), then starts again: at once, or, when it `counts` as a failure, by the restart policy.
  void restart(std::string reason, bool counts);
  /// SIGKILL to all of it, at once and out of any order.
  void kill();
  Status signal(int number, const std::string& name);
  void add_event(std::string type, std::string message, TextMap details = {});

  [[nodiscard]] const Task& task() const { return task_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] const TaskState& state() const { return state_; }
  [[nodiscard]] bool running() const { return state_.state == TaskRunState::running; }
  [[nodiscard]] bool dead() const { return state_.state == TaskRunState::dead; }
  [[nodiscard]] bool stopping() const { return stopping_; }
  /// Monotonic time of the latest start (or of the agent's, when restored).
  [[nodiscard]] uint64_t started_at_ms() const { return started_at_ms_; }
  [[nodiscard]] bool has_process() const { return process_ != nullptr; }
  [[nodiscard]] pid_t root_pid() const { return process_ ? process_->root_pid() : 0; }

 private:
  enum class Phase : uint8_t { waiting, starting, running, between_runs, withdrawing, delaying, killing, dead };

  void on_process_started(int64_t started_at_ns) override;
  void on_process_not_started(const Error& error) override;
  void on_process_exited(const TaskExit& exit) override;

  void launch();
  void on_launch_failed(const Error& error);
  void follow(const RestartDecision& decision);
  void note_started(int64_t started_at_ns);
  void begin_kill();
  void delay_kill(const Status& withdrawn);
  void send_kill();
  void finish(bool failed);

  event::Loop& loop_;
  Host& host_;
  const std::string key_;
  const std::string job_type_;
  Task task_;
  Driver* const driver_;

  Phase phase_ = Phase::waiting;
  bool stopping_ = false;       // for good
  bool restart_after_ = false;  // the kill under way is half of a restart
  bool restart_counts_ = false;
  TaskState state_;
  uint64_t started_at_ms_ = 0;
  RestartTracker restarts_;
  SystemClock clock_;
  std::unique_ptr<TaskProcess> process_;
  event::Timer timer_;  // the restart delay or the shutdown delay
};

}  // namespace weir::scheduler

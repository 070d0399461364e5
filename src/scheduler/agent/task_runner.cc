#include "scheduler/agent/task_runner.h"

#include <algorithm>
#include <csignal>
#include <utility>

#include "scheduler/agent/signal_names.h"
#include "weir/base/duration.h"
#include "weir/base/log.h"

namespace weir::scheduler {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

std::string exit_text(const TaskExit& exit) {
  if (!exit.error.empty()) return exit.error;
  std::string text = "Exit Code: " + std::to_string(exit.code);
  if (exit.signal != 0) text += ", Signal: " + std::to_string(exit.signal);
  return text;
}

}  // namespace

TaskRunner::TaskRunner(event::Loop& loop, Host& host, std::string key, std::string job_type, Task task, Driver* driver)
    : loop_(loop),
      host_(host),
      key_(std::move(key)),
      job_type_(std::move(job_type)),
      task_(std::move(task)),
      driver_(driver),
      timer_(loop, [this] { phase_ == Phase::delaying ? send_kill() : launch(); }) {}

void TaskRunner::start() {
  if (phase_ != Phase::waiting) return;
  launch();
}

void TaskRunner::restore(TaskState state) {
  state_ = std::move(state);
  if (state_.state == TaskRunState::dead) {
    phase_ = Phase::dead;
    return;
  }
  process_ = driver_ == nullptr ? nullptr : driver_->reattach(key_, *this);
  if (process_) {
    phase_ = Phase::starting;
  } else {
    state_.state = TaskRunState::pending;
  }
}

void TaskRunner::launch() {
  if (!host_.may_launch(*this)) {
    phase_ = Phase::waiting;
    return;
  }
  if (driver_ == nullptr) {
    return on_launch_failed(
        {.code = ErrorCode::invalid, .message = "this node has no driver \"" + task_.driver + "\""});
  }
  phase_ = Phase::starting;
  state_.state = TaskRunState::pending;
  TaskLaunch launch = host_.launch_of(*this);
  launch.config = task_.config;
  auto process = driver_->start(launch, *this);
  if (!process) return on_launch_failed(process.error());
  process_ = std::move(*process);
}

void TaskRunner::on_launch_failed(const Error& error) {
  add_event("Setup Failure", error.text());
  bool recoverable = error.code != ErrorCode::invalid;
  follow(restarts_.after_failed_start(task_.restart_policy, recoverable, clock_.monotonic_ms()));
}

void TaskRunner::on_process_started(int64_t started_at_ns) {
  note_started(started_at_ns);
  phase_ = Phase::running;
  host_.on_task_running(*this);
  if (phase_ == Phase::running && (stopping_ || restart_after_)) begin_kill();
}

void TaskRunner::note_started(int64_t started_at_ns) {
  bool known = state_.state == TaskRunState::running && state_.started_at_ns == started_at_ns;
  started_at_ms_ = clock_.monotonic_ms();
  state_.state = TaskRunState::running;
  state_.started_at_ns = started_at_ns;
  if (!known) add_event("Started", "Task started by client");
}

void TaskRunner::on_process_not_started(const Error& error) {
  process_.reset();
  add_event("Driver Failure", error.text());
  if (stopping_) return finish(false);
  bool recoverable = error.code != ErrorCode::invalid;
  follow(restarts_.after_failed_start(task_.restart_policy, recoverable, clock_.monotonic_ms()));
}

void TaskRunner::on_process_exited(const TaskExit& exit) {
  process_.reset();
  timer_.stop();
  if (phase_ == Phase::starting) note_started(exit.started_at_ns);  // it was too quick to be seen running
  bool ordered = phase_ == Phase::killing || phase_ == Phase::delaying || phase_ == Phase::withdrawing;
  phase_ = Phase::between_runs;
  state_.finished_at_ns = exit.finished_at_ns;
  TextMap details = {
      {"exit_code", std::to_string(exit.code)}, {"signal", std::to_string(exit.signal)}, {"oom_killed", "false"}};
  if (!exit.error.empty()) details["exit_message"] = exit.error;
  add_event("Terminated", exit_text(exit), std::move(details));
  if (ordered) add_event("Killed", "Task successfully killed");
  host_.on_task_down(*this);
  if (phase_ != Phase::between_runs) return;  // the host has decided
  if (stopping_) return finish(false);
  if (std::exchange(restart_after_, false) && !restart_counts_) {
    return follow({.verdict = RestartDecision::Verdict::restart, .delay_ms = 0, .reason = "Restart requested"});
  }
  // A task that was killed for its failing checks has failed, even if it left in good order.
  bool success = exit.success() && !std::exchange(restart_counts_, false);
  follow(restarts_.after_exit(task_.restart_policy, job_type_, success, clock_.monotonic_ms()));
}

void TaskRunner::follow(const RestartDecision& decision) {
  switch (decision.verdict) {
    case RestartDecision::Verdict::complete: return finish(false);
    case RestartDecision::Verdict::fail:
      add_event("Not Restarting", decision.reason, {{"fails_task", "true"}, {"restart_reason", decision.reason}});
      return finish(true);
    case RestartDecision::Verdict::restart: break;
  }
  auto delay_ns = static_cast<int64_t>(decision.delay_ms) * kNsPerMs;
  phase_ = Phase::between_runs;
  state_.state = TaskRunState::pending;
  ++state_.restarts;
  state_.last_restart_ns = clock_.wall_ns();
  add_event("Restarting", "Task restarting in " + format_duration(delay_ns),
            {{"restart_reason", decision.reason}, {"start_delay", std::to_string(delay_ns)}});
  timer_.start_once(decision.delay_ms);
}

void TaskRunner::stop(std::optional<TaskEvent> event) {
  if (phase_ == Phase::dead || stopping_) return;
  stopping_ = true;
  restart_after_ = false;
  if (event) add_event(event->type, event->message, event->details);
  switch (phase_) {
    case Phase::running: return begin_kill();
    case Phase::waiting:
    case Phase::between_runs: timer_.stop(); return finish(false);
    case Phase::starting:     // on_process_started() goes on from here
    case Phase::withdrawing:  // a restart's kill under way becomes the last one
    case Phase::delaying:
    case Phase::killing:
    case Phase::dead: return;
  }
}

void TaskRunner::restart(std::string reason, bool counts) {
  if (stopping_ || restart_after_ || phase_ == Phase::dead) return;
  restart_counts_ = counts;
  add_event("Restart Signaled", std::move(reason));
  restart_after_ = phase_ == Phase::running || phase_ == Phase::starting;
  if (phase_ == Phase::running) return begin_kill();
  if (phase_ == Phase::between_runs) timer_.start_once(0);
}

void TaskRunner::begin_kill() {
  phase_ = Phase::withdrawing;
  host_.withdraw_services(*this, [this](const Status& withdrawn) {
    if (phase_ == Phase::withdrawing) delay_kill(withdrawn);
  });
}

void TaskRunner::delay_kill(const Status& withdrawn) {
  if (!withdrawn) add_event("Task hook failed", "deregistration was not confirmed: " + withdrawn.error().text());
  if (task_.shutdown_delay_ns <= 0) return send_kill();
  phase_ = Phase::delaying;
  add_event("Waiting for shutdown delay",
            "Waiting for shutdown_delay of " + format_duration(task_.shutdown_delay_ns) + " before killing the task.");
  timer_.start_once(static_cast<uint64_t>(task_.shutdown_delay_ns / kNsPerMs));
}

void TaskRunner::send_kill() {
  phase_ = Phase::killing;
  int number = parse_signal(task_.kill_signal).value_or(driver_->default_kill_signal());
  int64_t wanted_ms = std::max<int64_t>(task_.kill_timeout_ns / kNsPerMs, 1);
  auto timeout_ms = static_cast<uint32_t>(std::min<int64_t>(wanted_ms, kMaxKillTimeoutMs));
  std::string timeout = format_duration(static_cast<int64_t>(timeout_ms) * kNsPerMs);
  add_event("Killing", "Sent interrupt. Waiting " + timeout + " before force killing",
            {{"kill_timeout", timeout}, {"kill_signal", std::to_string(number)}});
  process_->stop(number, timeout_ms);
}

void TaskRunner::kill() {
  if (process_) process_->stop(SIGKILL, 0);
}

Status TaskRunner::signal(int number, const std::string& name) {
  if (!process_ || !running()) return fail(ErrorCode::conflict, "Task not running");
  add_event("Signaling", "Task being sent signal " + name);
  return process_->send_signal(number);
}

void TaskRunner::finish(bool failed) {
  phase_ = Phase::dead;
  state_.state = TaskRunState::dead;
  state_.failed = failed;
  if (state_.finished_at_ns < state_.started_at_ns || state_.finished_at_ns == 0)
    state_.finished_at_ns = clock_.wall_ns();
  host_.on_task_changed();
  host_.on_task_dead(*this);
}

void TaskRunner::add_event(std::string type, std::string message, TextMap details) {
  log::info("task event", {{"task", key_}, {"type", type}, {"message", message}});
  state_.events.push_back({.type = std::move(type),
                           .time_ns = clock_.wall_ns(),
                           .message = std::move(message),
                           .details = std::move(details)});
  if (state_.events.size() > kTaskEventsMax) state_.events.erase(state_.events.begin());
  host_.on_task_changed();
}

}  // namespace weir::scheduler

#include "scheduler/agent/supervised_process.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "scheduler/agent/task_leftovers.h"
#include "weir/base/clock.h"
#include "weir/base/file.h"
#include "weir/base/log.h"

namespace weir::scheduler {
namespace {

constexpr size_t kRecordBytesMax = 64 * 1024;
constexpr size_t kSpecBytesMax = 4 * 1024 * 1024;
constexpr uint64_t kRelaunchMs = 50;
constexpr int kLaunchesMax = 100;  // 5 s for another supervisor to write its record, or to go

Result<TaskRecord> read_record(const std::string& path) {
  auto text = read_file(path, kRecordBytesMax);
  if (!text) return fail(text.error());
  return decode_task_record(*text);
}

/// What every process of the task was started with: variables that no other task has.
std::vector<std::string> marks_of_task(const std::string& record_path) {
  auto text = read_file(spec_path_of(record_path), kSpecBytesMax);
  if (!text) return {};
  auto spec = decode_task_spec(*text);
  if (!spec) return {};
  std::vector<std::string> marks;
  for (const std::string& variable : spec->env) {
    if (variable.starts_with("NOMAD_ALLOC_ID=") || variable.starts_with("NOMAD_TASK_NAME=")) marks.push_back(variable);
  }
  return marks.size() == 2 ? marks : std::vector<std::string>{};
}

}  // namespace

SupervisedProcess::SupervisedProcess(event::Loop& loop, std::string record_path, Observer& observer)
    : loop_(loop),
      record_path_(std::move(record_path)),
      observer_(observer),
      relaunch_(loop,
                [this] {
                  if (Status launched = run_launcher(); !launched) report_later(launched.error());
                }),
      later_(loop, [this] { report(); }) {}

Status SupervisedProcess::launch(const std::vector<std::string>& argv, std::string run) {
  argv_ = argv;
  run_ = std::move(run);
  return run_launcher();
}

Status SupervisedProcess::run_launcher() {
  ++launches_;
  auto child = event::Child::start(loop_, {.argv = argv_}, [this](event::ExitStatus status) { on_launched(status); });
  if (!child) return fail(child.error());
  launcher_.emplace(std::move(*child));
  return {};
}

void SupervisedProcess::on_launched(event::ExitStatus status) {
  if (status.signal == 0 && status.code == kSupervisorTaken) return on_taken();
  auto record = read_record(record_path_);
  bool ours = record && record->run == run_;
  if (ours && record->phase != TaskRecord::Phase::not_started) return adopt(*record);
  std::string reason = ours ? record->error : "the supervisor ended with code " + std::to_string(status.code);
  report_later(Error{.code = ours ? ErrorCode::invalid : ErrorCode::io, .message = reason});
}

void SupervisedProcess::adopt(const TaskRecord& record) {
  record_ = record;
  if (record_.phase == TaskRecord::Phase::running && record_.boot == boot_id() && follow_supervisor()) {
    for (SupervisorOrder order : early_orders_) stop(order.signal, order.kill_after_ms);
    early_orders_.clear();
  }
  report_later(std::nullopt);
}

void SupervisedProcess::on_taken() {
  auto record = read_record(record_path_);
  bool running = record && record->phase == TaskRecord::Phase::running && record->boot == boot_id();
  if (running && is_running(record->supervisor)) return adopt(*record);
  // It has not written its record yet, or has written its last one and goes.
  if (launches_ < kLaunchesMax) return relaunch_.start_once(kRelaunchMs);
  report_later(Error{.code = ErrorCode::io, .message = "another supervisor holds the task"});
}

bool SupervisedProcess::follow_supervisor() {
  auto watch = event::ProcessWatch::watch(loop_, record_.supervisor.pid, [this] { on_supervisor_ended(); });
  // Looked at after the watch holds the process: from here on the number cannot come to mean another one.
  if (!watch || !is_running(record_.supervisor)) return false;
  watch_.emplace(std::move(*watch));
  return true;
}

void SupervisedProcess::on_supervisor_ended() {
  // It is our child only where the agent adopts orphans (as process 1 of a container).
  ::waitpid(record_.supervisor.pid, nullptr, WNOHANG);
  watch_.reset();
  report();
}

void SupervisedProcess::report_later(std::optional<Error> not_started) {
  not_started_ = std::move(not_started);
  later_.start_once(0);
}

/// Says where the process stands, as the last step: the observer may destroy this object.
void SupervisedProcess::report() {
  later_.stop();
  if (not_started_) return observer_.on_process_not_started(*std::exchange(not_started_, std::nullopt));
  if (watch_) return observer_.on_process_started(record_.started_at_ns);
  auto record = read_record(record_path_);
  if (record && record->run == record_.run && record->phase == TaskRecord::Phase::exited) {
    return observer_.on_process_exited({.code = record->exit_code,
                                        .signal = record->signal,
                                        .started_at_ns = record->started_at_ns,
                                        .finished_at_ns = record->finished_at_ns});
  }
  bool same_boot = record_.boot == boot_id();
  if (same_boot) kill_leftovers(record_.supervisor, marks_of_task(record_path_));
  observer_.on_process_exited(
      {.started_at_ns = record_.started_at_ns,
       .finished_at_ns = SystemClock().wall_ns(),
       .error = same_boot ? "its supervisor was killed, how it ended is unknown" : "the machine was restarted"});
}

void SupervisedProcess::stop(int signal, uint32_t kill_after_ms) {
  SupervisorOrder order{.signal = signal, .kill_after_ms = std::min(kill_after_ms, kKillAfterMaxMs)};
  if (!watch_) {
    early_orders_.push_back(order);
    return;
  }
  Status sent = watch_->send(kSupervisorOrderSignal, order.packed());
  if (!sent && sent.error().code != ErrorCode::not_found) {
    log::error("supervisor does not take orders", {{"pid", record_.supervisor.pid}, {"error", sent.error()}});
  }
}

Status SupervisedProcess::send_signal(int signal) {
  if (!watch_) return fail(ErrorCode::not_found, "the task is not running");
  return watch_->send(kSupervisorOrderSignal, SupervisorOrder{.signal = signal}.packed());
}

}  // namespace weir::scheduler

#include "scheduler/agent/raw_exec_driver.h"

#include <unistd.h>

#include <csignal>

#include "scheduler/agent/supervised_process.h"
#include "scheduler/agent/task_files.h"
#include "weir/base/clock.h"
#include "weir/base/file.h"
#include "weir/base/log.h"
#include "weir/base/random.h"

namespace weir::scheduler {
namespace {

constexpr size_t kRecordBytesMax = 64 * 1024;

Result<std::string> scalar(const Value& value, const std::string& name, const TextMap& env, const NodeVariables& node) {
  if (!value.is_string() && !value.is_number() && !value.is_bool()) {
    return fail(ErrorCode::invalid, "raw_exec: " + name + " must be text, not " + std::string(value.kind()));
  }
  std::string text = value.to_text();
  if (auto unknown = unknown_variable(text, env, node)) {
    return fail(ErrorCode::invalid, "raw_exec: " + name + ": unknown variable " + *unknown);
  }
  return interpolate(text, env, node);
}

}  // namespace

Result<RawExecConfig> parse_raw_exec_config(const Value& config, const TextMap& env, const NodeVariables& node) {
  RawExecConfig out;
  std::vector<std::string> args;
  for (const auto& [name, value] : merged_object(config)) {
    if (name == "command") {
      auto text = scalar(value, name, env, node);
      if (!text) return fail(text.error());
      out.argv.push_back(*text);
    } else if (name == "work_dir") {
      auto text = scalar(value, name, env, node);
      if (!text) return fail(text.error());
      out.work_dir = *text;
    } else if (name == "args") {
      if (value.is_null()) continue;
      if (!value.is_list()) return fail(ErrorCode::invalid, "raw_exec: args must be a list");
      for (const Value& item : value.as_list()) {
        auto text = scalar(item, "args[" + std::to_string(args.size()) + "]", env, node);
        if (!text) return fail(text.error());
        args.push_back(*text);
      }
    } else if (name != "cgroup_v1_override" && name != "cgroup_v2_override" && name != "oom_score_adj") {
      return fail(ErrorCode::invalid, "raw_exec: unsupported argument \"" + name + "\"");
    }
  }
  if (out.argv.empty() || out.argv[0].empty()) return fail(ErrorCode::invalid, "raw_exec: missing command");
  out.argv.insert(out.argv.end(), args.begin(), args.end());
  return out;
}

DriverState RawExecDriver::fingerprint() const {
  return {.detected = true, .healthy = true, .description = "Healthy", .update_time_ns = SystemClock().wall_ns()};
}

int RawExecDriver::default_kill_signal() const { return SIGINT; }

std::string RawExecDriver::path(const std::string& key, std::string_view ending) const {
  return (options_.state_folder + "/" + key).append(ending);
}

Result<std::unique_ptr<TaskProcess>> RawExecDriver::start(const TaskLaunch& launch, TaskProcess::Observer& observer) {
  auto config = parse_raw_exec_config(launch.config, launch.env, launch.node);
  if (!config) return fail(config.error());
  TaskSpec spec{.argv = config->argv,
                .cwd = config->work_dir.empty() ? launch.task_dir : config->work_dir,
                .log_folder = launch.log_folder,
                .log_name = launch.log_name,
                .log_disabled = launch.logs.disabled,
                .run = make_uuid(),
                .record_path = path(launch.key, ".record"),
                .lock_path = path(launch.key, ".lock")};
  if (launch.logs.max_file_size_mb > 0) {
    spec.log_file_bytes_max = static_cast<uint64_t>(launch.logs.max_file_size_mb) * 1024 * 1024;
  }
  if (launch.logs.max_files > 0) spec.log_files_max = static_cast<uint64_t>(launch.logs.max_files);
  for (const auto& [name, value] : launch.env) spec.env.emplace_back(name).append("=").append(value);
  // Not world-readable: an environment may hold secrets.
  Status written = write_file_atomic(path(launch.key, ".spec"), encode_task_spec(spec), 0600);
  if (!written) return fail(written.error());

  auto process = std::make_unique<SupervisedProcess>(loop_, spec.record_path, observer);
  auto argv = options_.supervisor_argv;
  argv.push_back(path(launch.key, ".spec"));
  if (Status launched = process->launch(argv, spec.run); !launched) return fail(launched.error());
  return process;
}

std::unique_ptr<TaskProcess> RawExecDriver::reattach(const std::string& key, TaskProcess::Observer& observer) {
  auto text = read_file(path(key, ".record"), kRecordBytesMax);
  if (!text) return nullptr;
  auto record = decode_task_record(*text);
  if (!record) {
    log::warn("task record is unreadable", {{"task", key}, {"error", record.error()}});
    return nullptr;
  }
  if (record->phase == TaskRecord::Phase::not_started) return nullptr;
  auto process = std::make_unique<SupervisedProcess>(loop_, path(key, ".record"), observer);
  process->adopt(*record);
  return process;
}

void RawExecDriver::forget(const std::string& key) {
  for (std::string_view ending : {".spec", ".record", ".lock"}) ::unlink(path(key, ending).c_str());
}

}  // namespace weir::scheduler

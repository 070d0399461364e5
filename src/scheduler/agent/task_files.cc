#include "scheduler/agent/task_files.h"

#include <functional>

#include "weir/base/text.h"

namespace weir::scheduler {
namespace {

constexpr std::string_view kPhases[] = {"running", "exited", "not_started"};

void put(std::string& out, char end, std::string_view name, std::string_view value) {
  out.append(name).append("=").append(value).push_back(end);
}

void put(std::string& out, char end, std::string_view name, uint64_t value) {
  put(out, end, name, std::to_string(value));
}

/// Calls `take(name, value)` for each part; an error when one has no '=', or the last no end (a torn file).
Status each_part(std::string_view text, char end,
                 const std::function<Status(std::string_view, std::string_view)>& take) {
  if (text.empty() || text.back() != end) return fail(ErrorCode::invalid, "cut off");
  text.remove_suffix(1);
  for (std::string_view part : split(text, end)) {
    size_t equals = part.find('=');
    if (equals == std::string_view::npos) return fail(ErrorCode::invalid, "a part without '='");
    if (Status taken = take(part.substr(0, equals), part.substr(equals + 1)); !taken) return taken;
  }
  return {};
}

Result<uint64_t> number(std::string_view name, std::string_view value) {
  if (auto parsed = parse_u64(value)) return *parsed;
  return fail(ErrorCode::invalid, std::string(name) + " is not a number");
}

}  // namespace

std::string encode_task_spec(const TaskSpec& spec) {
  std::string out;
  for (const std::string& argument : spec.argv) put(out, '\0', "argv", argument);
  for (const std::string& variable : spec.env) put(out, '\0', "env", variable);
  put(out, '\0', "cwd", spec.cwd);
  put(out, '\0', "log_folder", spec.log_folder);
  put(out, '\0', "log_name", spec.log_name);
  put(out, '\0', "log_file_bytes_max", spec.log_file_bytes_max);
  put(out, '\0', "log_files_max", spec.log_files_max);
  put(out, '\0', "log_disabled", static_cast<uint64_t>(spec.log_disabled));
  put(out, '\0', "run", spec.run);
  put(out, '\0', "record_path", spec.record_path);
  put(out, '\0', "lock_path", spec.lock_path);
  return out;
}

Result<TaskSpec> decode_task_spec(std::string_view text) {
  TaskSpec spec;
  uint64_t disabled = 0;
  auto take = [&](std::string_view name, std::string_view value) -> Status {
    if (name == "argv") spec.argv.emplace_back(value);
    if (name == "env") spec.env.emplace_back(value);
    if (name == "cwd") spec.cwd = value;
    if (name == "log_folder") spec.log_folder = value;
    if (name == "log_name") spec.log_name = value;
    if (name == "run") spec.run = value;
    if (name == "record_path") spec.record_path = value;
    if (name == "lock_path") spec.lock_path = value;
    uint64_t* target = name == "log_file_bytes_max" ? &spec.log_file_bytes_max
                       : name == "log_files_max"    ? &spec.log_files_max
                       : name == "log_disabled"     ? &disabled
                                                    : nullptr;
    if (target == nullptr) return {};
    auto parsed = number(name, value);
    if (!parsed) return fail(parsed.error());
    *target = *parsed;
    return {};
  };
  if (Status read = each_part(text, '\0', take); !read) return fail(read.error());
  spec.log_disabled = disabled != 0;
  if (spec.argv.empty() || spec.argv[0].empty()) return fail(ErrorCode::invalid, "no command");
  if (spec.record_path.empty() || spec.lock_path.empty())
    return fail(ErrorCode::invalid, "no record_path or lock_path");
  if (spec.log_file_bytes_max == 0 || spec.log_files_max == 0) return fail(ErrorCode::invalid, "a log limit is 0");
  return spec;
}

std::string spec_path_of(const std::string& record_path) {
  constexpr std::string_view kEnding = ".record";
  const bool ends = record_path.ends_with(kEnding);
  return (ends ? record_path.substr(0, record_path.size() - kEnding.size()) : record_path) + ".spec";
}

std::string encode_task_record(const TaskRecord& record) {
  std::string out;
  put(out, '\n', "phase", kPhases[static_cast<size_t>(record.phase)]);
  put(out, '\n', "run", record.run);
  put(out, '\n', "boot", record.boot);
  put(out, '\n', "supervisor_pid", static_cast<uint64_t>(record.supervisor.pid));
  put(out, '\n', "supervisor_start_ticks", record.supervisor.start_ticks);
  put(out, '\n', "task_pid", static_cast<uint64_t>(record.task.pid));
  put(out, '\n', "task_start_ticks", record.task.start_ticks);
  put(out, '\n', "started_at_ns", static_cast<uint64_t>(record.started_at_ns));
  put(out, '\n', "finished_at_ns", static_cast<uint64_t>(record.finished_at_ns));
  put(out, '\n', "exit_code", static_cast<uint64_t>(record.exit_code));
  put(out, '\n', "signal", static_cast<uint64_t>(record.signal));
  put(out, '\n', "error", replace_all(record.error, "\n", " "));
  return out;
}

Result<TaskRecord> decode_task_record(std::string_view text) {
  TaskRecord record;
  bool has_phase = false;
  auto take = [&](std::string_view name, std::string_view value) -> Status {
    if (name == "phase") {
      for (size_t i = 0; i < std::size(kPhases); ++i) {
        if (value != kPhases[i]) continue;
        record.phase = static_cast<TaskRecord::Phase>(i);
        has_phase = true;
      }
      return {};
    }
    if (name == "run") return record.run = value, Status{};
    if (name == "boot") return record.boot = value, Status{};
    if (name == "error") return record.error = value, Status{};
    auto parsed = number(name, value);
    if (!parsed) return fail(parsed.error());
    if (name == "supervisor_pid") record.supervisor.pid = static_cast<pid_t>(*parsed);
    if (name == "supervisor_start_ticks") record.supervisor.start_ticks = *parsed;
    if (name == "task_pid") record.task.pid = static_cast<pid_t>(*parsed);
    if (name == "task_start_ticks") record.task.start_ticks = *parsed;
    if (name == "started_at_ns") record.started_at_ns = static_cast<int64_t>(*parsed);
    if (name == "finished_at_ns") record.finished_at_ns = static_cast<int64_t>(*parsed);
    if (name == "exit_code") record.exit_code = static_cast<int>(*parsed);
    if (name == "signal") record.signal = static_cast<int>(*parsed);
    return {};
  };
  if (Status read = each_part(text, '\n', take); !read) return fail(read.error());
  if (!has_phase) return fail(ErrorCode::invalid, "no phase");
  return record;
}

}  // namespace weir::scheduler

#pragma once
// The two files between the agent and a task's supervisor: what to run (written by the agent), and what became of it
// (written by the supervisor). They outlive both, so they are how a restarted agent finds its tasks again.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/agent/process_identity.h"
#include "weir/base/result.h"

namespace weir::scheduler {

/// What a supervisor shall run. Paths are absolute.
struct TaskSpec {
  std::vector<std::string> argv = {};  // argv[0] is looked up in the PATH of `env` when it holds no '/'
  std::vector<std::string> env = {};   // "A=b"
  std::string cwd = {};
  std::string log_folder = {};
  std::string log_name = {};  // "<log_name>.stdout.0"
  uint64_t log_file_bytes_max = 10 * 1024 * 1024;
  uint64_t log_files_max = 10;  // of each of the two streams
  bool log_disabled = false;
  std::string run = {};  // names this start; comes back in the record
  std::string record_path = {};
  std::string lock_path = {};  // held as long as the supervisor lives: no task is ever started twice

  bool operator==(const TaskSpec&) const = default;
};

/// "name=value" parts, each ended by NUL: nothing in an environment or an argument needs escaping.
std::string encode_task_spec(const TaskSpec& spec);
Result<TaskSpec> decode_task_spec(std::string_view text);

/// What became of a task.
struct TaskRecord {
  enum class Phase : uint8_t { running, exited, not_started };

  Phase phase = Phase::running;
  std::string run = {};   // TaskSpec::run
  std::string boot = {};  // process identities hold for this boot only
  ProcessIdentity supervisor = {};
  ProcessIdentity task = {};
  int64_t started_at_ns = 0;
  int64_t finished_at_ns = 0;
  int exit_code = 0;
  int signal = 0;          // not 0: ended by it
  std::string error = {};  // why it was not started

  bool operator==(const TaskRecord&) const = default;
};

/// The agent keeps the two files of a task side by side: KEY.spec and KEY.record.
std::string spec_path_of(const std::string& record_path);

std::string encode_task_record(const TaskRecord& record);
Result<TaskRecord> decode_task_record(std::string_view text);

}  // namespace weir::scheduler

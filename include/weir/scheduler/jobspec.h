#pragma once
// Job files: the HCL2 subset of Nomad's job specification, read into a sparse Job.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weir/base/result.h"
#include "weir/scheduler/job.h"

namespace weir::scheduler {

struct VariableFile {
  std::string name;  // for messages
  std::string text;  // HCL, or JSON when it begins with '{'
};

/// Where values of `variable` blocks come from. Later wins: default, environment, files, flags.
struct JobspecOptions {
  std::map<std::string, std::string> environment;          // name (without NOMAD_VAR_) -> text
  std::vector<VariableFile> variable_files;                // -var-file, in order
  std::vector<std::pair<std::string, std::string>> flags;  // -var name=text, in order
  bool strict = true;                                      // false: undeclared names in variable files are ignored
  std::optional<std::string> folder;  // file() reads relative to this; nothing = file() is refused (a server parses)
};

/// The largest job file taken; also the largest file() reads.
inline constexpr size_t kJobspecBytesMax = 1024 * 1024;

/// A sparse Job: only what the file says, in Nomad's normal form. Pure but for file(). A text whose first character is
/// '{' is Nomad's JSON. Errors (the first one) carry `file_name`, line and column.
Result<Job> parse_jobspec(std::string_view text, const std::string& file_name, const JobspecOptions& options);

/// The NOMAD_VAR_* variables of this process, for JobspecOptions::environment.
std::map<std::string, std::string> environment_variables();

}  // namespace weir::scheduler

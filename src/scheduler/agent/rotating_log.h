#pragma once
// The files that a task's output goes to: <folder>/<name>.0, .1, … each up to a size, the newest ones kept.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir::scheduler {

/// The numbers N of all files <folder>/<name>.N, ascending.
std::vector<uint64_t> list_log_files(const std::string& folder, const std::string& name);

/// Appends to the newest file, also to that of an earlier run. Owned by the supervisor; one thread. What cannot be
/// written (disk full) is dropped: a task must never hang on its log.
class RotatingLog {
 public:
  struct Options {
    std::string folder;
    std::string name;  // "srv.stdout"
    uint64_t file_bytes_max = 0;
    uint64_t files_max = 0;
  };
  static Result<RotatingLog> open(Options options);

  RotatingLog(RotatingLog&& other) noexcept;
  RotatingLog& operator=(RotatingLog&&) = delete;
  ~RotatingLog();

  void write(std::string_view bytes);

 private:
  RotatingLog(Options options, uint64_t index) : options_(std::move(options)), index_(index) {}
  Status open_current();
  void start_next();

  Options options_;
  uint64_t index_;
  int fd_ = -1;
  uint64_t file_bytes_ = 0;
};

}  // namespace weir::scheduler

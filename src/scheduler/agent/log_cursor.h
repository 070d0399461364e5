#pragma once
// A place in a task's rotated output.

#include <cstdint>
#include <string>

#include "weir/base/result.h"

namespace weir::scheduler {

/// Reads <folder>/<name>.0, .1, … as one text, also while it is written and rotated. A value.
class LogCursor {
 public:
  struct Piece {
    std::string file;     // "srv.stdout.0"
    uint64_t offset = 0;  // behind `bytes` in that file
    std::string bytes;    // empty: nothing new at present
  };

  /// not_found when no file exists yet. `offset` counts from the oldest byte kept, or back from the newest one; too
  /// large means the other end.
  static Result<LogCursor> at(std::string folder, std::string name, bool from_end, uint64_t offset);
  Piece read(size_t bytes_max);

 private:
  LogCursor(std::string folder, std::string name) : folder_(std::move(folder)), name_(std::move(name)) {}
  [[nodiscard]] std::string path(uint64_t index) const;
  bool move_to_next_file();

  std::string folder_;
  std::string name_;
  uint64_t index_ = 0;
  uint64_t offset_ = 0;
};

}  // namespace weir::scheduler

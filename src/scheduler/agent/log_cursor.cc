#include "scheduler/agent/log_cursor.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "scheduler/agent/rotating_log.h"
#include "weir/base/file.h"

namespace weir::scheduler {
namespace {

/// Nothing at the end of the file, or when it is gone, or when the task has put something else there.
std::string read_at(const std::string& path, uint64_t offset, size_t bytes_max) {
  Result<int> fd = open_regular_file(path, O_RDONLY | O_NOFOLLOW);
  if (!fd) return {};
  std::string out(bytes_max, '\0');
  ssize_t got = ::pread(*fd, out.data(), out.size(), static_cast<off_t>(offset));
  ::close(*fd);
  out.resize(got > 0 ? static_cast<size_t>(got) : 0);
  return out;
}

}  // namespace

std::string LogCursor::path(uint64_t index) const { return folder_ + "/" + name_ + "." + std::to_string(index); }

Result<LogCursor> LogCursor::at(std::string folder, std::string name, bool from_end, uint64_t offset) {
  LogCursor cursor(std::move(folder), std::move(name));
  auto indexes = list_log_files(cursor.folder_, cursor.name_);
  if (indexes.empty()) return fail(ErrorCode::not_found, "no log " + cursor.name_ + " yet");
  if (from_end) std::reverse(indexes.begin(), indexes.end());
  for (uint64_t index : indexes) {
    uint64_t size = regular_file_bytes(cursor.path(index));
    cursor.index_ = index;
    cursor.offset_ = from_end ? size - std::min(offset, size) : std::min(offset, size);
    if (offset <= size) break;
    offset -= size;
  }
  return cursor;
}

LogCursor::Piece LogCursor::read(size_t bytes_max) {
  std::string bytes = read_at(path(index_), offset_, bytes_max);
  // The writer never comes back to a file after starting the next one, so a second look at the end is the last.
  if (bytes.empty() && move_to_next_file()) bytes = read_at(path(index_), offset_, bytes_max);
  offset_ += bytes.size();
  return {.file = name_ + "." + std::to_string(index_), .offset = offset_, .bytes = std::move(bytes)};
}

bool LogCursor::move_to_next_file() {
  for (uint64_t index : list_log_files(folder_, name_)) {
    if (index <= index_) continue;
    // Written between our look at the file's end and at the folder?
    if (regular_file_bytes(path(index_)) > offset_) return true;
    index_ = index;
    offset_ = 0;
    return true;
  }
  return false;
}

}  // namespace weir::scheduler

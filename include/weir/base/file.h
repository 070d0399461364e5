#pragma once
// Whole files, blocking. For configuration and state, never on a request's path.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir {

/// Tells versions of a file apart without reading it.
struct FileStamp {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t bytes = 0;
  int64_t written_ns = 0;  // the content, since 1970
  int64_t changed_ns = 0;  // that, or its name, owner or mode

  bool operator==(const FileStamp&) const = default;
  /// False just after a change: a file system's clock goes in steps, so that another change may leave the stamp as it
  /// is. `now_ns` since 1970, read before the stamp was; a clock that goes behind the file's says false.
  [[nodiscard]] bool tells(int64_t now_ns) const { return changed_ns < now_ns - kStepNsMax; }

  static constexpr int64_t kStepNsMax = 2'000'000'000;  // FAT's; others have less
};
Result<FileStamp> stamp_of(const std::string& path);

/// A descriptor, close-on-exec; the caller's. Anything but a regular file is `invalid`, and not waited for. `flags` as
/// open(2) has them; O_NOFOLLOW where somebody else may have put a link there.
Result<int> open_regular_file(const std::string& path, int flags);
/// 0 for what is no regular file; a link is none.
uint64_t regular_file_bytes(const std::string& path);
/// At most `bytes_max` bytes; a larger file is an error, and so is what is no regular file. `flags` beside O_RDONLY.
Result<std::string> read_file(const std::string& path, size_t bytes_max = 64 * 1024 * 1024, int flags = 0);
/// The same for what a person names on the command line, who may have written `<(...)` or /dev/stdin.
Result<std::string> read_file_or_pipe(const std::string& path, size_t bytes_max = 64 * 1024 * 1024);
/// Writes beside the target, fsyncs, renames over it and fsyncs the folder: after a crash there is the old or the new.
Status write_file_atomic(const std::string& path, std::string_view content, unsigned mode = 0644);
/// As mkdir -p.
Status make_directories(const std::string& path, unsigned mode = 0755);
/// Whether make_directories() would, made nothing: the nearest folder that is there can be written in.
Status can_make_directories(const std::string& path);
/// As make_directories(), and files can be made in it; else the reason is why not.
Status make_writable_directory(const std::string& path, unsigned mode = 0755);
/// Names (not paths) of the regular files in a folder that end in `suffix`, sorted; also of links that lead to none.
Result<std::vector<std::string>> list_files(const std::string& folder, std::string_view suffix);

}  // namespace weir

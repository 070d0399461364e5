#pragma once
// An allocation's files as its owner may see them from outside.

#include <string>
#include <vector>

#include "scheduler/agent/agent_api_bodies.h"
#include "weir/base/result.h"

namespace weir::scheduler {

inline constexpr size_t kListedFilesMax = 10'000;
inline constexpr size_t kReadFileBytesMax = 16 * 1024 * 1024;

/// The real path of `path` below `root`. `refused` when it leads out of it (also by a symbolic link) or into secrets.
Result<std::string> resolve_alloc_path(const std::string& root, const std::string& path);
Result<std::vector<FileEntry>> list_alloc_files(const std::string& root, const std::string& path);
/// The content of a regular file; `invalid` for what is none.
Result<std::string> read_alloc_file(const std::string& root, const std::string& path);
Result<FileEntry> stat_alloc_file(const std::string& root, const std::string& path);

}  // namespace weir::scheduler

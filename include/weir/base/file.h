#pragma once
// Whole files, blocking. For configuration and state, never on a request's path.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "weir/base/result.h"

namespace weir {

/// At most `bytes_max` bytes; a larger file is an error.
Result<std::string> read_file(const std::string& path, size_t bytes_max = 64 * 1024 * 1024);
/// Writes beside the target, fsyncs, renames over it and fsyncs the folder: after a crash there is the old or the new.
Status write_file_atomic(const std::string& path, std::string_view content, unsigned mode = 0644);
/// As mkdir -p.
Status make_directories(const std::string& path, unsigned mode = 0755);
/// Names (not paths) of the regular files in a folder that end in `suffix`, sorted.
Result<std::vector<std::string>> list_files(const std::string& folder, std::string_view suffix);

}  // namespace weir

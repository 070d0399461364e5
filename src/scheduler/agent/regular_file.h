#pragma once
// Files at places where a task can put anything.

#include <cstdint>
#include <string>

#include "weir/base/result.h"

namespace weir::scheduler {

/// A descriptor of a regular file, opened with `flags`, close-on-exec; the caller's. `invalid` for anything else: a
/// FIFO would wait for its other end, a device may do so for ever, and a symbolic link may lead anywhere.
Result<int> open_regular_file(const std::string& path, int flags);
/// 0 for what is no regular file.
uint64_t regular_file_bytes(const std::string& path);

}  // namespace weir::scheduler

#include "scheduler/agent/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace weir::scheduler {

// Opened first and looked at then: what lies there may change in between. O_NONBLOCK means nothing to a regular file.
Result<int> open_regular_file(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, 0644);
  // A symbolic link; a FIFO without a reader, or a socket.
  bool other_kind = fd < 0 && (errno == ELOOP || errno == ENXIO);
  if (fd < 0 && !other_kind) return fail(system_error("open " + path, errno));
  struct stat found {};
  if (fd >= 0 && ::fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) return fd;
  if (fd >= 0) ::close(fd);
  return fail(ErrorCode::invalid, path + " is no regular file");
}

uint64_t regular_file_bytes(const std::string& path) {
  struct stat found {};
  bool regular = ::lstat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
  return regular ? static_cast<uint64_t>(found.st_size) : 0;
}

}  // namespace weir::scheduler

#include "proxy/log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace weir::proxy {
namespace {
constexpr int kPollMs = 100;

Result<int> open_appending(const std::string& path) {
  constexpr int kHow = O_CREAT | O_APPEND | O_CLOEXEC;
  // Opened both ways a FIFO needs no reader: it takes lines until it is full, for whoever comes to read them.
  struct stat its {};
  bool is_fifo = ::stat(path.c_str(), &its) == 0 && S_ISFIFO(its.st_mode);
  int fd = is_fifo ? ::open(path.c_str(), kHow | O_RDWR, 0644) : -1;
  // Where it may not be read, waiting for a reader would hold up the start.
  if (fd < 0) fd = ::open(path.c_str(), kHow | O_WRONLY | O_NONBLOCK, 0644);
  if (fd < 0) return fail(system_error("open access log " + path, errno));
  ::fcntl(fd, F_SETFL, O_APPEND);  // write() asks poll() before it could wait
  return fd;
}

}  // namespace

LogFile::~LogFile() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

Status LogFile::open() {
  if (path_.empty()) {
    take(STDOUT_FILENO);
    return {};
  }
  auto fd = open_appending(path_);
  if (!fd) return fail(fd.error());
  take(*fd);
  return {};
}

Status LogFile::check() const {
  if (path_.empty()) return {};
  if (::access(path_.c_str(), W_OK) == 0) return {};
  int reason = errno;
  if (reason == ENOENT) {
    size_t slash = path_.rfind('/');
    std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
    reason = errno;
  }
  return fail(system_error("open access log " + path_, reason));
}

void LogFile::take(int fd) {
  if (fd_ > STDERR_FILENO) ::close(fd_);
  fd_ = fd;
  struct stat its {};
  may_hang_ = ::fstat(fd_, &its) == 0 && !S_ISREG(its.st_mode);
}

Result<size_t> LogFile::write(std::string_view text) {
  if (may_hang_) {
    // What poll() says is writable takes PIPE_BUF bytes without waiting.
    pollfd waiting{fd_, POLLOUT, 0};
    if (::poll(&waiting, 1, kPollMs) == 0) return size_t{0};
    text = text.substr(0, PIPE_BUF);
  }
  ssize_t written = ::write(fd_, text.data(), text.size());
  if (written >= 0) return static_cast<size_t>(written);
  if (errno == EINTR || errno == EAGAIN) return size_t{0};
  return fail(system_error("write access log", errno));
}

Status LogFile::reopen() {
  if (path_.empty()) return {};
  auto fd = open_appending(path_);
  if (!fd) return fail(fd.error());
  take(*fd);
  return {};
}

}  // namespace weir::proxy

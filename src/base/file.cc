#include "weir/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace weir {
namespace {

/// Closes on the way out; release() hands the number over.
class OpenFile {
 public:
  explicit OpenFile(int fd) : fd_(fd) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

Status write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(system_error("write " + path, errno));
    content.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<std::string> read_all(int fd, const std::string& path, size_t bytes_max) {
  std::string out;
  char chunk[16 * 1024];
  while (true) {
    ssize_t got = ::read(fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(system_error("read " + path, errno));
    if (got == 0) return out;
    if (out.size() + static_cast<size_t>(got) > bytes_max) {
      return fail(ErrorCode::too_large, path + " is larger than " + std::to_string(bytes_max) + " bytes");
    }
    out.append(chunk, static_cast<size_t>(got));
  }
}

int64_t ns_of(const timespec& time) { return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }

std::string folder_of(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<FileStamp> stamp_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return fail(system_error("stat " + path, errno));
  return FileStamp{found.st_dev, found.st_ino, static_cast<uint64_t>(found.st_size), ns_of(found.st_mtim),
                   ns_of(found.st_ctim)};
}

// Opened first and looked at then: what lies there may change in between. O_NONBLOCK means nothing to a regular file.
Result<int> open_regular_file(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
  const int reason = errno;
  struct stat found {};
  if (fd >= 0 && ::fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) return fd;
  if (fd >= 0) ::close(fd);
  // A FIFO that nobody reads, or a socket; a link.
  const bool is_link = (flags & O_NOFOLLOW) != 0 && reason == ELOOP;
  const bool is_other = fd >= 0 || reason == ENXIO || reason == EISDIR || is_link;
  if (is_other) return fail(ErrorCode::invalid, path + " is no regular file");
  return fail(system_error("open " + path, reason));
}

uint64_t regular_file_bytes(const std::string& path) {
  struct stat found {};
  bool regular = ::lstat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode);
  return regular ? static_cast<uint64_t>(found.st_size) : 0;
}

Result<std::string> read_file(const std::string& path, size_t bytes_max, int flags) {
  auto opened = open_regular_file(path, O_RDONLY | flags);
  if (!opened) return fail(opened.error());
  OpenFile file(*opened);
  return read_all(file.fd(), path, bytes_max);
}

Result<std::string> read_file_or_pipe(const std::string& path, size_t bytes_max) {
  OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) return fail(system_error("open " + path, errno));
  return read_all(file.fd(), path, bytes_max);
}

Status write_file_atomic(const std::string& path, std::string_view content, unsigned mode) {
  std::string temporary = path + ".tmp." + std::to_string(::getpid());
  {
    OpenFile file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (file.fd() < 0) return fail(system_error("create " + temporary, errno));
    Status written = write_all(file.fd(), content, temporary);
    if (written && ::fsync(file.fd()) != 0) written = fail(system_error("fsync " + temporary, errno));
    if (!written) {
      ::unlink(temporary.c_str());
      return written;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    int reason = errno;
    ::unlink(temporary.c_str());
    return fail(system_error("rename to " + path, reason));
  }
  OpenFile folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.fd() < 0 || ::fsync(folder.fd()) != 0) return fail(system_error("fsync folder of " + path, errno));
  return {};
}

Status make_directories(const std::string& path, unsigned mode) {
  for (size_t at = 0; at != std::string::npos;) {
    at = path.find('/', at + 1);
    std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return fail(system_error("mkdir " + part, errno));
  }
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return fail(system_error("stat " + path, errno));
  if (!S_ISDIR(found.st_mode)) return fail(ErrorCode::conflict, path + " exists and is not a folder");
  return {};
}

Status can_make_directories(const std::string& path) {
  std::string part = path;
  struct stat found {};
  bool there = ::stat(part.c_str(), &found) == 0;
  bool missing = !there;
  while (!there && errno == ENOENT && part != "." && part != "/") {
    part = folder_of(part);
    there = ::stat(part.c_str(), &found) == 0;
  }
  if (!there) return fail(system_error("stat " + part, errno));
  if (!S_ISDIR(found.st_mode)) return fail(ErrorCode::conflict, part + " exists and is not a folder");
  if (missing && ::access(part.c_str(), W_OK | X_OK) != 0) return fail(system_error("mkdir in " + part, errno));
  return {};
}

Status make_writable_directory(const std::string& path, unsigned mode) {
  if (Status made = make_directories(path, mode); !made) return made;
  if (::access(path.c_str(), W_OK | X_OK) != 0) return fail(system_error("write in " + path, errno));
  return {};
}

namespace {

// A link whose target is not there is somebody's file too: that it cannot be read is to be told, not passed over.
bool is_file_or_dangling(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) return S_ISREG(found.st_mode);
  return ::lstat(path.c_str(), &found) == 0 && S_ISLNK(found.st_mode);
}

}  // namespace

Result<std::vector<std::string>> list_files(const std::string& folder, std::string_view suffix) {
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
  if (!dir) return fail(system_error("open folder " + folder, errno));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    std::string name = entry->d_name;
    if (!name.ends_with(suffix) || name.starts_with(".")) continue;
    if (is_file_or_dangling(std::string(folder).append("/").append(name))) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace weir

#include "scheduler/agent/rotating_log.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "weir/base/file.h"
#include "weir/base/text.h"

namespace weir::scheduler {

std::vector<uint64_t> list_log_files(const std::string& folder, const std::string& name) {
  std::vector<uint64_t> out;
  std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(folder.c_str()), ::closedir);
  if (!dir) return out;
  std::string prefix = name + ".";
  while (const dirent* entry = ::readdir(dir.get())) {
    std::string_view file = entry->d_name;
    if (!file.starts_with(prefix)) continue;
    if (auto index = parse_u64(file.substr(prefix.size()))) out.push_back(*index);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<RotatingLog> RotatingLog::open(Options options) {
  auto indexes = list_log_files(options.folder, options.name);
  RotatingLog log(std::move(options), indexes.empty() ? 0 : indexes.back());
  if (Status opened = log.open_current(); !opened) return fail(opened.error());
  return log;
}

RotatingLog::RotatingLog(RotatingLog&& other) noexcept
    : options_(std::move(other.options_)),
      index_(other.index_),
      fd_(std::exchange(other.fd_, -1)),
      file_bytes_(other.file_bytes_) {}

RotatingLog::~RotatingLog() {
  if (fd_ >= 0) ::close(fd_);
}

// A task can put anything at the place of its next files: those are passed by.
Status RotatingLog::open_current() {
  constexpr int kPassedMax = 16;
  for (int passed = 0;; ++passed, ++index_) {
    std::string path = options_.folder + "/" + options_.name + "." + std::to_string(index_);
    Result<int> opened = open_regular_file(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW);
    if (!opened && opened.error().code == ErrorCode::invalid && passed < kPassedMax) continue;
    if (!opened) return fail(opened.error());
    fd_ = *opened;
    struct stat found {};
    file_bytes_ = ::fstat(fd_, &found) == 0 ? static_cast<uint64_t>(found.st_size) : 0;
    return {};
  }
}

void RotatingLog::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (file_bytes_ >= options_.file_bytes_max) start_next();
    if (fd_ < 0 && !open_current()) return;
    size_t room = std::min<uint64_t>(bytes.size(), options_.file_bytes_max - file_bytes_);
    ssize_t written = ::write(fd_, bytes.data(), room);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    file_bytes_ += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void RotatingLog::start_next() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  ++index_;
  file_bytes_ = 0;
  for (uint64_t old : list_log_files(options_.folder, options_.name)) {
    if (old + options_.files_max > index_) break;
    ::unlink((options_.folder + "/" + options_.name + "." + std::to_string(old)).c_str());
  }
}

}  // namespace weir::scheduler

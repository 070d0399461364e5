#include "scheduler/agent/alloc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "weir/base/file.h"

namespace weir::scheduler {
namespace {

std::string mode_text(mode_t mode) {
  std::string out = S_ISDIR(mode) ? "d" : S_ISLNK(mode) ? "L" : S_ISFIFO(mode) ? "p" : S_ISSOCK(mode) ? "S" : "-";
  for (int shift : {6, 3, 0}) {
    unsigned bits = mode >> shift;
    out += (bits & 4) != 0 ? 'r' : '-';
    out += (bits & 2) != 0 ? 'w' : '-';
    out += (bits & 1) != 0 ? 'x' : '-';
  }
  return out;
}

Result<FileEntry> describe(const std::string& path, const std::string& name) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return fail(system_error("stat " + name, errno));
  return FileEntry{.name = name,
                   .folder = S_ISDIR(found.st_mode),
                   .size = static_cast<uint64_t>(found.st_size),
                   .mode = mode_text(found.st_mode),
                   .changed_at_ns = static_cast<int64_t>(found.st_mtim.tv_sec) * 1'000'000'000 + found.st_mtim.tv_nsec};
}

}  // namespace

Result<std::string> resolve_alloc_path(const std::string& root, const std::string& path) {
  std::error_code error;
  auto base = std::filesystem::weakly_canonical(root, error);
  auto real = error ? base : std::filesystem::weakly_canonical(root + "/" + path, error);
  if (error) return fail(system_error("resolve " + path, error.value()));
  auto inner = real.lexically_relative(base);
  if (inner.empty() || *inner.begin() == "..") return fail(ErrorCode::refused, "Path escapes the alloc directory");
  auto part = inner.begin();
  bool secret = ++part != inner.end() && *part == "secrets";
  if (secret) return fail(ErrorCode::refused, "Reading secret file prohibited: " + path);
  return real.string();
}

Result<std::vector<FileEntry>> list_alloc_files(const std::string& root, const std::string& path) {
  auto real = resolve_alloc_path(root, path);
  if (!real) return fail(real.error());
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(real->c_str()), ::closedir);
  if (!folder) return fail(system_error("list " + path, errno));
  std::vector<FileEntry> out;
  while (const dirent* entry = ::readdir(folder.get())) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (out.size() == kListedFilesMax) return fail(ErrorCode::too_large, path + " holds too many files");
    if (auto file = describe(*real + "/" + name, name)) out.push_back(std::move(*file));
  }
  std::sort(out.begin(), out.end(), [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
  return out;
}

Result<std::string> read_alloc_file(const std::string& root, const std::string& path) {
  auto real = resolve_alloc_path(root, path);
  if (!real) return fail(real.error());
  return read_file(*real, kReadFileBytesMax, O_NOFOLLOW);
}

Result<FileEntry> stat_alloc_file(const std::string& root, const std::string& path) {
  auto real = resolve_alloc_path(root, path);
  if (!real) return fail(real.error());
  return describe(*real, std::filesystem::path(*real).filename().string());
}

}  // namespace weir::scheduler

#pragma once
// Where access lines end up: a file, or standard output.

#include <cstddef>
#include <string>
#include <string_view>

#include "weir/base/result.h"

namespace weir::proxy {

/// What the log's thread writes to. The test's stands in for a full disk and for one that hangs.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// Writes some of it: how much. 0: whoever reads this takes nothing now; waited for a moment already.
  virtual Result<size_t> write(std::string_view text) = 0;
  /// Opens the file of that name anew. On failure the old one stays.
  virtual Status reopen() = 0;
};

/// Opened for appending, so that several processes may share it. Standard output where the path is empty; that is
/// never closed, nor its mode changed: it may be others' too.
class LogFile final : public LogSink {
 public:
  explicit LogFile(std::string path) : path_(std::move(path)) {}
  ~LogFile() override;
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  Status open();
  /// Whether open() would, made nothing.
  [[nodiscard]] Status check() const;
  Result<size_t> write(std::string_view text) override;
  Status reopen() override;

 private:
  void take(int fd);

  const std::string path_;
  int fd_ = -1;
  bool may_hang_ = false;  // a pipe, a terminal, a socket: somebody has to read
};

}  // namespace weir::proxy

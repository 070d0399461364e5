#pragma once
// The thread that writes access lines, so that no disk can stop a worker.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proxy/log_file.h"

namespace weir::proxy {

/// Lines that are written with one write. A worker fills it, the writer empties it.
struct LogBlock {
  // 64 KiB: 200 lines and more, so that lock, wake-up and write cost a line next to nothing.
  static constexpr size_t kBytes = 64 * 1024;
  std::string text;
  uint64_t lines = 0;
};

/// One thread and one file for all workers. Owned by Proxy, which outlives the workers' threads. hand_over(), reopen()
/// and the counts: any thread, and none of them waits for the disk. The destructor writes what is queued, but waits no
/// longer than kStopMsMax for whoever does not take it.
class LogWriter {
 public:
  static constexpr uint64_t kStopMsMax = 2000;

  LogWriter(std::unique_ptr<LogSink> sink, size_t queue_bytes_max);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Takes the lines of a block and leaves an empty one. False: the queue is full, the lines are dropped.
  bool hand_over(std::unique_ptr<LogBlock>& block);
  /// Opens the file anew before the next write: what was written is in the old file, all else in the new one.
  void reopen();
  /// Lines that the disk did not take.
  [[nodiscard]] uint64_t lines_failed() const { return lines_failed_.load(std::memory_order_relaxed); }

 private:
  void run();
  void write(const LogBlock& block);
  bool out_of_time();
  void open_anew();

  // constant after construction
  const std::unique_ptr<LogSink> sink_;  // the thread's own
  const size_t queue_bytes_max_;

  // the thread's own
  bool failing_ = false;
  bool torn_ = false;        // the last line in the file has no end
  uint64_t lines_lost_ = 0;  // since it is failing

  // shared (atomic)
  std::atomic<uint64_t> lines_failed_{0};

  // shared, under the lock
  std::mutex lock_;
  std::condition_variable work_;
  std::deque<std::unique_ptr<LogBlock>> queue_;
  std::vector<std::unique_ptr<LogBlock>> free_;
  size_t queue_bytes_ = 0;
  bool reopen_wanted_ = false;
  bool stopping_ = false;
  uint64_t stop_by_ms_ = 0;

  std::thread thread_;  // last: it begins when all else is there
};

}  // namespace weir::proxy

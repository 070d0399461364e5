#pragma once
// Puts what a source said last on disk, on a thread of its own: an fsync takes as long as the disk likes.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace weir::provider {

/// Writes the newest text given, at most once a period, and at rest for 20 times what a write took: a large catalog
/// that changes all the time has a twentieth of a core. Those in between are dropped. Owned by who has the last good.
/// put() and error() from any thread. The destructor writes what still waits, then joins.
/// A write that fails is logged once until one succeeds; the next text tries again.
class DiskWriter {
 public:
  DiskWriter(std::string path, uint64_t period_ms);
  ~DiskWriter();
  DiskWriter(const DiskWriter&) = delete;
  DiskWriter& operator=(const DiskWriter&) = delete;

  /// `encode` makes the text, on the thread.
  void put(std::function<std::string()> encode);
  /// Why the newest write failed; "" when it did not.
  [[nodiscard]] std::string error() const;

 private:
  static constexpr int kRestPerWork = 20;

  void run();
  void write(const std::string& text);

  // constant after construction
  const std::string path_;
  const uint64_t period_ms_;
  // under mutex_
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::function<std::string()> waiting_;  // null: nothing
  std::string error_;
  bool stopping_ = false;
  // last: everything else exists before the thread runs
  std::thread thread_;
};

}  // namespace weir::provider

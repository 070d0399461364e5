#pragma once
// Puts the last good catalog on disk, on a thread of its own: an fsync takes as long as the disk likes.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "provider/snapshot_json.h"

namespace weir::provider {

/// Writes the newest snapshot given, at most once a period; those in between are dropped. Owned by SnapshotGate.
/// put() and error() from any thread. The destructor writes what still waits, then joins.
/// A write that fails is logged once until one succeeds; the next snapshot tries again.
class SnapshotWriter {
 public:
  SnapshotWriter(std::string path, uint64_t period_ms);
  ~SnapshotWriter();
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  void put(SavedSnapshot saved);
  /// Why the newest write failed; "" when it did not.
  [[nodiscard]] std::string error() const;

 private:
  void run();
  void write(const SavedSnapshot& saved);

  // constant after construction
  const std::string path_;
  const uint64_t period_ms_;
  // under mutex_
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<SavedSnapshot> waiting_;
  std::string error_;
  bool stopping_ = false;
  // last: everything else exists before the thread runs
  std::thread thread_;
};

}  // namespace weir::provider

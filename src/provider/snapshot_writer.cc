#include "provider/snapshot_writer.h"

#include <chrono>

#include "weir/base/file.h"
#include "weir/base/log.h"

namespace weir::provider {

SnapshotWriter::SnapshotWriter(std::string path, uint64_t period_ms)
    : path_(std::move(path)), period_ms_(period_ms), thread_([this] { run(); }) {}

SnapshotWriter::~SnapshotWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void SnapshotWriter::put(SavedSnapshot saved) {
  {
    std::lock_guard lock(mutex_);
    waiting_ = std::move(saved);
  }
  changed_.notify_one();
}

std::string SnapshotWriter::error() const {
  std::lock_guard lock(mutex_);
  return error_;
}

void SnapshotWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || waiting_; });
    if (!waiting_) return;
    const SavedSnapshot saved = std::move(*waiting_);
    waiting_.reset();
    lock.unlock();
    write(saved);
    lock.lock();
    changed_.wait_for(lock, std::chrono::milliseconds(period_ms_), [this] { return stopping_; });
  }
}

void SnapshotWriter::write(const SavedSnapshot& saved) {
  const Status written = write_file_atomic(path_, encode_snapshot(*saved.snapshot, saved.saved_wall_ns), 0600);
  std::string error = written ? "" : written.error().text();
  std::lock_guard lock(mutex_);
  if (!written && error_.empty()) log::error("last good catalog not saved", {{"path", path_}, {"error", error}});
  if (written && !error_.empty()) log::info("last good catalog saved again", {{"path", path_}});
  error_ = std::move(error);
}

}  // namespace weir::provider

#include "provider/disk_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "weir/base/file.h"
#include "weir/base/log.h"

namespace weir::provider {

DiskWriter::DiskWriter(std::string path, uint64_t period_ms)
    : path_(std::move(path)), period_ms_(period_ms), thread_([this] { run(); }) {}

DiskWriter::~DiskWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void DiskWriter::put(std::function<std::string()> encode) {
  {
    std::lock_guard lock(mutex_);
    waiting_ = std::move(encode);
  }
  changed_.notify_one();
}

std::string DiskWriter::error() const {
  std::lock_guard lock(mutex_);
  return error_;
}

void DiskWriter::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || waiting_; });
    if (!waiting_) return;
    const auto encode = std::exchange(waiting_, nullptr);
    lock.unlock();
    const auto started = std::chrono::steady_clock::now();
    write(encode());
    const auto rest = kRestPerWork * (std::chrono::steady_clock::now() - started);
    lock.lock();
    changed_.wait_for(lock, std::max<std::chrono::nanoseconds>(rest, std::chrono::milliseconds(period_ms_)),
                      [this] { return stopping_; });
  }
}

void DiskWriter::write(const std::string& text) {
  const Status written = write_file_atomic(path_, text, 0600);
  std::string error = written ? "" : written.error().text();
  std::lock_guard lock(mutex_);
  if (!written && error_.empty()) log::error("last good answer not saved", {{"path", path_}, {"error", error}});
  if (written && !error_.empty()) log::info("last good answer saved again", {{"path", path_}});
  error_ = std::move(error);
}

}  // namespace weir::provider

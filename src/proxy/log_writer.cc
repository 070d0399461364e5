#include "proxy/log_writer.h"

#include <algorithm>
#include <utility>

#include "weir/base/clock.h"
#include "weir/base/log.h"

namespace weir::proxy {
namespace {
// Empty blocks kept: two for each worker of a small machine; more were needed only in a burst.
constexpr size_t kFreeBlocksMax = 16;
// A block is given up when nobody has taken a byte of it for so long: 50 of LogFile's polls of 100 ms, 5 s.
constexpr size_t kTriesOfNothingMax = 50;
}  // namespace

LogWriter::LogWriter(std::unique_ptr<LogSink> sink, size_t queue_bytes_max)
    : sink_(std::move(sink)), queue_bytes_max_(queue_bytes_max), thread_([this] { run(); }) {}

LogWriter::~LogWriter() {
  {
    std::lock_guard held(lock_);
    stopping_ = true;
    stop_by_ms_ = SystemClock().monotonic_ms() + kStopMsMax;
  }
  work_.notify_one();
  thread_.join();
}

bool LogWriter::hand_over(std::unique_ptr<LogBlock>& block) {
  {
    std::lock_guard held(lock_);
    if (queue_bytes_ + block->text.size() > queue_bytes_max_) {
      block->text.clear();
      block->lines = 0;
      return false;
    }
    queue_bytes_ += block->text.size();
    queue_.push_back(std::move(block));
    if (!free_.empty()) {
      block = std::move(free_.back());
      free_.pop_back();
    }
  }
  work_.notify_one();
  if (!block) block = std::make_unique<LogBlock>();
  return true;
}

void LogWriter::reopen() {
  {
    std::lock_guard held(lock_);
    reopen_wanted_ = true;
  }
  work_.notify_one();
}

// ---- The thread ----

void LogWriter::run() {
  std::unique_lock held(lock_);
  for (;;) {
    work_.wait(held, [this] { return !queue_.empty() || reopen_wanted_ || stopping_; });
    if (std::exchange(reopen_wanted_, false)) {
      held.unlock();
      open_anew();
      held.lock();
      continue;
    }
    if (queue_.empty()) return;
    std::unique_ptr<LogBlock> block = std::move(queue_.front());
    queue_.pop_front();
    held.unlock();
    write(*block);
    size_t bytes = block->text.size();
    block->text.clear();
    block->lines = 0;
    held.lock();
    queue_bytes_ -= bytes;
    if (free_.size() < kFreeBlocksMax) free_.push_back(std::move(block));
  }
}

void LogWriter::open_anew() {
  if (Status reopened = sink_->reopen(); !reopened) {
    log::error("access log not reopened, the old file is kept", {{"error", reopened.error()}});
    return;
  }
  torn_ = false;
  log::info("access log reopened");
}

void LogWriter::write(const LogBlock& block) {
  std::string_view left = block.text;
  size_t nothing = 0;
  if (torn_) {
    auto ended = sink_->write("\n");  // the line that was cut stays one
    torn_ = !(ended && *ended == 1);
  }
  while (!left.empty()) {
    auto written = torn_ ? Result<size_t>(0) : sink_->write(left);
    if (written && *written > 0) {
      left.remove_prefix(*written);
      nothing = 0;
      continue;
    }
    if (written && !torn_ && ++nothing < kTriesOfNothingMax && !out_of_time()) continue;
    auto lost = static_cast<uint64_t>(std::count(left.begin(), left.end(), '\n'));
    lines_failed_.fetch_add(lost, std::memory_order_relaxed);
    lines_lost_ += lost;
    bool begun = left.size() < block.text.size() && block.text[block.text.size() - left.size() - 1] != '\n';
    torn_ = torn_ || begun;
    if (!std::exchange(failing_, true)) {
      if (written) {
        log::error("access log lines lost: nobody takes them");
      } else {
        log::error("access log lines lost", {{"error", written.error()}});
      }
    }
    return;
  }
  if (std::exchange(failing_, false)) {
    log::info("access log lines are written again", {{"lost", std::exchange(lines_lost_, 0)}});
  }
}

bool LogWriter::out_of_time() {
  std::lock_guard held(lock_);
  return stopping_ && SystemClock().monotonic_ms() > stop_by_ms_;
}

}  // namespace weir::proxy

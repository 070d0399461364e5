#include "proxy/access_log.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "weir/base/clock.h"

namespace weir::proxy {
namespace {

constexpr size_t aligned(size_t bytes) {
  constexpr size_t kTo = alignof(AccessRecord);
  return (bytes + kTo - 1) / kTo * kTo;
}

}  // namespace

AccessLog::AccessLog(event::Loop& loop, const config::AccessLogConfig& config)
    : loop_(loop), filter_(config), line_(config) {}

AccessLog::~AccessLog() {
  if (!enabled()) return;
  format_pending();
  give_block();
}

void AccessLog::set_writer(LogWriter* writer) {
  writer_ = writer;
  if (writer_ == nullptr) return;
  pending_ = std::make_unique<char[]>(kPendingBytes);
  block_ = std::make_unique<LogBlock>();
  read_clock();
}

bool AccessLog::wants(uint16_t status, uint64_t duration_us, uint32_t retries) {
  if (!enabled()) return false;
  ++requests_;
  return filter_.wants(status, duration_us, retries);
}

void AccessLog::note(AccessRecord& record) {
  record.count = requests_;
  size_t wanted = sizeof(AccessRecord);
  for (size_t i = 0; i < AccessRecord::kCopied; ++i) wanted += record.texts[i].size();
  wanted = aligned(wanted);
  if (pending_bytes_ + wanted > kPendingBytes) format_pending();
  if (wanted > kPendingBytes) {  // beyond any limit of a head: the line says what it can
    record.texts[AccessRecord::headers] = {};
    for (size_t i = 0; i < AccessRecord::kCopied; ++i) record.texts[i] = record.texts[i].substr(0, 4096);
    return note(record);
  }
  auto* noted = new (&pending_[pending_bytes_]) AccessRecord(record);
  char* behind = reinterpret_cast<char*>(noted + 1);
  for (size_t i = 0; i < AccessRecord::kCopied; ++i) {
    std::string_view text = record.texts[i];
    if (text.empty()) continue;
    std::memcpy(behind, text.data(), text.size());
    noted->texts[i] = {behind, text.size()};
    behind += text.size();
  }
  pending_bytes_ += wanted;
  if (format_deferred_) return;
  format_deferred_ = true;
  loop_.defer([this] { format_pending(); });
}

void AccessLog::format_pending() {
  format_deferred_ = false;
  if (block_->text.capacity() < LogBlock::kBytes) block_->text.reserve(LogBlock::kBytes + 4096);
  for (size_t at = 0; at < pending_bytes_;) {
    const auto& record = *std::launder(reinterpret_cast<const AccessRecord*>(&pending_[at]));
    line_.append(block_->text, record, wall_offset_us_ + static_cast<int64_t>(record.started_us));
    ++block_->lines;
    size_t bytes = sizeof(AccessRecord);
    for (size_t i = 0; i < AccessRecord::kCopied; ++i) bytes += record.texts[i].size();
    at += aligned(bytes);
    if (block_->text.size() >= LogBlock::kBytes) give_block();
  }
  pending_bytes_ = 0;
}

void AccessLog::hand_over() {
  if (!enabled()) return;
  format_pending();
  give_block();
  read_clock();
}

void AccessLog::give_block() {
  if (block_->lines == 0) return;
  uint64_t lines = block_->lines;
  (writer_->hand_over(block_) ? stats_.lines : stats_.lines_dropped) += lines;
}

void AccessLog::read_clock() {
  wall_offset_us_ = SystemClock().wall_ns() / 1000 - static_cast<int64_t>(loop_.now_us());
}

}  // namespace weir::proxy

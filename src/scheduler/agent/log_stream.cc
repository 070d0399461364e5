#include "scheduler/agent/log_stream.h"

#include "weir/event/loop.h"

namespace weir::scheduler {
namespace {

constexpr size_t kPieceBytesMax = 64 * 1024;
constexpr size_t kQueuedBytesMax = 256 * 1024;  // a slow reader has no more than this waiting for it
constexpr uint64_t kLookMs = 100;
constexpr uint64_t kHeartbeatMs = 1'000;

}  // namespace

LogStream::LogStream(event::Loop& loop, LogCursor cursor, std::shared_ptr<http::Responder> responder, Options options)
    : loop_(loop),
      cursor_(std::move(cursor)),
      responder_(std::move(responder)),
      options_(std::move(options)),
      quiet_since_ms_(loop.now_ms()),
      timer_(loop, [this] { pump(); }) {
  responder_->start(200, {{"Content-Type", options_.plain ? "text/plain" : "application/json"}});
  timer_.start_once(0);
}

void LogStream::pump() {
  if (!responder_->connected()) return options_.on_over();
  while (responder_->queued_bytes() < kQueuedBytesMax) {
    // Asked before the last read: what was written before the end is then read for sure.
    bool last = !options_.follow || options_.ended();
    if (send_piece()) continue;
    if (last) {
      responder_->end();
      return options_.on_over();
    }
    break;
  }
  if (!options_.plain && loop_.now_ms() - quiet_since_ms_ >= kHeartbeatMs) {
    responder_->write(encode_log_frame({}));
    quiet_since_ms_ = loop_.now_ms();
  }
  timer_.start_once(kLookMs);
}

bool LogStream::send_piece() {
  LogCursor::Piece piece = cursor_.read(kPieceBytesMax);
  if (piece.bytes.empty()) return false;
  piece.file = "alloc/logs/" + piece.file;
  responder_->write(options_.plain ? piece.bytes : encode_log_frame(piece));
  quiet_since_ms_ = loop_.now_ms();
  return true;
}

}  // namespace weir::scheduler

#pragma once
// One answer that streams a task's output.

#include <functional>
#include <memory>
#include <string>

#include "scheduler/agent/log_cursor.h"
#include "weir/event/timer.h"
#include "weir/http/server.h"

namespace weir::scheduler {

/// Sends what is there, then, if it follows, what comes, as Nomad's frames or plain. Owned by the agent's API; loop's
/// thread. Says when it is over; is destroyed by its owner after that.
class LogStream {
 public:
  struct Options {
    bool follow = false;
    bool plain = false;
    std::function<bool()> ended;    // the task will write no more
    std::function<void()> on_over;  // last call: the client is gone or all has been sent
  };
  LogStream(event::Loop& loop, LogCursor cursor, std::shared_ptr<http::Responder> responder, Options options);

 private:
  void pump();
  bool send_piece();

  event::Loop& loop_;
  LogCursor cursor_;
  const std::shared_ptr<http::Responder> responder_;
  const Options options_;
  uint64_t quiet_since_ms_;
  event::Timer timer_;
};

/// One frame of Nomad's file streams; with no data a heartbeat.
std::string encode_log_frame(const LogCursor::Piece& piece);

}  // namespace weir::scheduler

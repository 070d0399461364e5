#pragma once
// When an exchange has waited long enough.

#include <cstddef>
#include <cstdint>

#include "weir/config/config.h"

namespace weir::http {
class ServerStream;
class ClientStream;
}  // namespace weir::http

namespace weir::proxy {

/// The deadlines of one exchange: silence, the whole, and the least rate at which its client must go on. Looks when it
/// is asked to, never earlier. A member of the Exchange.
class Progress {
 public:
  /// What stands at the time of a look.
  struct Sides {
    const http::ServerStream* client;    // null: not looked at
    const http::ClientStream* upstream;  // null: there is none yet
    uint64_t request_bytes;
    uint64_t response_bytes;
    bool client_owes;  // the rest of a body that is waited for
  };
  enum class Verdict : uint8_t { going_on, silent, total, request_slow, response_slow };
  static constexpr uint64_t kNever = UINT64_MAX;

  Progress(const config::LimitsConfig& limits, const config::TimeoutsConfig& timeouts)
      : limits_(limits), timeouts_(timeouts) {}

  void begin(uint64_t now_ms);
  /// Something has happened; the next thing must within that time. 0: whenever it likes. True: the look that is planned
  /// would come too late, or there is none.
  [[nodiscard]] bool expect_within(uint32_t timeout_ms, uint64_t now_ms);
  /// The client was told to wait: its rate in this window is not its own.
  void note_paused() { paused_ = was_paused_ = true; }
  void note_resumed() { paused_ = false; }
  /// It waited, as it may, to be told that it shall send: nor is its rate in this window.
  void note_told() { was_paused_ = true; }
  /// It is a tunnel from here on, which may last.
  void lift_total() { total_at_ms_ = 0; }
  /// Plans the next look. From now to it; kNever where nothing is waited for.
  [[nodiscard]] uint64_t plan_look(uint64_t now_ms);
  Verdict look(uint64_t now_ms, const Sides& sides);

 private:
  [[nodiscard]] bool still_moving(const Sides& sides);
  [[nodiscard]] bool sends_too_slowly(uint64_t now_ms, const Sides& sides);
  [[nodiscard]] bool reads_too_slowly(uint64_t now_ms, const Sides& sides);

  // constant after construction
  const config::LimitsConfig& limits_;
  const config::TimeoutsConfig& timeouts_;

  // of the exchange under way; times of the loop's clock, 0: none
  uint64_t silent_at_ms_ = 0;
  uint64_t total_at_ms_ = 0;
  uint64_t request_window_at_ms_ = 0;  // their ends
  uint64_t response_window_at_ms_ = 0;
  uint64_t look_at_ms_ = 0;            // planned; may be early, for each request waits several times and most in vain
  uint64_t request_bytes_before_ = 0;  // when its window began
  uint64_t response_bytes_before_ = 0;
  size_t undelivered_before_ = 0;  // towards the client, when the response's window began
  size_t waiting_before_ = 0;      // on both sides, at the last look at a silence
  uint32_t timeout_ms_ = 0;        // of the silence
  bool paused_ = false;
  bool was_paused_ = false;  // at some time of the request's window, or waited to be told
};

}  // namespace weir::proxy

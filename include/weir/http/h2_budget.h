#pragma once
// What an HTTP/2 peer may do to us that costs more than it gives, and how much of it.

#include <array>
#include <cstddef>
#include <cstdint>

namespace weir::http {

/// Token buckets of one connection: each kind of frame that makes work without carrying a message has a burst and a
/// number a second. A peer that uses them up is told ENHANCE_YOUR_CALM and let go, so it costs the other clients no
/// more than that. Loop's thread.
class H2Budget {
 public:
  enum class Cost : uint8_t {
    peer_reset,     // rapid reset: a stream the peer gives up before its answer is complete
    own_reset,      // MadeYouReset: a stream the peer's own faults made us reset, refused ones too; of an upstream all
    ping,           // answered, so also a queue
    settings,       // the same
    priority,       // PRIORITY and PRIORITY_UPDATE
    window_update,  // also what lets a body out in crumbs; earned back by body sent, as PINGs are
    empty_frame,    // DATA without content or end
    unknown_frame,
  };
  static constexpr size_t kCosts = 8;
  struct Rate {
    uint32_t burst;
    uint32_t a_second;
  };
  [[nodiscard]] static Rate rate(Cost cost);

  /// False: there was nothing left.
  [[nodiscard]] bool spend(Cost cost, uint64_t now_ms);
  /// A DATA frame was sent, for which the peer gives us windows; gRPC's clients and servers do so for each small
  /// message, with a PING to measure the bandwidth. `whole`: it was all there was to send, and not cut by a window that
  /// the peer keeps small.
  void earn_by_body(size_t bytes, bool whole);
  void earn(Cost cost, size_t count);

 private:
  std::array<uint32_t, kCosts> left_{};
  uint64_t refilled_ms_ = 0;
  size_t bytes_sent_ = 0;  // not yet turned into window updates
};

}  // namespace weir::http

#pragma once
// How long an endpoint lets a connection idle.

#include <cstdint>

namespace weir::proxy {

/// Learns it from what the endpoint says (Keep-Alive: timeout=) and from when it closes idle connections, so that ours
/// are given up before: a request must not meet the upstream's FIN on its way. A member of an EndpointState.
class KeepAlive {
 public:
  /// An answer said so. Believed until another says otherwise.
  void note_announced(uint32_t timeout_s) { announced_ms_ = uint64_t{timeout_s} * 1000; }
  /// A connection that had been idle for so long was closed by the endpoint. Believed when two of them, not closed
  /// together, agree: a restart closes all, whatever their age.
  void note_closed(uint64_t idle_ms, uint64_t now_ms);
  /// How long a connection may idle from now on to be used again; at most `idle_ms_max`, where that is not 0. 0: as
  /// long as it likes.
  [[nodiscard]] uint64_t retire_after_ms(uint64_t idle_ms_max, uint64_t now_ms) const;

 private:
  uint64_t announced_ms_ = 0;  // 0: not said
  uint64_t observed_ms_ = 0;   // 0: nothing is known
  uint64_t observed_until_ms_ = 0;
  uint64_t candidate_ms_ = 0;  // seen once
  uint64_t candidate_at_ms_ = 0;
};

}  // namespace weir::proxy

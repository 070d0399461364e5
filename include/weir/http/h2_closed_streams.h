#pragma once
// Which of a client's streams have ended, and how: nghttp2 forgets them at once.

#include <algorithm>
#include <array>
#include <cstdint>

namespace weir::http {

/// The last streams of one connection that were closed. What comes on one that we reset was on its way and is no fault
/// (RFC 9113 section 5.1); on any other it is.
class H2ClosedStreams {
 public:
  enum class Verdict : uint8_t { reset_by_us, closed, never_opened };

  void note_closed(int32_t id) { note(id); }
  void note_reset_by_us(int32_t id) { note(-id); }
  /// Of a stream that is neither open nor yet to come. So long ago that it is forgotten: not held against the client.
  [[nodiscard]] Verdict of(int32_t id) const {
    if (id <= forgotten_ || std::find(last_.begin(), last_.end(), -id) != last_.end()) return Verdict::reset_by_us;
    bool known = std::find(last_.begin(), last_.end(), id) != last_.end();
    return known ? Verdict::closed : Verdict::never_opened;
  }

 private:
  void note(int32_t id) {
    int32_t& place = last_[next_++ % last_.size()];
    forgotten_ = std::max(forgotten_, -place);
    place = id;
  }

  std::array<int32_t, 64> last_{};  // negative: reset by us
  uint32_t next_ = 0;
  int32_t forgotten_ = 0;  // the largest of those reset by us that had to make room
};

}  // namespace weir::http

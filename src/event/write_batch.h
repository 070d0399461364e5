#pragma once
// The gathering of small writes into one send, shared by all streams of a loop.

#include <cstddef>
#include <memory>
#include <string_view>

#include "weir/event/tcp_stream.h"
#include "weir/event/turn_end.h"

struct uv_handle_s;

namespace weir::event {

/// Holds what ONE stream has written in the current callback: header and body then leave in one send. Another
/// stream's write, the end of the callback, or a full batch flushes it. Owned by the Loop.
class WriteBatch {
 public:
  // A response head and a small body, or a browser's request head, fit many times over.
  static constexpr size_t kBytesMax = 32 * 1024;
  // From here on one more piece in writev is cheaper than copying it.
  static constexpr size_t kDirectBytesMin = 4 * 1024;

  void write(TcpStream::Cell& cell, std::string_view bytes, std::string_view after);
  void flush();
  /// Those who wait with what they write until the turn ends; each leaves in a send of its own.
  void run_turn_ends();
  /// The stream dies: what it had gathered is dropped.
  void forget(const TcpStream::Cell& cell);

 private:
  friend class TurnEnd;
  std::unique_ptr<char[]> bytes_ = std::make_unique<char[]>(kBytesMax);
  size_t size_ = 0;
  TurnEnd* turn_ends_ = nullptr;     // a list
  TcpStream::Cell* cell_ = nullptr;  // whose bytes these are; null when empty
};

/// Closes a handle whose owner is gone, in the way of its kind. For ~Loop.
void close_abandoned(uv_handle_s* handle);

}  // namespace weir::event

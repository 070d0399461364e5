#pragma once
// The gathering of small writes into one send, shared by all streams of a loop.

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

#include "weir/event/tcp_stream.h"
#include "weir/event/turn_end.h"

struct uv_handle_s;

namespace weir::event {

/// Holds what streams have written in this turn of the loop: header and body then leave in one send. The end of the
/// turn, or a full batch, flushes it, in the order written: what a turn has read is worked off first and sent then, one
/// behind the other, which costs the CPU's caches less than going to and fro. Whoever is about to compute for long
/// flushes first. Owned by the Loop.
class WriteBatch {
 public:
  // A response head and a small body, or a browser's request head, fit many times over.
  static constexpr size_t kBytesMax = 32 * 1024;
  // From here on one more piece in writev is cheaper than copying it.
  static constexpr size_t kDirectBytesMin = 4 * 1024;

  static constexpr size_t kEntriesMax = 128;

  void write(TcpStream::Cell& cell, std::string_view bytes, std::string_view after);
  void flush();
  /// Those who wait with what they write until the turn ends, and a flush.
  void run_turn_ends();
  /// Behind them: whether there is somebody for the end of the next turn.
  [[nodiscard]] bool begin_next_turn();
  /// The stream dies: what it had gathered is dropped.
  void forget(const TcpStream::Cell& cell);

 private:
  friend class TurnEnd;
  std::unique_ptr<char[]> bytes_ = std::make_unique<char[]>(kBytesMax);
  struct Entry {
    TcpStream::Cell* cell;  // null: it has died
    size_t from, to;        // in bytes_
  };
  void send(Entry& entry);

  size_t size_ = 0;
  size_t count_ = 0;
  std::array<Entry, kEntriesMax> entries_{};
  TurnEnd* turn_ends_ = nullptr;       // a list
  TurnEnd* next_turn_ends_ = nullptr;  // likewise
};

/// Closes a handle whose owner is gone, in the way of its kind. For ~Loop.
void close_abandoned(uv_handle_s* handle);
/// For Loop::close_lingering.
void close_if_lingering(uv_handle_s* handle);

}  // namespace weir::event

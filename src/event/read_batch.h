#pragma once
// The gathering of what a turn of the loop has to read, shared by all streams of a loop.

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "weir/event/tcp_stream.h"

namespace weir::event {

/// Holds what sockets have brought in this turn of the loop: all of them are read one behind the other, and worked off
/// then, when the poll is done or the batch is full. The other half of WriteBatch: to and fro between the kernel and
/// our own code, each finds the CPU's caches full of the other. Owned by the Loop.
class ReadBatch {
 public:
  /// One read: four maximal TLS records. Who reads less does not ask again, so a keep-alive request costs one recv and
  /// no EAGAIN probe.
  static constexpr size_t kReadBytesMax = 64 * 1024;
  /// Held at most, but for the last read. More of it would not stay in the CPU's nearest cache until it is looked at.
  static constexpr size_t kHeldBytesMax = 16 * 1024;
  static constexpr size_t kEntriesMax = 64;

  /// `before_delivery`: what is done each time before anything is handed out.
  explicit ReadBatch(std::function<void()> before_delivery) : before_delivery_(std::move(before_delivery)) {}

  /// Nothing more is to be read before what is held has been worked off.
  [[nodiscard]] bool full() const { return used_ > kHeldBytesMax || count_ == kEntriesMax; }
  /// Memory for the next read. Not when full.
  [[nodiscard]] std::span<char> room() { return {bytes_.get() + used_, kReadBytesMax}; }
  /// What was read into the beginning of room(), for a cell that holds nothing here; it hears of it by take().
  void hold(TcpStream::Cell& cell, std::span<char> bytes);
  /// Hands out all that is held, in the order read.
  void deliver();
  /// The stream dies: what it had read is dropped.
  void forget(const TcpStream::Cell& cell);

 private:
  struct Entry {
    TcpStream::Cell* cell;  // null: it has died
    std::span<char> bytes;
  };
  const std::function<void()> before_delivery_;
  std::unique_ptr<char[]> bytes_ = std::make_unique<char[]>(kHeldBytesMax + kReadBytesMax);
  size_t used_ = 0;
  size_t count_ = 0;
  std::array<Entry, kEntriesMax> entries_{};
};

}  // namespace weir::event

#include "event/read_batch.h"

#include <utility>

#include "event/tcp_cell.h"
#include "weir/base/prefetch.h"

namespace weir::event {

void ReadBatch::hold(TcpStream::Cell& cell, std::span<char> bytes) {
  entries_[count_++] = {&cell, bytes};
  cell.held = true;
  // Each begins in a cache line of its own.
  used_ += (bytes.size() + kCacheLineBytes - 1) / kCacheLineBytes * kCacheLineBytes;
}

void ReadBatch::deliver() {
  before_delivery_();
  // Nobody reads a socket while taking what was read, so nothing is added on the way.
  for (size_t i = 0; i < count_; ++i) {
    TcpStream::Cell* cell = std::exchange(entries_[i].cell, nullptr);
    if (cell == nullptr) continue;
    cell->held = false;
    cell->take(entries_[i].bytes);
  }
  count_ = used_ = 0;
}

void ReadBatch::forget(const TcpStream::Cell& cell) {
  for (size_t i = 0; i < count_; ++i) {
    if (entries_[i].cell == &cell) entries_[i].cell = nullptr;
  }
}

}  // namespace weir::event

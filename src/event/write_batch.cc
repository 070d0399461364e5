#include "event/write_batch.h"

#include <cstring>
#include <utility>

#include "event/tcp_cell.h"

namespace weir::event {

void WriteBatch::write(TcpStream::Cell& cell, std::string_view bytes, std::string_view after) {
  bool goes_on = count_ > 0 && entries_[count_ - 1].cell == &cell;
  if (bytes.size() >= kDirectBytesMin || size_ + bytes.size() + after.size() > kBytesMax) {
    Entry own = goes_on ? entries_[--count_] : Entry{&cell, 0, 0};
    flush();
    cell.send({std::string_view(bytes_.get() + own.from, own.to - own.from), bytes, after});
    return;
  }
  if (!goes_on) {
    if (count_ == kEntriesMax) flush();
    entries_[count_++] = {&cell, size_, size_};
  }
  for (std::string_view piece : {bytes, after}) {
    if (!piece.empty()) std::memcpy(bytes_.get() + size_, piece.data(), piece.size());
    size_ += piece.size();
  }
  entries_[count_ - 1].to = size_;
}

void WriteBatch::flush() {
  for (size_t i = 0; i < count_; ++i) send(entries_[i]);
  count_ = size_ = 0;
}

void WriteBatch::send(Entry& entry) {
  TcpStream::Cell* cell = std::exchange(entry.cell, nullptr);
  if (cell != nullptr) cell->send({std::string_view(bytes_.get() + entry.from, entry.to - entry.from), {}, {}});
}

void WriteBatch::forget(const TcpStream::Cell& cell) {
  for (size_t i = 0; i < count_; ++i) {
    if (entries_[i].cell == &cell) entries_[i].cell = nullptr;
  }
}

}  // namespace weir::event

#include "event/write_batch.h"

#include <cstring>

#include "event/tcp_cell.h"

namespace weir::event {

void WriteBatch::write(TcpStream::Cell& cell, std::string_view bytes, std::string_view after) {
  if (cell_ != &cell) flush();
  if (bytes.size() >= kDirectBytesMin || size_ + bytes.size() + after.size() > kBytesMax) {
    std::string_view gathered(bytes_.get(), size_);
    cell_ = nullptr;
    size_ = 0;
    cell.send({gathered, bytes, after});
    return;
  }
  for (std::string_view piece : {bytes, after}) {
    if (!piece.empty()) std::memcpy(bytes_.get() + size_, piece.data(), piece.size());
    size_ += piece.size();
  }
  cell_ = &cell;
}

void WriteBatch::flush() {
  if (cell_ == nullptr) return;
  TcpStream::Cell* cell = cell_;
  cell_ = nullptr;
  std::string_view gathered(bytes_.get(), size_);
  size_ = 0;
  cell->send({gathered, {}, {}});
}

void WriteBatch::forget(const TcpStream::Cell& cell) {
  if (cell_ != &cell) return;
  cell_ = nullptr;
  size_ = 0;
}

}  // namespace weir::event

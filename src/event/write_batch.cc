#include "event/write_batch.h"

#include <cstring>

#include "event/tcp_cell.h"

namespace weir::event {

void WriteBatch::write(TcpStream::Cell& cell, std::string_view bytes) {
  if (cell_ != &cell) flush();
  if (bytes.size() >= kDirectBytesMin || size_ + bytes.size() > kBytesMax) {
    std::string_view gathered(bytes_.get(), size_);
    cell_ = nullptr;
    size_ = 0;
    cell.send(gathered, bytes);
    return;
  }
  std::memcpy(bytes_.get() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
  cell_ = &cell;
}

void WriteBatch::flush() {
  if (cell_ == nullptr) return;
  TcpStream::Cell* cell = cell_;
  cell_ = nullptr;
  std::string_view gathered(bytes_.get(), size_);
  size_ = 0;
  cell->send(gathered, {});
}

void WriteBatch::forget(const TcpStream::Cell& cell) {
  if (cell_ != &cell) return;
  cell_ = nullptr;
  size_ = 0;
}

}  // namespace weir::event

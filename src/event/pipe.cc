#include "weir/event/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "weir/base/check.h"

namespace weir::event {
namespace {

/// splice(2) that does not wait, as recv and send do not.
ssize_t move_bytes(int from, int to, size_t bytes) {
  ssize_t moved;
  do {
    moved = ::splice(from, nullptr, to, nullptr, bytes, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  } while (moved < 0 && errno == EINTR);
  return moved < 0 ? -errno : moved;
}

}  // namespace

std::unique_ptr<Pipe> Pipe::open() {
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  // One user may have so many pages in pipes (pipe-user-pages-soft); above that it stays as small as it came.
  ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kBytes));
  return std::unique_ptr<Pipe>(new Pipe(ends[0], ends[1]));
}

Pipe::~Pipe() {
  ::close(read_end_);
  ::close(write_end_);
}

ssize_t Pipe::fill(int socket, size_t bytes_max) {
  ASSERT(size_ == 0);
  ssize_t got = move_bytes(socket, write_end_, std::min(bytes_max, kBytes));
  if (got > 0) size_ = static_cast<size_t>(got);
  return got;
}

ssize_t Pipe::drain(int socket) {
  ssize_t sent = move_bytes(read_end_, socket, size_);
  if (sent > 0) size_ -= static_cast<size_t>(sent);
  return sent;
}

std::string Pipe::text() {
  std::string out(size_, '\0');
  size_t taken = 0;
  while (taken < out.size()) {
    ssize_t got = ::read(read_end_, out.data() + taken, out.size() - taken);
    if (got < 0 && errno == EINTR) continue;
    CHECK(got > 0);  // what was counted in is in it
    taken += static_cast<size_t>(got);
  }
  size_ = 0;
  return out;
}

Pipe* PipePool::for_reading() {
  if (kept_ >= kKeptMax) return nullptr;
  if (reading_ != nullptr && reading_->size() > 0) reading_.reset();  // nobody wanted what came last
  if (reading_ == nullptr && !spare_.empty()) {
    reading_ = std::move(spare_.back());
    spare_.pop_back();
  }
  if (reading_ == nullptr) reading_ = Pipe::open();
  return reading_.get();
}

std::unique_ptr<Pipe> PipePool::keep() {
  ++kept_;
  return std::move(reading_);
}

void PipePool::give_back(std::unique_ptr<Pipe> pipe) {
  --kept_;
  if (pipe->size() == 0 && spare_.size() < kSpareMax) spare_.push_back(std::move(pipe));
}

}  // namespace weir::event

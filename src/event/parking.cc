#include "weir/event/parking.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <utility>

#include "event/write_batch.h"
#include "weir/base/check.h"
#include "weir/event/loop.h"
#include "weir/event/wheel.h"

namespace weir::event {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
/// Woken in one go; the rest at the loop's next turn, so that others have theirs.
constexpr size_t kWakesMax = 64;

enum class Peer : uint8_t { silent, talks, gone };

Peer look_at(int fd) {
  char byte;
  ssize_t got = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0) return Peer::talks;
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Peer::silent : Peer::gone;
}

}  // namespace

/// The libuv handle, the epoll instance and the table of spaces. Owns itself: freed in the close callback.
struct Parking::Cell final : Deadline {
  struct Space {
    ParkedConnection facts;
    int fd = -1;
    uint32_t next = kNone;  // towards the latest deadline; of a free space: the next free one
    uint32_t before = kNone;
    uint64_t due_ms = 0;
  };

  Cell(Loop& its_loop, OnWake wake, OnGone gone)
      : loop(its_loop), on_wake(std::move(wake)), on_gone(std::move(gone)), epoll_fd(::epoll_create1(EPOLL_CLOEXEC)) {
    CHECK(epoll_fd >= 0);
    CHECK(uv_poll_init(loop.raw(), &poll, epoll_fd) == 0);
    poll.data = this;
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* handle, int, int) { static_cast<Cell*>(handle->data)->look(); });
    uv_unref(reinterpret_cast<uv_handle_t*>(&poll));
  }

  [[nodiscard]] bool park(TcpStream& stream, const ParkedConnection& facts, uint64_t idle_ms);
  void look();
  void wake(uint32_t index);
  void leave(uint32_t index);
  void unlink(uint32_t index);
  void close();
  void on_deadline() override;

  Loop& loop;
  OnWake on_wake;
  OnGone on_gone;
  uv_poll_t poll{};
  const int epoll_fd;
  std::deque<Space> spaces;  // grows in steps and stays where it is
  uint32_t free = kNone;
  uint32_t earliest = kNone;
  uint32_t latest = kNone;
  size_t parked = 0;
};

bool Parking::Cell::park(TcpStream& stream, const ParkedConnection& facts, uint64_t idle_ms) {
  int fd = stream.detach();
  if (fd < 0) return false;
  if (free == kNone) {
    free = static_cast<uint32_t>(spaces.size());
    spaces.emplace_back();
  }
  uint32_t index = free;
  Space& space = spaces[index];
  free = space.next;
  space = {facts, fd, kNone, latest, loop.now_ms() + idle_ms};
  (latest == kNone ? earliest : spaces[latest].next) = index;
  latest = index;
  ++parked;
  epoll_event event{EPOLLIN | EPOLLRDHUP, {.u32 = index}};
  CHECK(::epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
  if (!has_deadline()) set_deadline(loop, idle_ms);
  return true;
}

void Parking::Cell::look() {
  std::array<epoll_event, kWakesMax> events;
  int count = ::epoll_wait(epoll_fd, events.data(), kWakesMax, 0);
  for (int i = 0; i < count && on_wake; ++i) {  // the owner may go within a call
    uint32_t index = events[static_cast<size_t>(i)].data.u32;
    if (index >= spaces.size() || spaces[index].fd < 0) continue;  // went within a call before
    Peer peer = look_at(spaces[index].fd);
    if (peer == Peer::talks) wake(index);
    if (peer == Peer::gone) leave(index);
    loop.batch().flush();
  }
}

void Parking::Cell::wake(uint32_t index) {
  ParkedConnection facts = spaces[index].facts;
  int fd = spaces[index].fd;
  auto stream = TcpStream::adopt(loop, fd);
  if (!stream) return leave(index);
  ::epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, nullptr);
  unlink(index);
  on_wake(std::move(*stream), facts);
}

/// Closes a connection and forgets it.
void Parking::Cell::leave(uint32_t index) {
  ParkedConnection facts = spaces[index].facts;
  ::close(spaces[index].fd);  // leaves the epoll instance with it: nobody else has the socket
  unlink(index);
  if (on_gone) on_gone(facts);
}

void Parking::Cell::unlink(uint32_t index) {
  Space& space = spaces[index];
  (space.before == kNone ? earliest : spaces[space.before].next) = space.next;
  (space.next == kNone ? latest : spaces[space.next].before) = space.before;
  space = {};
  space.next = std::exchange(free, index);
  if (--parked > 0) return;
  spaces = {};  // nobody left: the memory goes
  free = kNone;
}

void Parking::Cell::on_deadline() {
  while (earliest != kNone && spaces[earliest].due_ms <= loop.now_ms()) leave(earliest);
  if (earliest != kNone) set_deadline(loop, spaces[earliest].due_ms - loop.now_ms());
}

void Parking::Cell::close() {
  on_wake = nullptr;
  on_gone = nullptr;
  clear_deadline();
  while (earliest != kNone) leave(earliest);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll), [](uv_handle_t* handle) {
    auto* cell = static_cast<Cell*>(handle->data);
    ::close(cell->epoll_fd);
    delete cell;
  });
}

Parking::Parking(Loop& loop, OnWake on_wake, OnGone on_gone)
    : cell_(new Cell(loop, std::move(on_wake), std::move(on_gone))) {}

Parking::~Parking() { cell_->close(); }

bool Parking::park(TcpStream& stream, const ParkedConnection& facts, uint64_t idle_ms) {
  return cell_->park(stream, facts, idle_ms);
}

void Parking::expire_within(uint64_t idle_ms) {
  uint64_t due_ms = cell_->loop.now_ms() + idle_ms;
  for (uint32_t index = cell_->earliest; index != kNone; index = cell_->spaces[index].next) {
    cell_->spaces[index].due_ms = std::min(cell_->spaces[index].due_ms, due_ms);
  }
  if (cell_->earliest != kNone)
    cell_->set_deadline(cell_->loop, cell_->spaces[cell_->earliest].due_ms - cell_->loop.now_ms());
}

size_t Parking::size() const { return cell_->parked; }

}  // namespace weir::event

#include "weir/event/idle_watch.h"

#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include <cstddef>

#include "weir/event/loop.h"

namespace weir::event {
namespace {
/// Woken in one go; the rest at the loop's next turn, so that others have theirs.
constexpr int kWakesMax = 64;
}  // namespace

/// Owns itself: freed in the close callback.
struct IdleWatch::Cell {
  /// Null: no descriptor or no memory is left.
  static Cell* make(Loop& loop) {
    int epoll_fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) return nullptr;
    auto* cell = new Cell(epoll_fd);
    if (uv_poll_init(loop.raw(), &cell->poll, epoll_fd) != 0) {
      ::close(epoll_fd);
      delete cell;
      return nullptr;
    }
    cell->poll.data = cell;
    uv_poll_start(&cell->poll, UV_READABLE,
                  [](uv_poll_t* handle, int, int) { static_cast<Cell*>(handle->data)->wake(); });
    uv_unref(reinterpret_cast<uv_handle_t*>(&cell->poll));
    return cell;
  }

  // One at a time: a sleeper may remove others.
  void wake() {
    epoll_event event;
    for (int woken = 0; woken < kWakesMax && ::epoll_wait(epoll_fd, &event, 1, 0) == 1; ++woken) {
      static_cast<Sleeper*>(event.data.ptr)->on_awake();
    }
  }

  explicit Cell(int its_epoll_fd) : epoll_fd(its_epoll_fd) {}

  uv_poll_t poll{};
  const int epoll_fd;
};

IdleWatch::IdleWatch(Loop& loop) : loop_(loop) {}

IdleWatch::~IdleWatch() {
  if (cell_ == nullptr) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&cell_->poll), [](uv_handle_t* handle) {
    auto* cell = static_cast<Cell*>(handle->data);
    ::close(cell->epoll_fd);
    delete cell;
  });
}

bool IdleWatch::add(int fd, Sleeper& sleeper, For wanted) {
  if (cell_ == nullptr) cell_ = Cell::make(loop_);
  if (cell_ == nullptr) return false;
  // EPOLLERR and EPOLLHUP are told unasked.
  static constexpr uint32_t kEvents[] = {EPOLLIN | EPOLLRDHUP, 0, EPOLLOUT};
  epoll_event event{kEvents[static_cast<size_t>(wanted)], {.ptr = &sleeper}};
  return ::epoll_ctl(cell_->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void IdleWatch::remove(int fd) { ::epoll_ctl(cell_->epoll_fd, EPOLL_CTL_DEL, fd, nullptr); }

}  // namespace weir::event

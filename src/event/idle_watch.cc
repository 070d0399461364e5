#include "weir/event/idle_watch.h"

#include <sys/epoll.h>
#include <unistd.h>
#include <uv.h>

#include "weir/base/check.h"
#include "weir/event/loop.h"

namespace weir::event {
namespace {
/// Woken in one go; the rest at the loop's next turn, so that others have theirs.
constexpr int kWakesMax = 64;
}  // namespace

/// Owns itself: freed in the close callback.
struct IdleWatch::Cell {
  explicit Cell(Loop& its_loop) : loop(its_loop), epoll_fd(::epoll_create1(EPOLL_CLOEXEC)) {
    CHECK(epoll_fd >= 0);
    CHECK(uv_poll_init(loop.raw(), &poll, epoll_fd) == 0);
    poll.data = this;
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* handle, int, int) { static_cast<Cell*>(handle->data)->wake(); });
    uv_unref(reinterpret_cast<uv_handle_t*>(&poll));
  }

  // One at a time: a sleeper may remove others.
  void wake() {
    epoll_event event;
    for (int woken = 0; woken < kWakesMax && ::epoll_wait(epoll_fd, &event, 1, 0) == 1; ++woken) {
      static_cast<Sleeper*>(event.data.ptr)->on_awake();
    }
  }

  Loop& loop;
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
  if (cell_ == nullptr) cell_ = new Cell(loop_);
  // EPOLLERR and EPOLLHUP are told unasked.
  uint32_t events = wanted == For::bytes ? EPOLLIN | EPOLLRDHUP : 0;
  epoll_event event{events, {.ptr = &sleeper}};
  return ::epoll_ctl(cell_->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void IdleWatch::remove(int fd) { ::epoll_ctl(cell_->epoll_fd, EPOLL_CTL_DEL, fd, nullptr); }

}  // namespace weir::event

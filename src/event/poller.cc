#include "weir/event/poller.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <utility>

#include "event/write_batch.h"
#include "weir/base/check.h"

namespace weir::event {
namespace {

/// Told in one go; the rest in the next turn, so that what was deferred has its own.
constexpr int kEventsMax = 512;

uint64_t tag(int fd, uint32_t generation) { return uint64_t{generation} << 32 | static_cast<uint32_t>(fd); }

}  // namespace

Poller::Poller(WriteBatch& batch) : batch_(batch), epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)) { CHECK(epoll_fd_ >= 0); }

Poller::~Poller() { ::close(epoll_fd_); }

Poller::Slot* Poller::slot_of(int fd) {
  auto index = static_cast<size_t>(fd);
  return index < slots_.size() && slots_[index].watcher != nullptr ? &slots_[index] : nullptr;
}

bool Poller::add(int fd, Watcher& watcher, uint32_t events, Keeps keeps) {
  CHECK(fd >= 0 && slot_of(fd) == nullptr);
  auto index = static_cast<size_t>(fd);
  if (index >= slots_.size()) slots_.resize(index + 1);
  Slot& slot = slots_[index];
  epoll_event event{events, {.u64 = tag(fd, slot.generation + 1)}};
  if (::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) return false;
  slot = {&watcher, slot.generation + 1, keeps, false, false};
  if (keeps == Keeps::running) ++kept_running_;
  return true;
}

void Poller::remove(int fd) {
  if (slot_of(fd) == nullptr) return;
  forget(fd);
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::forget(int fd) {
  Slot* slot = slot_of(fd);
  if (slot == nullptr) return;
  slot->watcher = nullptr;
  if (slot->keeps == Keeps::running) --kept_running_;
}

void Poller::again(int fd) {
  Slot* slot = slot_of(fd);
  if (slot == nullptr || std::exchange(slot->wants_again, true)) return;
  again_.push_back(fd);
}

void Poller::turn(int timeout_ms) {
  epoll_event events[kEventsMax];
  again_now_.swap(again_);
  for (int fd : again_now_) {
    Slot* slot = slot_of(fd);
    if (slot != nullptr && std::exchange(slot->wants_again, false)) slot->due = true;
  }
  int count = ::epoll_wait(epoll_fd_, events, kEventsMax, again_now_.empty() ? timeout_ms : 0);
  for (int i = 0; i < count; ++i) {
    uint64_t told = events[i].data.u64;
    Slot* slot = slot_of(static_cast<int>(told & UINT32_MAX));
    if (slot == nullptr || slot->generation != told >> 32) continue;
    slot->due = false;  // this is it
    tell(*slot->watcher, events[i].events);
  }
  for (int fd : again_now_) {
    Slot* slot = slot_of(fd);
    if (slot != nullptr && std::exchange(slot->due, false)) tell(*slot->watcher, 0);
  }
  again_now_.clear();
}

void Poller::tell(Watcher& watcher, uint32_t events) {
  watcher.on_ready(events);
  batch_.flush();
}

void Poller::abandon_all() {
  for (size_t index = 0; index < slots_.size(); ++index) {
    if (slots_[index].watcher == nullptr) continue;
    slots_[index].watcher->on_loop_gone();
    CHECK(slots_[index].watcher == nullptr);  // it has an owner, who must be gone by now
  }
}

}  // namespace weir::event

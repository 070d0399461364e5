#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "net.h"

namespace weir::bench {

/// What the relays have in common: a listener, a Pair per client in a slot of its own, and the epoll loop that tells
/// which end of which pair has something. Side 0 is the client, side 1 the upstream. One thread; what is called is a
/// template's argument, so that nothing stands between epoll_wait and the floor's own calls.
template <typename Pair>
class PairLoop {
 public:
  /// Prints the port that it listens on.
  PairLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    uint16_t port = 0;
    listener_ = listen_loopback(port);
    watch(epoll_, listener_, EPOLLIN, kListener);
    std::printf("port %u\n", port);
    std::fflush(stdout);
  }

  void watch_side(int fd, uint32_t events, size_t slot, int side) { watch(epoll_, fd, events, what_of(slot, side)); }
  void change_side(int fd, uint32_t events, size_t slot, int side) {
    change_watch(epoll_, fd, events, what_of(slot, side));
  }

  /// `on_accepted(pair, slot, client)` for each new client, `on_event(pair, slot, side, events)` for each event: false
  /// says that the pair is over, and `on_over(pair)` closes what it has.
  template <typename OnAccepted, typename OnEvent, typename OnOver>
  [[noreturn]] void run(OnAccepted on_accepted, OnEvent on_event, OnOver on_over) {
    std::array<epoll_event, 512> events;
    for (;;) {
      int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        uint64_t what = events[i].data.u64;
        if (what == kListener) {
          accept_all(on_accepted);
          continue;
        }
        size_t slot = what >> 1;
        if (!pairs_[slot]) continue;  // closed in this turn
        if (on_event(*pairs_[slot], slot, static_cast<int>(what & 1), events[i].events)) continue;
        on_over(*pairs_[slot]);
        pairs_[slot].reset();
        free_slots_.push_back(slot);
      }
    }
  }

 private:
  static constexpr uint64_t kListener = ~uint64_t{0};

  static uint64_t what_of(size_t slot, int side) { return slot << 1 | static_cast<uint64_t>(side); }

  template <typename OnAccepted>
  void accept_all(OnAccepted& on_accepted) {
    for (int client = accept_one(listener_); client >= 0; client = accept_one(listener_)) {
      size_t slot = pairs_.size();
      if (free_slots_.empty()) {
        pairs_.emplace_back();
      } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
      }
      pairs_[slot] = std::make_unique<Pair>();
      on_accepted(*pairs_[slot], slot, client);
    }
  }

  const int epoll_;
  int listener_ = -1;
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::vector<size_t> free_slots_;
};

}  // namespace weir::bench

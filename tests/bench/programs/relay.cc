// bench-relay PORT [--splice]: carries bytes between each client and 127.0.0.1:PORT and looks at none of them. This is
// the floor: per request two recv and two send (or splice through a pipe), and what epoll costs. Prints its own port.

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "net.h"

namespace {

using namespace weir::bench;

constexpr size_t kBufferBytes = 64 * 1024;
constexpr int kPipeBytes = 1024 * 1024;
constexpr uint64_t kListener = ~uint64_t{0};

/// What has been read from one end and not yet taken by the other.
struct Direction {
  std::vector<char> held;
  size_t held_from = 0;
  int pipe_in = -1;
  int pipe_out = -1;
  size_t in_pipe = 0;
  bool ended = false;
  bool end_sent = false;

  bool waits() const { return held_from < held.size() || in_pipe > 0; }
};

/// Side 0 is the client, side 1 the upstream. Direction d carries bytes from side d to side 1 - d.
struct Pair {
  std::array<int, 2> fds{-1, -1};
  std::array<Direction, 2> directions;
  std::array<uint32_t, 2> watched{0, 0};
};

class Relay {
 public:
  Relay(uint16_t upstream_port, bool splice) : upstream_port_(upstream_port), splice_(splice) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    uint16_t port = 0;
    listener_ = listen_loopback(port);
    watch(epoll_, listener_, EPOLLIN, kListener);
    std::printf("port %u\n", port);
    std::fflush(stdout);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 512> events;
    for (;;) {
      int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        uint64_t what = events[i].data.u64;
        if (what == kListener) {
          accept_all();
        } else {
          on_event(what >> 1, static_cast<int>(what & 1), events[i].events);
        }
      }
    }
  }

 private:
  void accept_all() {
    for (int client = accept_one(listener_); client >= 0; client = accept_one(listener_)) {
      size_t slot = free_slots_.empty() ? pairs_.size() : free_slots_.back();
      if (free_slots_.empty()) {
        pairs_.emplace_back();
      } else {
        free_slots_.pop_back();
      }
      pairs_[slot] = std::make_unique<Pair>();
      Pair& pair = *pairs_[slot];
      pair.fds = {client, connect_loopback(upstream_port_)};
      for (int side : {0, 1}) {
        if (splice_) open_pipe(pair.directions[side]);
        pair.watched[side] = EPOLLIN;
        watch(epoll_, pair.fds[side], EPOLLIN, slot << 1 | static_cast<uint64_t>(side));
      }
    }
  }

  static void open_pipe(Direction& direction) {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) != 0) die("pipe2");
    fcntl(fds[1], F_SETPIPE_SZ, kPipeBytes);
    direction.pipe_out = fds[0];
    direction.pipe_in = fds[1];
  }

  void on_event(size_t slot, int side, uint32_t events) {
    if (!pairs_[slot]) return;  // closed in this turn
    Pair& pair = *pairs_[slot];
    bool alive = true;
    if ((events & EPOLLOUT) != 0) alive = send_held(pair, 1 - side);
    if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !pair.directions[side].waits()) {
      alive = splice_ ? move_by_pipe(pair, side) : move_by_copy(pair, side);
    }
    if (alive && !(pair.directions[0].end_sent && pair.directions[1].end_sent)) {
      update_watches(pair, slot);
    } else {
      close_pair(slot);
    }
  }

  bool move_by_copy(Pair& pair, int from) {
    Direction& direction = pair.directions[from];
    if (direction.ended) return true;
    ssize_t got = recv(pair.fds[from], buffer_.data(), buffer_.size(), 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return take_end(pair, from);
    ssize_t sent = send(pair.fds[1 - from], buffer_.data(), static_cast<size_t>(got), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != ENOTCONN) return false;
    if (sent == got) return true;
    direction.held.assign(buffer_.data() + (sent < 0 ? 0 : sent), buffer_.data() + got);
    direction.held_from = 0;
    return true;
  }

  bool move_by_pipe(Pair& pair, int from) {
    Direction& direction = pair.directions[from];
    if (direction.ended) return true;
    ssize_t got = splice(pair.fds[from], nullptr, direction.pipe_in, nullptr, kPipeBytes, SPLICE_F_NONBLOCK);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return take_end(pair, from);
    direction.in_pipe = static_cast<size_t>(got);
    return send_held(pair, from);
  }

  bool send_held(Pair& pair, int from) {
    Direction& direction = pair.directions[from];
    int to = pair.fds[1 - from];
    if (direction.in_pipe > 0) {
      ssize_t sent = splice(direction.pipe_out, nullptr, to, nullptr, direction.in_pipe, SPLICE_F_NONBLOCK);
      if (sent < 0) return errno == EAGAIN || errno == ENOTCONN;
      direction.in_pipe -= static_cast<size_t>(sent);
    } else if (direction.waits()) {
      ssize_t sent = send(to, direction.held.data() + direction.held_from, direction.held.size() - direction.held_from,
                          MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == ENOTCONN;
      direction.held_from += static_cast<size_t>(sent);
    }
    if (direction.ended && !direction.waits()) return take_end(pair, from);
    return true;
  }

  static bool take_end(Pair& pair, int from) {
    Direction& direction = pair.directions[from];
    direction.ended = true;
    if (!direction.waits() && !direction.end_sent) {
      direction.end_sent = true;
      shutdown(pair.fds[1 - from], SHUT_WR);
    }
    return true;
  }

  // Reads a side only while its bytes can go on, and waits for room only while there is something to send: on the
  // steady path nothing changes and no epoll_ctl is made.
  void update_watches(Pair& pair, size_t slot) {
    for (int side : {0, 1}) {
      uint32_t wanted = 0;
      if (!pair.directions[side].waits() && !pair.directions[side].ended) wanted |= EPOLLIN;
      if (pair.directions[1 - side].waits()) wanted |= EPOLLOUT;
      if (wanted == pair.watched[side]) continue;
      pair.watched[side] = wanted;
      change_watch(epoll_, pair.fds[side], wanted, slot << 1 | static_cast<uint64_t>(side));
    }
  }

  void close_pair(size_t slot) {
    Pair& pair = *pairs_[slot];
    for (int side : {0, 1}) {
      close(pair.fds[side]);
      if (!splice_) continue;
      close(pair.directions[side].pipe_in);
      close(pair.directions[side].pipe_out);
    }
    pairs_[slot].reset();
    free_slots_.push_back(slot);
  }

  // constant after construction
  const uint16_t upstream_port_;
  const bool splice_;
  int epoll_ = -1;
  int listener_ = -1;

  std::array<char, kBufferBytes> buffer_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  std::vector<size_t> free_slots_;
};

}  // namespace

int main(int argc, char** argv) {
  die_with_parent();
  allow_many_files();
  if (argc < 2) refuse("usage: bench-relay PORT [--splice]");
  bool splice = argc > 2 && std::strcmp(argv[2], "--splice") == 0;
  auto relay = std::make_unique<Relay>(static_cast<uint16_t>(std::atoi(argv[1])), splice);
  relay->run();
}

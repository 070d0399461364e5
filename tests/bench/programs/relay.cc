// bench-relay PORT [--splice]: carries bytes between each client and 127.0.0.1:PORT and looks at none of them. This is
// the floor: per request two recv and two send (or splice through a pipe), and what epoll costs. Prints its own port.

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "net.h"
#include "pair_loop.h"

namespace {

using namespace weir::bench;

constexpr size_t kBufferBytes = 64 * 1024;
constexpr int kPipeBytes = 1024 * 1024;

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

/// Direction d carries bytes from side d to side 1 - d.
struct Pair {
  std::array<int, 2> fds{-1, -1};
  std::array<Direction, 2> directions;
  std::array<uint32_t, 2> watched{0, 0};
};

class Relay {
 public:
  Relay(uint16_t upstream_port, bool splice) : upstream_port_(upstream_port), splice_(splice) {}

  [[noreturn]] void run() {
    loop_.run([this](Pair& pair, size_t slot, int client) { open_pair(pair, slot, client); },
              [this](Pair& pair, size_t slot, int side, uint32_t events) { return on_event(pair, slot, side, events); },
              [this](Pair& pair) { close_pair(pair); });
  }

 private:
  void open_pair(Pair& pair, size_t slot, int client) {
    pair.fds = {client, connect_loopback(upstream_port_)};
    for (int side : {0, 1}) {
      if (splice_) open_pipe(pair.directions[side]);
      pair.watched[side] = EPOLLIN;
      loop_.watch_side(pair.fds[side], EPOLLIN, slot, side);
    }
  }

  static void open_pipe(Direction& direction) {
    std::array<int, 2> fds{};
    if (pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) != 0) die("pipe2");
    fcntl(fds[1], F_SETPIPE_SZ, kPipeBytes);
    direction.pipe_out = fds[0];
    direction.pipe_in = fds[1];
  }

  /// False: it is over.
  bool on_event(Pair& pair, size_t slot, int side, uint32_t events) {
    bool alive = true;
    if ((events & EPOLLOUT) != 0) alive = send_held(pair, 1 - side);
    if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !pair.directions[side].waits()) {
      alive = splice_ ? move_by_pipe(pair, side) : move_by_copy(pair, side);
    }
    if (!alive || (pair.directions[0].end_sent && pair.directions[1].end_sent)) return false;
    update_watches(pair, slot);
    return true;
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
      loop_.change_side(pair.fds[side], wanted, slot, side);
    }
  }

  void close_pair(Pair& pair) {
    for (int side : {0, 1}) {
      close(pair.fds[side]);
      if (!splice_) continue;
      close(pair.directions[side].pipe_in);
      close(pair.directions[side].pipe_out);
    }
  }

  // constant after construction
  const uint16_t upstream_port_;
  const bool splice_;

  PairLoop<Pair> loop_;
  std::array<char, kBufferBytes> buffer_;
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

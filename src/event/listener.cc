#include "weir/event/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "event/tcp_cell.h"
#include "weir/base/check.h"
#include "weir/base/log.h"
#include "weir/event/loop.h"
#include "weir/event/wheel.h"

namespace weir::event {

namespace {
// A listener whose backlog never empties must let the connections it has brought have their turn.
constexpr int kAcceptsATurnMax = 64;
// Descriptors or memory have run out: those who wait stay in the backlog, what is open is served on.
constexpr uint64_t kPauseMs = 100;
constexpr uint64_t kComplainEveryMs = 1000;
}  // namespace

/// Owns itself; freed in the close callback. Accepts by hand: libuv closes those who wait when descriptors run out, and
/// tries on for ever, without a turn of the loop, when memory does.
struct Listener::Cell final : Deadline {
  Cell(Loop& owner_loop, int descriptor, OnAccept callback)
      : loop(owner_loop), fd(descriptor), on_accept(std::move(callback)) {
    CHECK(uv_poll_init(loop.raw(), &poll, fd) == 0);
    poll.data = this;
  }

  void start() {
    uv_poll_start(&poll, UV_READABLE,
                  [](uv_poll_t* handle, int, int) { static_cast<Cell*>(handle->data)->accept_all(); });
  }

  void accept_all() {
    int limit = std::exchange(accepts_a_turn, std::min(2 * accepts_a_turn, kAcceptsATurnMax));
    for (int i = 0; i < limit && on_accept; ++i) {
      sockaddr_storage storage{};
      socklen_t length = sizeof storage;
      int accepted = ::accept4(fd, reinterpret_cast<sockaddr*>(&storage), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted >= 0) {
        hand_over(accepted, SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage)));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        accepts_a_turn = std::max(i, 1);
        return;
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        return pause(errno);
      }
      // Anything else is the one connection's own end, such as ECONNABORTED.
    }
  }

  void hand_over(int accepted, const SocketAddress& peer) {
    TcpStream::Addresses known{peer, std::nullopt};
    if (bound.ip != IpAddress{{}, bound.ip.v6}) known.local = bound;  // bound to one, not to all
    TcpStream stream = TcpStream::adopt(loop, accepted, known);
    TcpStream::Cell& cell = *stream.cell_;
    ++cell.references;
    cell.first_read_due = true;
    auto callback = on_accept;  // the callback may destroy the listener
    callback(std::move(stream));
    cell.read_first();
    cell.release();
  }

  void pause(int reason) {
    uv_poll_stop(&poll);
    set_deadline(loop, kPauseMs);
    if (loop.now_ms() < complain_from_ms) return;
    log::warn("accept failed; trying again", {{"address", bound.text()}, {"error", system_error("accept", reason)}});
    complain_from_ms = loop.now_ms() + kComplainEveryMs;
  }

  void on_deadline() override { start(); }

  void close() {
    on_accept = nullptr;
    clear_deadline();
    uv_close(reinterpret_cast<uv_handle_t*>(&poll),
             [](uv_handle_t* handle) { delete static_cast<Cell*>(handle->data); });
    ::close(fd);
  }

  uv_poll_t poll{};
  Loop& loop;
  const int fd;
  OnAccept on_accept;
  SocketAddress bound;
  int accepts_a_turn = 1;  // as many as came lately: one that finds nobody is a system call in vain
  uint64_t complain_from_ms = 0;

 private:
  ~Cell() override = default;
};

namespace {

bool is_every_address(const IpAddress& ip) { return ip == IpAddress{{}, true}; }

// By hand: libuv sets SO_REUSEPORT only from 1.49, and options set on the listener are inherited by what it accepts.
// A descriptor, or -errno.
int open_at(const ListenOptions& options) {
  int fd = ::socket(options.address.ip.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int on = 1;
  int v6_only = is_every_address(options.address.ip) ? 0 : 1;  // whatever net.ipv6.bindv6only says
  sockaddr_storage storage;
  options.address.to_sockaddr(storage);
  socklen_t length = options.address.ip.v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  bool good = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
              (!options.reuse_port || ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
              ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
              (!options.address.ip.v6 || ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only) == 0) &&
              ::bind(fd, reinterpret_cast<sockaddr*>(&storage), length) == 0;
  if (good) return fd;
  int error = errno;
  ::close(fd);
  return -error;
}

Result<int> open_socket(const ListenOptions& options) {
  int fd = open_at(options);
  if ((fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) && is_every_address(options.address.ip)) {
    // A machine without IPv6.
    ListenOptions instead = options;
    instead.address.ip = {};
    fd = open_at(instead);
  }
  if (fd < 0) return fail(system_error("listen on " + options.address.text(), -fd));
  return fd;
}

}  // namespace

Status Listener::check_free(const SocketAddress& address) {
  auto fd = open_socket({.address = address});
  if (!fd) return fail(fd.error());
  ::close(*fd);
  return {};
}

Result<Listener> Listener::listen(Loop& loop, const ListenOptions& options, OnAccept on_accept) {
  auto fd = open_socket(options);
  if (!fd) return fail(fd.error());
  if (::listen(*fd, options.backlog) != 0) {
    Error error = system_error("listen on " + options.address.text(), errno);
    ::close(*fd);
    return fail(std::move(error));
  }
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  ::getsockname(*fd, reinterpret_cast<sockaddr*>(&storage), &length);
  auto* cell = new Cell(loop, *fd, std::move(on_accept));
  cell->bound = SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage));
  cell->start();
  return Listener(cell);
}

Listener::Listener(Listener&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(cell_, other.cell_);
  return *this;
}

Listener::~Listener() {
  if (cell_ != nullptr) cell_->close();
}

const SocketAddress& Listener::address() const { return cell_->bound; }

}  // namespace weir::event

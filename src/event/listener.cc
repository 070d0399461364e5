#include "weir/event/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "event/tcp_cell.h"
#include "event/write_batch.h"
#include "weir/base/log.h"

namespace weir::event {

/// Owns itself; freed in the close callback.
struct Listener::Cell {
  uv_tcp_t tcp{};
  Loop& loop;
  OnAccept on_accept;
  SocketAddress bound;
  uint64_t failure_logged_ms = 0;

  void close() {
    on_accept = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&tcp),
             [](uv_handle_t* handle) { delete static_cast<Cell*>(handle->data); });
  }
};

namespace {

// By hand: libuv sets SO_REUSEPORT only from 1.49, and options set on the listener are inherited by what it accepts.
Result<int> open_socket(const ListenOptions& options) {
  int fd = ::socket(options.address.ip.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(system_error("socket", errno));
  int on = 1;
  sockaddr_storage storage;
  options.address.to_sockaddr(storage);
  socklen_t length = options.address.ip.v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  bool good = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
              (!options.reuse_port || ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
              ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
              (!options.address.ip.v6 || ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
              ::bind(fd, reinterpret_cast<sockaddr*>(&storage), length) == 0;
  if (good) return fd;
  Error error = system_error("listen on " + options.address.text(), errno);
  ::close(fd);
  return fail(std::move(error));
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
  auto* cell = new Cell{{}, loop, std::move(on_accept), {}};
  uv_tcp_init(loop.raw(), &cell->tcp);
  cell->tcp.data = cell;
  Listener listener(cell);
  if (int status = uv_tcp_open(&cell->tcp, *fd); status < 0) {
    ::close(*fd);
    return fail(system_error("listen on " + options.address.text(), status));
  }
  int status =
      uv_listen(reinterpret_cast<uv_stream_t*>(&cell->tcp), options.backlog, [](uv_stream_t* server, int result) {
        auto* self = static_cast<Cell*>(server->data);
        if (!self->on_accept) return;
        auto* accepted = new TcpStream::Cell(self->loop);
        if (result == 0) result = uv_accept(server, reinterpret_cast<uv_stream_t*>(&accepted->tcp));
        if (result < 0) {
          // EMFILE and ENOMEM come in floods: said once a second, and what is open goes on.
          if (self->loop.now_ms() - self->failure_logged_ms > 1000) {
            log::warn("accept failed", {{"address", self->bound.text()}, {"error", system_error("accept", result)}});
            self->failure_logged_ms = self->loop.now_ms();
          }
          accepted->close(false);
          return;
        }
        Loop& its_loop = self->loop;
        auto callback = self->on_accept;  // the callback may destroy the listener
        callback(TcpStream(accepted));
        its_loop.batch().flush();
      });
  if (status < 0) return fail(system_error("listen on " + options.address.text(), status));
  sockaddr_storage storage{};
  int length = sizeof storage;
  uv_tcp_getsockname(&cell->tcp, reinterpret_cast<sockaddr*>(&storage), &length);
  cell->bound = SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage));
  return listener;
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

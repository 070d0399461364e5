#include "event/tcp_cell.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "event/write_batch.h"
#include "weir/base/check.h"
#include "weir/event/stream_port.h"

namespace weir::event {
namespace {

/// Reads of one stream in a turn of the loop, 64 KiB each; then others have theirs.
constexpr int kReadsATurnMax = 4;
/// What has left the queue is cut off its front when it is as much, and more than what is still there.
constexpr size_t kSentBytesKept = 256 * 1024;

/// What the kernel takes of the pieces, or a negative errno. `more`: the end follows at once and goes in the same
/// segment.
ssize_t send_now(int fd, const std::array<std::string_view, 3>& pieces, bool more) {
  int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  iovec parts[3];
  size_t count = 0;
  for (std::string_view piece : pieces) {
    if (!piece.empty()) parts[count++] = {const_cast<char*>(piece.data()), piece.size()};
  }
  if (count == 0) return 0;
  ssize_t sent;
  do {
    if (count == 1) {
      sent = ::send(fd, parts[0].iov_base, parts[0].iov_len, flags);
    } else {
      msghdr message{};
      message.msg_iov = parts;
      message.msg_iovlen = count;
      sent = ::sendmsg(fd, &message, flags);
    }
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

/// What the kernel has to say about a socket, once; 0 when all is well.
int pending_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  bool known = ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0;
  return known ? error : 0;
}

}  // namespace

// ---- What the poller tells ----

bool TcpStream::Cell::watch() {
  if (watched) return true;
  watched = loop.poller().add(fd, *this, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  if (!watched) report_failure(system_error("watch socket", errno));
  return watched;
}

void TcpStream::Cell::on_ready(uint32_t events) {
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) readable = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_over = true;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) broken = true;
  if (state == State::connecting && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) finish_connecting();
  if (reading && readable) read_socket();
  if ((events & EPOLLOUT) != 0 && queued_bytes() > 0) send_queue();
  if (broken && reset_watched && !reading && state == State::open) {
    reset_watched = false;
    // Both halves may also have ended in peace.
    if (int pending = pending_error(fd); pending != 0) report_failure(system_error("read", pending));
  }
}

// A lingering connection; everything else has an owner that must be gone by now.
void TcpStream::Cell::on_loop_gone() { close(false); }

// ---- Out ----

void TcpStream::Cell::send(const std::array<std::string_view, 3>& pieces) {
  if (layer == nullptr) return send_raw(pieces);
  if (usable() && !fin_sent && !failed && !write_error) layer->send(pieces);
}

void TcpStream::Cell::send_raw(const std::array<std::string_view, 3>& pieces) {
  if (state == State::closing || fin_sent || failed || write_error) return;
  size_t taken = 0;
  if (state != State::connecting && queue.empty()) {
    ssize_t sent = send_now(fd, pieces, saying_end);
    if (sent < 0 && sent != -EAGAIN) return on_write_failed(static_cast<int>(sent));
    if (sent > 0) taken = static_cast<size_t>(sent);
  }
  for (std::string_view piece : pieces) {
    size_t gone = std::min(taken, piece.size());
    queue.append(piece.substr(gone));
    taken -= gone;
  }
  if (!queue.empty()) static_cast<void>(watch());  // an edge tells when there is room again
}

void TcpStream::Cell::send_queue() {
  ssize_t sent = send_now(fd, {std::string_view(queue).substr(queue_sent), {}, {}}, false);
  if (sent < 0 && sent != -EAGAIN) return on_write_failed(static_cast<int>(sent));
  if (sent > 0) queue_sent += static_cast<size_t>(sent);
  if (queued_bytes() > 0) {
    if (queue_sent >= kSentBytesKept && queue_sent >= queued_bytes()) queue.erase(0, std::exchange(queue_sent, 0));
    return;
  }
  queue = std::string();  // an idle connection holds no buffer
  queue_sent = 0;
  if (end_after_queue) send_fin();
  if (state == State::lingering) return reading ? set_deadline(loop, kLingerMs) : close(false);
  if (observer != nullptr) observer->on_drained();
}

// A peer that answers early and closes (413) resets us while its answer waits to be read: that comes first.
void TcpStream::Cell::on_write_failed(int status) {
  Error error = system_error("write", status);
  bool by_peer = status == -EPIPE || status == -ECONNRESET;
  if (!by_peer || !reading || observer == nullptr) return report_failure(error);
  queue = std::string();
  queue_sent = 0;
  write_error = std::move(error);
}

// Where it fails the connection is over, which whoever reads is told behind what has come.
void TcpStream::Cell::send_fin() {
  if (fin_sent || state == State::connecting || state == State::closing) return;
  fin_sent = true;
  ::shutdown(fd, SHUT_WR);
}

size_t TcpStream::Cell::undelivered_bytes() const {
  int in_kernel = 0;
  bool known = ::ioctl(fd, SIOCOUTQ, &in_kernel) == 0;
  return queued_bytes() + (known ? static_cast<size_t>(in_kernel) : 0);
}

// ---- In ----

void TcpStream::Cell::start_reading() {
  if (reading || failed || state == State::connecting || state == State::closing || !watch()) return;
  reading = true;
  reset_watched = false;
  if (unread != nullptr) {
    ++references;
    return loop.defer([this] {
      read_again();
      release();
    });
  }
  if (readable) loop.poller().again(fd);
}

// In the order they came: what was given back, and only then the socket.
void TcpStream::Cell::read_again() {
  if (!reading || unread == nullptr || state == State::closing) return;  // stopped meanwhile, or done before
  std::unique_ptr<std::string> bytes = std::move(unread);
  if (readable) loop.poller().again(fd);
  Loop& its_loop = loop;
  deliver(*bytes);
  its_loop.batch().flush();
}

void TcpStream::Cell::read_socket() {
  std::span<char> buffer = loop.read_buffer();
  for (int reads = 0; reading && readable && unread == nullptr; ++reads) {
    if (reads == kReadsATurnMax) return loop.poller().again(fd);
    ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      readable = false;
    } else if (got <= 0) {
      on_read_over(got == 0 ? 0 : errno);
    } else {
      // The socket is empty, and an edge tells when it is not; unless the last one has been.
      if (static_cast<size_t>(got) < buffer.size() && !peer_over) readable = false;
      deliver(buffer.first(static_cast<size_t>(got)));
    }
  }
}

void TcpStream::Cell::deliver(std::span<char> bytes) {
  if (state == State::lingering) return;
  if (layer != nullptr) return layer->on_read(bytes);
  observer->on_read(bytes);
}

// 0: FIN. It can be read again, by whoever starts to.
void TcpStream::Cell::on_read_over(int error) {
  if (state == State::lingering) {
    if (error != 0 || queued_bytes() == 0) return close(false);
    return stop_reading();  // it has ended its half, and may still read what is queued
  }
  if (write_error) return report_failure(*write_error);
  if (error != 0) return report_failure(system_error("read", error));
  stop_reading();
  if (layer != nullptr) return layer->on_read_end();
  observer->on_read_end();
}

void TcpStream::Cell::watch_for_reset() {
  if (reading || reset_watched || failed || state != State::open || !watch()) return;
  reset_watched = true;
  if (broken) loop.poller().again(fd);
}

// ---- The beginning ----

void TcpStream::Cell::connect(const SocketAddress& address) {
  sockaddr_storage storage;
  address.to_sockaddr(storage);
  socklen_t length = address.ip.v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return report_failure(system_error("connect", errno));
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  bool begun = ::connect(fd, reinterpret_cast<sockaddr*>(&storage), length) == 0 || errno == EINPROGRESS;
  if (!begun) return report_failure(system_error("connect", errno));
  static_cast<void>(watch());
}

void TcpStream::Cell::finish_connecting() {
  if (failed) return;
  if (int error = pending_error(fd); error != 0) return report_failure(system_error("connect", error));
  state = State::open;
  if (queued_bytes() > 0) {
    send_queue();
  } else if (end_after_queue) {
    send_fin();
  }
  if (state != State::open || failed) return;
  if (layer != nullptr) {
    layer->on_open(StreamPort(*this));
  } else {
    observer->on_connected();
  }
}

// ---- The end ----

void TcpStream::Cell::report_failure(const Error& error) {
  if (state == State::closing || failed) return;
  failed = true;
  stop_reading();
  queue = std::string();
  queue_sent = 0;
  if (observer == nullptr) return close(false);
  // Writes fail in the middle of the owner's own calls; it hears of it when its stack has unwound.
  loop.defer([this, copy = error] {
    if (observer != nullptr) observer->on_failed(copy);
    release();
  });
  ++references;
}

void TcpStream::Cell::linger() {
  if (failed || write_error) return close(false);
  state = State::lingering;
  observer = nullptr;
  if (queued_bytes() == 0) {
    send_fin();
  } else {
    end_after_queue = true;
  }
  start_reading();
  linger_bytes_left = queued_bytes() > 0 ? undelivered_bytes() : 0;
  set_deadline(loop, queued_bytes() > 0 ? kLingerStallMs : kLingerMs);
}

void TcpStream::Cell::on_deadline() {
  size_t left = undelivered_bytes();
  bool takes_some = queued_bytes() > 0 && left + kLingerStallBytes <= std::exchange(linger_bytes_left, left);
  if (!takes_some) return close(false);
  set_deadline(loop, kLingerStallMs);
}

void TcpStream::Cell::close(bool with_reset) {
  if (state == State::closing) return;
  observer = nullptr;
  loop.batch().forget(*this);
  clear_deadline();
  stop_reading();
  state = State::closing;
  if (fd >= 0) {
    struct ::linger at_once {
      1, 0
    };
    if (with_reset && !fin_sent) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (watched) loop.poller().forget(fd);
    ::close(std::exchange(fd, -1));
  }
  loop.defer([this] { release(); });  // it may be on the stack
}

void TcpStream::Cell::release() {
  if (--references == 0) delete this;
}

}  // namespace weir::event

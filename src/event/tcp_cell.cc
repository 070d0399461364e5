#include "event/tcp_cell.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "event/read_batch.h"
#include "event/write_batch.h"
#include "weir/base/check.h"
#include "weir/event/stream_port.h"

namespace weir::event {
namespace {

/// Of one stream, when each fills the loop's buffer: then the others have their turn.
constexpr int kReadsATurnMax = 8;

uv_stream_t* stream_of(uv_tcp_t& tcp) { return reinterpret_cast<uv_stream_t*>(&tcp); }

// recv(2) and send(2) as everybody means them. glibc's can be cancelled by another thread and arm for it with two
// locked instructions each, which is one part in a hundred of what a request costs.
ssize_t receive(int fd, std::span<char> into, int flags) {
  return ::syscall(SYS_recvfrom, fd, into.data(), into.size(), flags, nullptr, nullptr);
}
ssize_t send_piece(int fd, std::string_view piece, int flags) {
  return ::syscall(SYS_sendto, fd, piece.data(), piece.size(), flags, nullptr, 0);
}

ssize_t send_pieces(int fd, const std::array<std::string_view, 3>& pieces, int flags) {
  iovec parts[3];
  msghdr message{};
  message.msg_iov = parts;
  for (std::string_view piece : pieces) {
    if (!piece.empty()) parts[message.msg_iovlen++] = {const_cast<char*>(piece.data()), piece.size()};
  }
  return message.msg_iovlen == 0 ? 0 : ::sendmsg(fd, &message, flags);
}

/// What the kernel takes of the pieces, or a negative errno. As uv_try_write does, at less than half its instructions
/// and by the system calls that are made for sockets; only for streams with nothing queued in libuv. `more`: the end
/// follows at once and goes in the same segment.
ssize_t send_now(int fd, const std::array<std::string_view, 3>& pieces, bool more) {
  int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  bool one = pieces[1].empty() && pieces[2].empty() && !pieces[0].empty();
  ssize_t sent;
  do {
    sent = one ? send_piece(fd, pieces[0], flags) : send_pieces(fd, pieces, flags);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

}  // namespace

bool TcpStream::Cell::attach() {
  if (attached) return true;
  if (state == State::closing || failed) return false;
  init_handle();
  int status = uv_tcp_open(&tcp, fd);
  if (status == 0) return true;
  ::close(std::exchange(fd, -1));
  report_failure(system_error("watch socket", status));
  return false;
}

void TcpStream::Cell::init_handle() {
  uv_tcp_init(loop.raw(), &tcp);
  tcp.data = this;
  attached = true;
}

void TcpStream::Cell::send(const std::array<std::string_view, 3>& pieces) {
  if (layer == nullptr) return send_raw(pieces);
  if (usable() && !fin_sent && !failed && !write_error) layer->send(pieces);
}

void TcpStream::Cell::send_raw(const std::array<std::string_view, 3>& pieces) {
  if (state == State::closing || fin_sent || failed || write_error) return;
  size_t taken = 0;
  if (state != State::connecting && all_sent()) {
    ssize_t sent = send_now(fd, pieces, saying_end);
    if (sent < 0 && sent != UV_EAGAIN) return on_write_failed(static_cast<int>(sent));
    if (sent > 0) taken = static_cast<size_t>(sent);
    if (taken == pieces[0].size() + pieces[1].size() + pieces[2].size()) return;
  }
  for (std::string_view piece : pieces) {
    size_t gone = std::min(taken, piece.size());
    queue.append(piece.substr(gone));
    taken -= gone;
  }
  if (!queue.empty() && piped == nullptr && state != State::connecting && !write_pending) start_queued_write();
}

// The pipe is the loop's. It is kept, with the bytes that have to wait, where they are next in turn.
void TcpStream::Cell::send_piped(Pipe& pipe) {
  if (state == State::closing || fin_sent || failed || write_error) return;
  ASSERT(layer == nullptr);
  if (state == State::connecting || piped != nullptr || !queue.empty()) {
    queue += pipe.text();
    return;
  }
  if (!write_pending) {
    ssize_t sent = pipe.drain(fd);
    if (sent < 0 && sent != UV_EAGAIN) return on_write_failed(static_cast<int>(sent));
    if (pipe.size() == 0) return;
  }
  piped = loop.pipes().keep();
  ASSERT(piped.get() == &pipe);
  if (!write_pending) watch_for(IdleWatch::For::room);
}

void TcpStream::Cell::start_queued_write() {
  if (!attach()) return;
  in_flight.swap(queue);
  queue.clear();
  write_pending = true;
  uv_buf_t piece = uv_buf_init(in_flight.data(), static_cast<unsigned>(in_flight.size()));
  int status = uv_write(&write_request, stream_of(tcp), &piece, 1, [](uv_write_t* request, int written) {
    static_cast<Cell*>(request->handle->data)->on_written(written);
  });
  if (status < 0) {
    write_pending = false;
    on_write_failed(status);
  }
}

void TcpStream::Cell::on_written(int status) {
  write_pending = false;
  if (state == State::closing) return;
  if (status < 0) return on_write_failed(status);
  write_on();
}

void TcpStream::Cell::write_on() {
  if (piped != nullptr && !drain_pipe()) return;
  if (!queue.empty()) return start_queued_write();
  in_flight = std::string();  // an idle connection holds no buffer
  queue = std::string();
  if (end_after_queue) send_fin();
  if (state == State::lingering && peer_ended) return close(false);
  if (state == State::lingering) set_deadline(loop, kLingerMs);
  if (observer != nullptr) observer->on_drained();
}

/// False: some of it has to wait on, or nothing can be written any more.
bool TcpStream::Cell::drain_pipe() {
  ssize_t sent = piped->drain(fd);
  if (sent < 0 && sent != UV_EAGAIN) {
    on_write_failed(static_cast<int>(sent));
    return false;
  }
  if (piped->size() > 0) {
    watch_for(IdleWatch::For::room);
    return false;
  }
  loop.pipes().give_back(std::move(piped));
  watch_for(reset_wanted ? std::optional(IdleWatch::For::reset) : std::nullopt);
  return true;
}

// A peer that answers early and closes (413) resets us while its answer waits to be read: that comes first.
void TcpStream::Cell::on_write_failed(int status) {
  Error error = system_error("write", status);
  bool by_peer = status == UV_EPIPE || status == UV_ECONNRESET;
  if (!by_peer || !reading || observer == nullptr) return report_failure(error);
  drop_queue();
  write_error = std::move(error);
}

void TcpStream::Cell::drop_queue() {
  queue = std::string();
  if (piped == nullptr) return;
  loop.pipes().give_back(std::move(piped));
  watch_for(std::nullopt);
}

void TcpStream::Cell::end_writing() {
  if (all_sent() && state != State::connecting) {
    send_fin();
  } else {
    end_after_queue = true;
  }
}

void TcpStream::Cell::send_fin() {
  if (fin_sent || state == State::connecting || state == State::closing) return;
  fin_sent = true;
  // Nothing is queued in libuv, whose uv_shutdown would wait for the socket to be writable first. Where it fails the
  // connection is over, which whoever reads is told behind what has come.
  ::shutdown(fd, SHUT_WR);
}

void TcpStream::Cell::start_reading() {
  if (reading || failed || state == State::connecting || state == State::closing) return;
  reading = true;
  end_watch();
  if (unread == nullptr) return watch_socket();
  ++references;
  loop.defer([this] {
    read_again();
    release();
  });
}

// In the order they came: what was given back, and only then the socket.
void TcpStream::Cell::read_again() {
  if (!reading || unread == nullptr || state == State::closing) return;  // stopped meanwhile, or done before
  std::unique_ptr<std::string> again = std::move(unread);
  cut_short = true;
  watch_socket();
  if (state == State::lingering || failed) return;
  if (layer == nullptr) {
    observer->on_read(*again);
  } else {
    layer->on_read(*again);
  }
}

// Most clients have sent their request by the time they are accepted: it is read before anything is watched. One that
// is answered and closed at once needs neither a handle nor the loop's epoll.
void TcpStream::Cell::read_first() {
  first_read_due = false;
  if (unread == nullptr) read_socket();
  // The listener holds a reference. NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDelete)
  if (held) loop.reads().deliver();  // an answer may be all there is to it
  if (reading && unread == nullptr && state != State::closing) watch_socket();
}

/// By recv(2), which costs less than the read(2) that libuv would make: without a buffer it only tells of the bytes.
void TcpStream::Cell::watch_socket() {
  if (first_read_due || !attach()) return;
  uv_read_start(
      stream_of(tcp), [](uv_handle_t*, size_t, uv_buf_t* out) { *out = uv_buf_init(nullptr, 0); },
      [](uv_stream_t* stream, ssize_t, const uv_buf_t*) { static_cast<Cell*>(stream->data)->read_socket(); });
}

void TcpStream::Cell::read_socket() {
  ++references;
  ReadBatch& batch = loop.reads();
  if (batch.full()) batch.deliver();
  for (int i = 0; i < kReadsATurnMax && reading && !held && state != State::closing; ++i) {
    Pipe* pipe = pipe_bytes_left > 0 && state == State::open ? loop.pipes().for_reading() : nullptr;
    if (!(pipe != nullptr ? read_pipe(*pipe) : read_buffer(batch))) break;
  }
  release();
}

/// Whether there may be more.
bool TcpStream::Cell::read_buffer(ReadBatch& batch) {
  std::span<char> buffer = batch.room();
  if (read_bytes_max < buffer.size() && layer == nullptr) buffer = buffer.first(read_bytes_max);
  // What comes from a peer that was let go is dropped by the kernel, which costs no copy.
  ssize_t got = receive(fd, buffer, state == State::lingering ? MSG_TRUNC : 0);
  if (got < 0 && errno == EINTR) return true;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  const bool filled = got == static_cast<ssize_t>(buffer.size());  // else there is none, or it is told of once more
  if (got > 0) pipe_bytes_left -= std::min(pipe_bytes_left, static_cast<uint64_t>(got));
  if (state == State::lingering) {
    drop(got);
  } else if (got <= 0) {
    on_read_over(got < 0 ? errno : 0);
  } else {
    cut_short = filled;
    batch.hold(*this, buffer.first(static_cast<size_t>(got)));
    if (filled) batch.deliver();
  }
  return filled;
}

/// What came while lingering, by recv(2)'s answer. Who has said all it wanted still takes what is queued for it.
void TcpStream::Cell::drop(ssize_t got) {
  if (got == 0 && queued_bytes() > 0) {
    peer_ended = true;
    return stop_reading();
  }
  if (got <= 0 || static_cast<size_t>(got) >= linger_drops_left) return close(false);
  linger_drops_left -= static_cast<size_t>(got);
}

/// Its owner may have stopped reading, or let it go, since the socket was read.
void TcpStream::Cell::take(std::span<char> bytes) {
  if (failed || state != State::open) return;
  if (!reading) {
    unread = std::make_unique<std::string>(bytes.data(), bytes.size());
  } else if (layer == nullptr) {
    observer->on_read(bytes);
  } else {
    layer->on_read(bytes);
  }
}

/// The same; what one call has moved is sent before more is asked for, at the loop's next turn.
bool TcpStream::Cell::read_pipe(Pipe& pipe) {
  ssize_t got = pipe.fill(fd, pipe_bytes_left);
  if (got == UV_EAGAIN) return false;
  if (got == UV_EINVAL) {  // no socket that can be spliced
    pipe_bytes_left = 0;
    return true;
  }
  if (got <= 0) {
    on_read_over(static_cast<int>(-got));
    return false;
  }
  pipe_bytes_left -= static_cast<uint64_t>(got);
  cut_short = true;
  observer->on_piped(pipe);
  return false;
}

/// `error`: an errno, 0 for the peer's FIN.
void TcpStream::Cell::on_read_over(int error) {
  if (write_error) return report_failure(*write_error);
  if (error != 0) return report_failure(system_error("read", error));
  stop_reading();
  if (layer != nullptr) return layer->on_read_end();
  observer->on_read_end();
}

void TcpStream::Cell::on_connected(int status) {
  if (state != State::connecting) return;
  if (status < 0) return report_failure(system_error("connect", status));
  state = State::open;
  uv_tcp_nodelay(&tcp, 1);
  if (!queue.empty()) {
    start_queued_write();
  } else if (end_after_queue) {
    send_fin();
  }
  if (layer != nullptr) {
    layer->on_open(StreamPort(*this));
  } else {
    observer->on_connected();
  }
}

void TcpStream::Cell::stop_reading() {
  if (!reading) return;
  reading = false;
  if (attached) uv_read_stop(stream_of(tcp));
}

void TcpStream::Cell::watch_for_reset() {
  if (reading || reset_wanted || failed || state != State::open) return;
  reset_wanted = true;
  if (!watched) watch_for(IdleWatch::For::reset);  // else it is told of as well
}

void TcpStream::Cell::end_watch() {
  reset_wanted = false;
  if (watched == IdleWatch::For::reset) watch_for(std::nullopt);
}

// Without memory for it a reset is noticed when something is written, or a deadline looks, and what is in a pipe goes
// the way of all other bytes.
void TcpStream::Cell::watch_for(std::optional<IdleWatch::For> wanted) {
  if (watched == wanted) return;
  if (watched) loop.idle_watch().remove(fd);
  watched = wanted && loop.idle_watch().add(fd, *this, *wanted) ? wanted : std::nullopt;
  if (wanted != IdleWatch::For::room || watched) return;
  queue.insert(0, piped->text());
  loop.pipes().give_back(std::move(piped));
  start_queued_write();
}

void TcpStream::Cell::on_awake() {
  if (watched == IdleWatch::For::room) return write_on();
  end_watch();
  // Both halves may also have ended in peace.
  int error = 0;
  socklen_t length = sizeof error;
  bool known = ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0;
  if (known && error != 0) report_failure(system_error("read", error));
}

void TcpStream::Cell::report_failure(const Error& error) {
  if (state == State::closing || failed) return;
  failed = true;
  stop_reading();
  end_watch();
  drop_queue();
  if (observer == nullptr) return close(false);
  // Writes fail in the middle of the owner's own calls; it hears of it when its stack has unwound.
  loop.defer([this, copy = error] {
    if (observer != nullptr) observer->on_failed(copy);
    release();
  });
  ++references;
}

bool TcpStream::Cell::nothing_waits() const {
  char byte;
  return unread == nullptr && !held && ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

bool TcpStream::Cell::more_waits() const { return unread != nullptr || (cut_short && !nothing_waits()); }

void TcpStream::Cell::linger() {
  if (failed || write_error) return close(false);
  state = State::lingering;
  observer = nullptr;
  end_writing();
  if (state != State::lingering) return;  // sending may have failed
  start_reading();
  linger_bytes_left = queued_bytes() > 0 ? undelivered_bytes() : 0;
  set_deadline(loop, queued_bytes() > 0 ? kLingerStallMs : kLingerMs);
}

void TcpStream::Cell::on_deadline() {
  size_t left = undelivered_bytes();
  bool takes_some = queued_bytes() > 0 && left + kLingerStallBytes <= std::exchange(linger_bytes_left, left);
  if (!takes_some) return cut();
  set_deadline(loop, kLingerStallMs);
}

size_t TcpStream::Cell::undelivered_bytes() const {
  int in_kernel = 0;
  bool known = ::ioctl(fd, SIOCOUTQ, &in_kernel) == 0;
  return queued_bytes() + (known ? static_cast<size_t>(in_kernel) : 0);
}

// Behind a FIN what the peer has might pass for all there is.
void TcpStream::Cell::cut() { close(queued_bytes() > 0); }

void TcpStream::Cell::close(bool with_reset) {
  if (state == State::closing) return;
  const std::unique_ptr<Kept> gone = std::move(kept);
  observer = nullptr;
  loop.batch().forget(*this);
  if (std::exchange(held, false)) loop.reads().forget(*this);
  clear_deadline();
  reset_wanted = false;
  watch_for(std::nullopt);
  if (piped != nullptr) loop.pipes().give_back(std::move(piped));
  state = State::closing;
  if (!attached) return close_unattached(with_reset && !fin_sent);
  auto on_closed = [](uv_handle_t* handle) { static_cast<Cell*>(handle->data)->release(); };
  if (with_reset && !fin_sent && uv_tcp_close_reset(&tcp, on_closed) == 0) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp), on_closed);
}

// Freed at the end of the turn, as one that libuv closes is: whoever closes may be below one of its callbacks.
void TcpStream::Cell::close_unattached(bool with_reset) {
  struct linger at_once {
    1, 0
  };
  if (with_reset) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  if (fd >= 0) ::close(fd);
  loop.defer([this] { release(); });
}

void TcpStream::Cell::release() {
  if (--references == 0) delete this;
}

void close_abandoned(uv_handle_t* handle) {
  CHECK(handle->type == UV_TCP);  // a lingering connection; everything else has an owner that must be gone by now
  static_cast<TcpStream::Cell*>(handle->data)->cut();
}

void close_if_lingering(uv_handle_t* handle) {
  if (handle->type != UV_TCP) return;
  auto* cell = static_cast<TcpStream::Cell*>(handle->data);
  if (cell->state == TcpStream::Cell::State::lingering) cell->cut();
}

}  // namespace weir::event

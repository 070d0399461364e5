#include "weir/event/tcp_stream.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "event/tcp_cell.h"
#include "event/write_batch.h"
#include "weir/base/check.h"
#include "weir/event/stream_port.h"

namespace weir::event {
namespace {

uv_stream_t* stream_of(uv_tcp_t& tcp) { return reinterpret_cast<uv_stream_t*>(&tcp); }

SocketAddress address_of(uv_tcp_t& tcp, int (*get)(const uv_tcp_t*, sockaddr*, int*)) {
  sockaddr_storage storage{};
  int length = sizeof storage;
  if (get(&tcp, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage));
}

/// -1 when it is closed.
int descriptor_of(const uv_tcp_t& tcp) {
  uv_os_fd_t fd = -1;
  return uv_fileno(reinterpret_cast<const uv_handle_t*>(&tcp), &fd) == 0 ? fd : -1;
}

/// What the kernel takes of the pieces, or a negative errno. As uv_try_write does, at less than half its instructions
/// and by the system calls that are made for sockets; only for streams with nothing queued in libuv. `more`: the end
/// follows at once and goes in the same segment.
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
int pending_error(const uv_tcp_t& tcp) {
  int error = 0;
  socklen_t length = sizeof error;
  bool known = ::getsockopt(descriptor_of(tcp), SOL_SOCKET, SO_ERROR, &error, &length) == 0;
  return known ? error : 0;
}

}  // namespace

// ---- The cell: what happens on the connection ----

void TcpStream::Cell::send(const std::array<std::string_view, 3>& pieces) {
  if (layer == nullptr) return send_raw(pieces);
  if (usable() && !fin_sent && !failed && !write_error) layer->send(pieces);
}

void TcpStream::Cell::send_raw(const std::array<std::string_view, 3>& pieces) {
  if (state == State::closing || fin_sent || failed || write_error) return;
  size_t taken = 0;
  if (state != State::connecting && !write_pending && queue.empty()) {
    ssize_t sent = send_now(descriptor_of(tcp), pieces, saying_end);
    if (sent < 0 && sent != UV_EAGAIN) return on_write_failed(static_cast<int>(sent));
    if (sent > 0) taken = static_cast<size_t>(sent);
  }
  for (std::string_view piece : pieces) {
    size_t gone = std::min(taken, piece.size());
    queue.append(piece.substr(gone));
    taken -= gone;
  }
  if (!queue.empty() && state != State::connecting && !write_pending) start_queued_write();
}

void TcpStream::Cell::start_queued_write() {
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
  if (!queue.empty()) return start_queued_write();
  in_flight = std::string();  // an idle connection holds no buffer
  queue = std::string();
  if (end_after_queue) send_fin();
  if (state == State::lingering) set_deadline(loop, kLingerMs);
  if (observer != nullptr) {
    observer->on_drained();
    loop.batch().flush();
  }
}

// A peer that answers early and closes (413) resets us while its answer waits to be read: that comes first.
void TcpStream::Cell::on_write_failed(int status) {
  Error error = system_error("write", status);
  bool by_peer = status == UV_EPIPE || status == UV_ECONNRESET;
  if (!by_peer || !reading || observer == nullptr) return report_failure(error);
  queue = std::string();
  write_error = std::move(error);
}

void TcpStream::Cell::send_fin() {
  if (fin_sent || state == State::connecting || state == State::closing) return;
  fin_sent = true;
  // Nothing is queued in libuv, whose uv_shutdown would wait for the socket to be writable first. Where it fails the
  // connection is over, which whoever reads is told behind what has come.
  ::shutdown(descriptor_of(tcp), SHUT_WR);
}

void TcpStream::Cell::start_reading() {
  if (reading || failed || state == State::connecting || state == State::closing) return;
  reading = true;
  end_watch();
  if (unread == nullptr) return read_socket();
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
  read_socket();
  if (state == State::lingering) return;
  Loop& its_loop = loop;
  if (layer == nullptr) {
    observer->on_read(*again);
  } else {
    layer->on_read(*again);
  }
  its_loop.batch().flush();
}

void TcpStream::Cell::read_socket() {
  uv_read_start(
      stream_of(tcp),
      [](uv_handle_t* handle, size_t, uv_buf_t* out) {
        auto buffer = static_cast<Cell*>(handle->data)->loop.read_buffer();
        *out = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
      },
      [](uv_stream_t* stream, ssize_t got, const uv_buf_t* buffer) {
        auto* cell = static_cast<Cell*>(stream->data);
        if (cell->state == State::closing || got == 0) return;
        if (cell->state == State::lingering) {
          if (got < 0) cell->close(false);
          return;
        }
        Loop& its_loop = cell->loop;
        std::span<char> bytes(buffer->base, got > 0 ? static_cast<size_t>(got) : 0);
        if (got < 0) {
          cell->on_read_over(got);
        } else if (cell->layer == nullptr) {
          cell->observer->on_read(bytes);
        } else {
          cell->layer->on_read(bytes);
        }
        its_loop.batch().flush();
      });
}

void TcpStream::Cell::on_read_over(ssize_t status) {
  if (write_error) return report_failure(*write_error);
  if (status != UV_EOF) return report_failure(system_error("read", static_cast<int>(status)));
  // libuv takes a reset that comes right behind data for an end: an answer that lasts until the close would pass for
  // complete. The kernel still knows.
  if (int pending = pending_error(tcp); pending != 0) return report_failure(system_error("read", pending));
  stop_reading();
  if (layer != nullptr) return layer->on_read_end();
  observer->on_read_end();
}

void TcpStream::Cell::on_connected(int status) {
  if (state != State::connecting) return;
  if (status < 0) return report_failure(system_error("connect", status));
  state = State::open;
  Loop& its_loop = loop;
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
  its_loop.batch().flush();
}

void TcpStream::Cell::stop_reading() {
  if (!reading) return;
  reading = false;
  uv_read_stop(stream_of(tcp));
}

void TcpStream::Cell::watch_for_reset() {
  if (reading || reset_watched || failed || state != State::open) return;
  // Without memory for it the reset is noticed when something is written, or a deadline looks.
  reset_watched = loop.idle_watch().add(descriptor_of(tcp), *this, IdleWatch::For::reset);
}

void TcpStream::Cell::end_watch() {
  if (std::exchange(reset_watched, false)) loop.idle_watch().remove(descriptor_of(tcp));
}

// Both halves may also have ended in peace.
void TcpStream::Cell::on_awake() {
  end_watch();
  if (int pending = pending_error(tcp); pending != 0) report_failure(system_error("read", pending));
}

void TcpStream::Cell::report_failure(const Error& error) {
  if (state == State::closing || failed) return;
  failed = true;
  stop_reading();
  end_watch();
  queue = std::string();
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
  if (!write_pending && queue.empty()) {
    send_fin();
  } else {
    end_after_queue = true;
  }
  if (state != State::lingering) return;  // sending may have failed
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

size_t TcpStream::Cell::undelivered_bytes() const {
  int in_kernel = 0;
  bool known = ::ioctl(descriptor_of(tcp), SIOCOUTQ, &in_kernel) == 0;
  return queued_bytes() + (known ? static_cast<size_t>(in_kernel) : 0);
}

void TcpStream::Cell::close(bool with_reset) {
  if (state == State::closing) return;
  observer = nullptr;
  loop.batch().forget(*this);
  clear_deadline();
  end_watch();
  state = State::closing;
  auto on_closed = [](uv_handle_t* handle) { static_cast<Cell*>(handle->data)->release(); };
  if (with_reset && !fin_sent && uv_tcp_close_reset(&tcp, on_closed) == 0) return;
  uv_close(reinterpret_cast<uv_handle_t*>(&tcp), on_closed);
}

void TcpStream::Cell::release() {
  if (--references == 0) delete this;
}

void close_abandoned(uv_handle_t* handle) {
  CHECK(handle->type == UV_TCP);  // a lingering connection; everything else has an owner that must be gone by now
  static_cast<TcpStream::Cell*>(handle->data)->close(false);
}

// ---- The stream: what its owner may ask ----

TcpStream::TcpStream(TcpStream&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}

TcpStream& TcpStream::operator=(TcpStream&& other) noexcept {
  if (this == &other) return *this;
  TcpStream old(std::move(*this));
  cell_ = std::exchange(other.cell_, nullptr);
  return *this;
}

TcpStream::~TcpStream() {
  if (cell_ == nullptr) return;
  say_end();
  cell_->close(false);
}

void TcpStream::say_end() {
  cell_->saying_end = true;
  flush();
  if (cell_->layer != nullptr) cell_->layer->end();
}

TcpStream TcpStream::connect(Loop& loop, const SocketAddress& address, Observer& observer,
                             std::unique_ptr<StreamLayer> layer) {
  auto* cell = new Cell(loop);
  cell->layer = std::move(layer);
  cell->observer = &observer;
  cell->state = Cell::State::connecting;
  sockaddr_storage storage;
  address.to_sockaddr(storage);
  cell->connect_request.data = cell;
  int status = uv_tcp_connect(
      &cell->connect_request, &cell->tcp, reinterpret_cast<sockaddr*>(&storage),
      [](uv_connect_t* request, int connected) { static_cast<Cell*>(request->data)->on_connected(connected); });
  if (status < 0) cell->report_failure(system_error("connect", status));
  return TcpStream(cell);
}

Result<TcpStream> TcpStream::adopt(Loop& loop, int fd, Addresses known) {
  auto* cell = new Cell(loop);
  cell->addresses = known;
  if (int status = uv_tcp_open(&cell->tcp, fd); status < 0) {
    cell->close(false);
    return fail(system_error("adopt socket", status));
  }
  return TcpStream(cell);
}

int TcpStream::detach() {
  if (cell_->layer != nullptr) return -1;
  flush();
  ASSERT(cell_->state == Cell::State::open && cell_->queued_bytes() == 0);
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(&cell_->tcp), &fd) != 0) return -1;
  int duplicate = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);  // libuv closes its own with the handle
  if (duplicate < 0) return -1;
  std::exchange(cell_, nullptr)->close(false);
  return duplicate;
}

void TcpStream::set_observer(Observer& observer) { cell_->observer = &observer; }
void TcpStream::put_layer(std::unique_ptr<StreamLayer> layer) {
  CHECK(cell_->layer == nullptr && !cell_->reading);
  cell_->layer = std::move(layer);
  cell_->layer->on_open(StreamPort(*cell_));
}
StreamLayer* TcpStream::layer() const { return cell_->layer.get(); }
std::string_view TcpStream::protocol() const {
  return cell_->layer == nullptr ? std::string_view() : cell_->layer->protocol();
}
void TcpStream::start_reading() { cell_->start_reading(); }
void TcpStream::stop_reading() { cell_->stop_reading(); }
bool TcpStream::reading() const { return cell_->reading; }
void TcpStream::watch_for_reset() { cell_->watch_for_reset(); }

void TcpStream::unread(std::string_view bytes) {
  CHECK(!cell_->reading && cell_->unread == nullptr && cell_->layer == nullptr);
  if (!bytes.empty()) cell_->unread = std::make_unique<std::string>(bytes);
}

void TcpStream::write(std::string_view bytes, std::string_view after) {
  if (cell_ == nullptr || bytes.empty()) return;
  cell_->loop.batch().write(*cell_, bytes, after);
}

void TcpStream::write_first(std::string_view bytes) { cell_->send_raw({bytes, {}, {}}); }

void TcpStream::flush() {
  if (cell_ != nullptr) cell_->loop.batch().flush();
}

size_t TcpStream::queued_bytes() const { return cell_->queued_bytes(); }
size_t TcpStream::undelivered_bytes() const { return cell_->undelivered_bytes(); }

void TcpStream::end_writing() {
  say_end();
  if (cell_->write_pending || !cell_->queue.empty() || cell_->state == Cell::State::connecting) {
    cell_->end_after_queue = true;
  } else {
    cell_->send_fin();
  }
}

void TcpStream::close_gracefully(Peer peer) {
  if (cell_ == nullptr) return;
  say_end();
  Cell* cell = std::exchange(cell_, nullptr);
  // A layer's peer says goodbye in its own way (close_notify), which must find somebody.
  bool nothing_comes = peer == Peer::is_done && cell->layer == nullptr && cell->queued_bytes() == 0;
  if (cell->state == Cell::State::open && !nothing_comes) {
    cell->linger();
  } else {
    cell->close(false);
  }
}

void TcpStream::reset() {
  if (cell_ == nullptr) return;
  std::exchange(cell_, nullptr)->close(true);
}

SocketAddress TcpStream::peer_address() const {
  auto& known = cell_->addresses.peer;
  if (!known) known = address_of(cell_->tcp, uv_tcp_getpeername);
  return *known;
}
SocketAddress TcpStream::local_address() const {
  auto& known = cell_->addresses.local;
  if (!known) known = address_of(cell_->tcp, uv_tcp_getsockname);
  return *known;
}

// ---- The port: what its layer may ask ----

Loop& StreamPort::loop() const { return cell_->loop; }
bool StreamPort::open() const { return cell_->observer != nullptr && cell_->usable() && !cell_->failed; }
void StreamPort::send(std::string_view bytes) const { cell_->send_raw({bytes, {}, {}}); }
size_t StreamPort::queued_bytes() const { return cell_->queued_bytes(); }
void StreamPort::start_reading() const { cell_->start_reading(); }
void StreamPort::stop_reading() const { cell_->stop_reading(); }
void StreamPort::ready() const { cell_->observer->on_connected(); }
void StreamPort::deliver(std::span<char> bytes) const { cell_->observer->on_read(bytes); }
void StreamPort::deliver_end() const {
  cell_->stop_reading();
  cell_->observer->on_read_end();
}
void StreamPort::fail(const Error& error) const { cell_->report_failure(error); }

}  // namespace weir::event

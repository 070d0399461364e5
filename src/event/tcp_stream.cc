#include "weir/event/tcp_stream.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <utility>

#include "event/tcp_cell.h"
#include "event/write_batch.h"
#include "weir/base/check.h"
#include "weir/event/stream_port.h"

namespace weir::event {
namespace {

SocketAddress address_of(int fd, int (*get)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (get(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage));
}

}  // namespace

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
  cell->init_handle();
  cell->layer = std::move(layer);
  cell->observer = &observer;
  cell->state = Cell::State::connecting;
  sockaddr_storage storage;
  address.to_sockaddr(storage);
  cell->connect_request.data = cell;
  int status = uv_tcp_connect(
      &cell->connect_request, &cell->tcp, reinterpret_cast<sockaddr*>(&storage),
      [](uv_connect_t* request, int connected) { static_cast<Cell*>(request->data)->on_connected(connected); });
  uv_fileno(reinterpret_cast<uv_handle_t*>(&cell->tcp), &cell->fd);
  if (status < 0) cell->report_failure(system_error("connect", status));
  return TcpStream(cell);
}

TcpStream TcpStream::adopt(Loop& loop, int fd, Addresses known) {
  auto* cell = new Cell(loop);
  cell->fd = fd;
  cell->addresses = known;
  return TcpStream(cell);
}

int TcpStream::detach() {
  if (cell_->layer != nullptr) return -1;
  flush();
  ASSERT(cell_->state == Cell::State::open && cell_->queued_bytes() == 0 && !cell_->held);
  // libuv closes its own with the handle.
  int fd = cell_->attached ? ::fcntl(cell_->fd, F_DUPFD_CLOEXEC, 0) : std::exchange(cell_->fd, -1);
  if (fd >= 0) std::exchange(cell_, nullptr)->close(false);
  return fd;
}

void TcpStream::keep(std::unique_ptr<Kept> kept) { cell_->kept = std::move(kept); }
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
void TcpStream::read_at_most(uint32_t bytes) { cell_->read_bytes_max = bytes; }
void TcpStream::pipe_next(uint64_t bytes) {
  if (cell_->layer == nullptr) cell_->pipe_bytes_left = bytes;
}

bool TcpStream::more_waits() const { return cell_->more_waits(); }
bool TcpStream::holds_unseen() const { return cell_->held || cell_->unread != nullptr; }

void TcpStream::unread(std::string_view bytes) {
  CHECK(!cell_->reading && cell_->unread == nullptr && cell_->layer == nullptr);
  if (!bytes.empty()) cell_->unread = std::make_unique<std::string>(bytes);
}

void TcpStream::write(std::string_view bytes, std::string_view after) {
  if (cell_ == nullptr || bytes.empty()) return;
  cell_->loop.batch().write(*cell_, bytes, after);
}

void TcpStream::write_piped(Pipe& pipe) {
  if (cell_ == nullptr) return;
  flush();
  cell_->send_piped(pipe);
}

void TcpStream::write_first(std::string_view bytes) { cell_->send_raw({bytes, {}, {}}); }

void TcpStream::flush() {
  if (cell_ != nullptr) cell_->loop.batch().flush();
}

size_t TcpStream::queued_bytes() const { return cell_->queued_bytes(); }
size_t TcpStream::undelivered_bytes() const { return cell_->undelivered_bytes(); }

void TcpStream::end_writing() {
  say_end();
  cell_->end_writing();
}

void TcpStream::close_gracefully(Peer peer) {
  if (cell_ == nullptr) return;
  say_end();
  Cell* cell = std::exchange(cell_, nullptr);
  // A layer's peer says goodbye in its own way (close_notify), which must find somebody.
  bool nothing_comes = (peer == Peer::says_done || peer == Peer::is_done) && cell->layer == nullptr &&
                       cell->queued_bytes() == 0 && (peer == Peer::is_done || cell->nothing_waits());
  if (peer == Peer::is_unwelcome) cell->linger_drops_left = kUnwelcomeBytes;
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
  if (!known) known = address_of(cell_->fd, ::getpeername);
  return *known;
}
SocketAddress TcpStream::local_address() const { return StreamPort(*cell_).local_address(); }

// ---- The port: what its layer may ask ----

bool StreamPort::open() const { return cell_->observer != nullptr && cell_->usable() && !cell_->failed; }
SocketAddress StreamPort::local_address() const {
  auto& known = cell_->addresses.local;
  if (!known) known = address_of(cell_->fd, ::getsockname);
  return *known;
}
void StreamPort::send_gathered() const { cell_->loop.batch().flush(); }
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

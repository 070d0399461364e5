#include "weir/event/udp_socket.h"

#include <uv.h>

#include <utility>

#include "event/read_batch.h"
#include "weir/event/loop.h"

namespace weir::event {

/// Owns itself; freed in the close callback.
struct UdpSocket::Cell {
  uv_udp_t udp{};
  Loop& loop;
  OnDatagram on_datagram;
  SocketAddress bound;
  bool v6;  // speaks to IPv4 by mapped addresses

  void close() {
    on_datagram = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&udp),
             [](uv_handle_t* handle) { delete static_cast<Cell*>(handle->data); });
  }
};

Result<UdpSocket> UdpSocket::bind(Loop& loop, const SocketAddress& address, OnDatagram on_datagram) {
  auto* cell = new Cell{{}, loop, std::move(on_datagram), {}, address.ip.v6};
  uv_udp_init(loop.raw(), &cell->udp);
  cell->udp.data = cell;
  UdpSocket made(cell);
  sockaddr_storage storage;
  address.to_sockaddr(storage);
  int status = uv_udp_bind(&cell->udp, reinterpret_cast<sockaddr*>(&storage), 0);
  if (status == 0) {
    status = uv_udp_recv_start(
        &cell->udp,
        [](uv_handle_t* handle, size_t, uv_buf_t* out) {
          ReadBatch& batch = static_cast<Cell*>(handle->data)->loop.reads();
          if (batch.full()) batch.deliver();
          std::span<char> buffer = batch.room();  // read and taken at once
          *out = uv_buf_init(buffer.data(), static_cast<unsigned>(buffer.size()));
        },
        [](uv_udp_t* udp, ssize_t got, const uv_buf_t* buffer, const sockaddr* from, unsigned flags) {
          auto* self = static_cast<Cell*>(udp->data);
          if (got < 0 || from == nullptr || (flags & UV_UDP_PARTIAL) != 0 || !self->on_datagram) return;
          self->on_datagram({buffer->base, static_cast<size_t>(got)}, SocketAddress::from_sockaddr(from));
        });
  }
  if (status < 0) return fail(system_error("bind UDP " + address.text(), status));
  int length = sizeof storage;
  uv_udp_getsockname(&cell->udp, reinterpret_cast<sockaddr*>(&storage), &length);
  cell->bound = SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage));
  return made;
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  std::swap(cell_, other.cell_);
  return *this;
}

UdpSocket::~UdpSocket() {
  if (cell_ != nullptr) cell_->close();
}

void UdpSocket::send(std::string_view bytes, const SocketAddress& to) {
  sockaddr_storage storage;
  SocketAddress{cell_->v6 ? mapped(to.ip) : to.ip, to.port}.to_sockaddr(storage);
  uv_buf_t piece = uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
  uv_udp_try_send(&cell_->udp, &piece, 1, reinterpret_cast<sockaddr*>(&storage));
}

const SocketAddress& UdpSocket::address() const { return cell_->bound; }

}  // namespace weir::event

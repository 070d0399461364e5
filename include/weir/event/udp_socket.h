#pragma once
// A bound UDP socket.

#include <functional>
#include <string_view>

#include "weir/base/ip.h"
#include "weir/base/result.h"

namespace weir::event {

class Loop;

/// Receives datagrams and sends answers. Owned by value; destroying it closes. Loop's thread.
class UdpSocket {
 public:
  using OnDatagram = std::function<void(std::string_view bytes, const SocketAddress& from)>;
  static Result<UdpSocket> bind(Loop& loop, const SocketAddress& address, OnDatagram on_datagram);

  UdpSocket(UdpSocket&& other) noexcept;
  UdpSocket& operator=(UdpSocket&& other) noexcept;
  ~UdpSocket();
  /// Best effort, as UDP is: dropped when the kernel's buffer is full.
  void send(std::string_view bytes, const SocketAddress& to);
  [[nodiscard]] const SocketAddress& address() const;

 private:
  struct Cell;
  explicit UdpSocket(Cell* cell) : cell_(cell) {}
  Cell* cell_ = nullptr;
};

}  // namespace weir::event

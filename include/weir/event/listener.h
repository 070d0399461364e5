#pragma once
// A listening TCP socket.

#include <functional>

#include "weir/base/ip.h"
#include "weir/base/result.h"
#include "weir/event/tcp_stream.h"

namespace weir::event {

class Loop;

struct ListenOptions {
  SocketAddress address;    // port 0: the kernel chooses; [::] is every address of both families
  bool reuse_port = false;  // one socket a worker on the same port
  int backlog = 4096;
};

/// Hands over accepted connections (TCP_NODELAY set, not yet reading). Owned by value; destroying it stops listening.
class Listener {
 public:
  using OnAccept = std::function<void(TcpStream)>;
  static Result<Listener> listen(Loop& loop, const ListenOptions& options, OnAccept on_accept);
  /// Fails where anybody listens at that address. With reuse_port listen() would join them silently, and each would
  /// get a part of the connections: to be asked before the first of one's own.
  static Status check_free(const SocketAddress& address);

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();
  /// The address as bound, with the real port.
  [[nodiscard]] const SocketAddress& address() const;

 private:
  struct Cell;
  explicit Listener(Cell* cell) : cell_(cell) {}
  Cell* cell_ = nullptr;
};

}  // namespace weir::event

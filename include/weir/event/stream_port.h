#pragma once
// A TcpStream as the layer in it sees it.

#include <span>
#include <string_view>

#include "weir/base/result.h"
#include "weir/event/tcp_stream.h"

namespace weir::event {

/// A reference: copied freely, valid as long as the layer. Loop's thread.
class StreamPort {
 public:
  StreamPort() = default;
  explicit StreamPort(TcpStream::Cell& cell) : cell_(&cell) {}

  /// Whether the owner still listens. Once it does not, nothing more must be delivered.
  [[nodiscard]] bool open() const;

  /// Where the peer has come to.
  [[nodiscard]] SocketAddress local_address() const;

  /// What this turn has gathered for other streams leaves at once: before work that would keep them waiting.
  void send_gathered() const;

  // Down, to the socket.
  /// At once, past the write batch; what the kernel does not take is queued.
  void send(std::string_view bytes) const;
  /// Sent down and not yet taken by the kernel.
  [[nodiscard]] size_t queued_bytes() const;
  void start_reading() const;
  void stop_reading() const;

  // Up, to the owner. In each of them the owner may destroy the stream.
  void ready() const;  // on_connected(), once
  void deliver(std::span<char> bytes) const;
  /// The peer will send no more. Once; stops reading.
  void deliver_end() const;
  /// on_failed(), at the end of this turn; nothing is delivered after it.
  void fail(const Error& error) const;

 private:
  TcpStream::Cell* cell_ = nullptr;
};

}  // namespace weir::event

#pragma once
// What may stand between a TcpStream's owner and its socket: TLS. A plain stream pays one test of a pointer per read
// and per send for it.

#include <array>
#include <memory>
#include <span>
#include <string_view>

#include "weir/base/result.h"

namespace weir::event {

class StreamPort;

/// Turns the owner's bytes into the socket's and back. Owned by the stream's cell, so it outlives the calls it makes on
/// the owner, also when the owner destroys the stream in them: after each it asks StreamPort::open(). Loop's thread.
class StreamLayer {
 public:
  virtual ~StreamLayer() = default;
  /// The connection is made, or was accepted. Once, first. `port` is valid for the layer's life.
  virtual void on_open(StreamPort port) = 0;
  /// Bytes of the socket, in the loop's read batch.
  virtual void on_read(std::span<char> bytes) = 0;
  /// The peer's FIN.
  virtual void on_read_end() = 0;
  /// What the owner has written in one callback, gathered; pieces may be empty.
  virtual void send(const std::array<std::string_view, 3>& pieces) = 0;
  /// The owner will write no more; FIN follows. May come more than once.
  virtual void end() = 0;
  /// See TcpStream::protocol().
  [[nodiscard]] virtual std::string_view protocol() const = 0;
};

}  // namespace weir::event

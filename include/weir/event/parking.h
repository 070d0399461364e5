#pragma once
// Connections that nobody has used for a while, held in a few bytes each.

#include <cstdint>
#include <functional>

#include "weir/base/ip.h"
#include "weir/event/tcp_stream.h"

namespace weir::event {

class Loop;

/// What must be known of a connection to go on with it.
struct ParkedConnection {
  SocketAddress peer;     // as its owner sees it: a load balancer in front may have named another
  uint32_t requests = 0;  // it has carried so far
};

/// Idle connections without a handle, a session or a buffer: a socket, its facts and a place in the order of their
/// deadlines, 64 bytes each where a stream with its session takes two thousand. The loop watches them all through one
/// descriptor (an epoll instance of their own), so they cost its other connections nothing. Parking and waking are
/// eight system calls: for connections that have been idle for long, where there are many.
/// Owned by whoever parks, loop thread only. What is still parked at the end is closed.
class Parking {
 public:
  /// The peer has sent something: the connection goes on with its owner. It is not reading yet.
  using OnWake = std::function<void(TcpStream stream, const ParkedConnection& facts)>;
  /// The peer has closed it, or its time was over.
  using OnGone = std::function<void(const ParkedConnection& facts)>;

  Parking(Loop& loop, OnWake on_wake, OnGone on_gone);
  ~Parking();
  Parking(const Parking&) = delete;
  Parking& operator=(const Parking&) = delete;

  /// Takes over a stream with nothing to write, for `idle_ms`, which must be the same for all. False: the system had no
  /// descriptor to spare, and the stream is as it was.
  [[nodiscard]] bool park(TcpStream& stream, const ParkedConnection& facts, uint64_t idle_ms);
  /// Whoever is parked now goes after that time at the latest.
  void expire_within(uint64_t idle_ms);
  [[nodiscard]] size_t size() const;

 private:
  struct Cell;
  Cell* cell_;
};

}  // namespace weir::event

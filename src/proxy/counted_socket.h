#pragma once
// A client's connection as the limits see it.

#include "proxy/admission.h"
#include "weir/event/tcp_stream.h"

namespace weir::proxy {

class EntryPoint;

/// Holds a connection's place until its socket is closed: a client that is slow to take its last answer, or to leave,
/// has its socket, and what is queued for it, longer than its session. Kept by the stream; worker thread only.
class CountedSocket final : public event::TcpStream::Kept {
 public:
  CountedSocket(EntryPoint& entry_point, Admission::Ticket ticket);
  ~CountedSocket() override;
  CountedSocket(const CountedSocket&) = delete;
  CountedSocket& operator=(const CountedSocket&) = delete;

  /// Its place: who takes it counts the connection from here on, and may put it back.
  [[nodiscard]] Admission::Ticket& ticket() { return ticket_; }

 private:
  EntryPoint& entry_point_;
  Admission::Ticket ticket_;
};

}  // namespace weir::proxy

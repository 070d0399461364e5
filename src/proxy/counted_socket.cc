#include "proxy/counted_socket.h"

#include <utility>

#include "proxy/entry_point.h"

namespace weir::proxy {

CountedSocket::CountedSocket(EntryPoint& entry_point, Admission::Ticket ticket)
    : entry_point_(entry_point), ticket_(std::move(ticket)) {}

CountedSocket::~CountedSocket() {
  if (!ticket_) return;
  ticket_ = {};
  entry_point_.on_socket_closed();
}

}  // namespace weir::proxy

#pragma once
// Who a client's connection is of.

#include <cstdint>
#include <memory>

#include "proxy/admission.h"
#include "weir/http/proxy_header.h"

namespace weir::proxy {

/// What must be known of a connection to go on with it, whatever it is at the moment: shaking hands, serving, parked.
/// Small, for there may be very many: 40 bytes.
struct ClientFacts {
  [[no_unique_address]] Admission::Ticket ticket;  // `requests` lies in its last bytes
  uint32_t requests = 0;                           // it has carried so far
  // By a PROXY header; null for nearly all: the connection's own addresses count.
  std::unique_ptr<const http::ProxyHeader> told;
};

}  // namespace weir::proxy

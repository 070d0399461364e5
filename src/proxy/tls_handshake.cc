#include "proxy/tls_handshake.h"

#include <utility>

namespace weir::proxy {

TlsHandshake::TlsHandshake(event::Loop& loop, event::TcpStream stream, ClientFacts facts, Owner& owner)
    : loop_(loop), owner_(owner), stream_(std::move(stream)), facts_(std::move(facts)) {}

void TlsHandshake::start(std::unique_ptr<event::StreamLayer> layer, uint32_t timeout_ms) {
  stream_.set_observer(*this);
  set_deadline(loop_, timeout_ms);
  stream_.put_layer(std::move(layer));
}

void TlsHandshake::on_connected() {
  clear_deadline();
  owner_.on_handshake(*this);
}

void TlsHandshake::on_deadline() {
  owner_.on_handshake_failed(*this, Error{ErrorCode::timeout, "TLS handshake: not done in time"});
}

}  // namespace weir::proxy

#include "proxy/entry_point.h"

#include <utility>

#include "proxy/worker.h"

namespace weir::proxy {

Status EntryPoint::bind(const SocketAddress& address) {
  event::ListenOptions options{address, true};
  auto listener =
      event::Listener::listen(worker_.loop(), options, [this](event::TcpStream stream) { accept(std::move(stream)); });
  if (!listener) return fail(listener.error());
  listener_.emplace(std::move(*listener));
  address_ = listener_->address();
  return {};
}

void EntryPoint::accept(event::TcpStream stream) {
  if (!worker_.admit_connection()) return stream.reset();
  connections_.push_front(std::make_unique<ClientConnection>(worker_, *this, std::move(stream)));
  connections_.front()->place = connections_.begin();
  connections_.front()->start();
}

void EntryPoint::remove(ClientConnection& connection) {
  worker_.connection_closed();
  auto closed = std::move(*connection.place);
  connections_.erase(connection.place);
  worker_.loop().destroy_later(std::move(closed));
}

void EntryPoint::drain() {
  listener_.reset();
  for (auto next = connections_.begin(); next != connections_.end();) (*next++)->drain();
}

void EntryPoint::cut() {
  for (auto next = connections_.begin(); next != connections_.end();) (*next++)->cut();
}

}  // namespace weir::proxy

#include "proxy/entry_point.h"

#include <unistd.h>

#include <utility>

#include "proxy/worker.h"
#include "weir/base/log.h"

namespace weir::proxy {
namespace {
/// Up to so many connections memory is no matter, and all stay ready to be read.
constexpr size_t kUnparkedMax = 256;

/// A socket between two workers. Closed where it never arrives.
struct Carried {
  explicit Carried(int its_fd) : fd(its_fd) {}
  Carried(const Carried&) = delete;
  Carried& operator=(const Carried&) = delete;
  ~Carried() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

}  // namespace

EntryPoint::EntryPoint(Worker& worker, const config::EntryPointConfig& config, size_t number)
    : worker_(worker), config_(config), number_(number) {
  static_cast<http::H1Limits&>(h2_limits_) = worker.client_limits();
  h2_limits_.streams_max = config.http2_streams_max;
}

Status EntryPoint::bind(const SocketAddress& address) {
  event::ListenOptions options{address, true};
  auto listener =
      event::Listener::listen(worker_.loop(), options, [this](event::TcpStream stream) { accept(std::move(stream)); });
  if (!listener) return fail(listener.error());
  listener_.emplace(std::move(*listener));
  address_ = listener_->address();
  return {};
}

void EntryPoint::redirect_to(const EntryPoint& target) {
  const std::string& scheme = config_.redirect_scheme;
  uint16_t port = target.address().port;
  bool is_default = port == (scheme == "https" ? 443 : 80);
  redirect_ = EntryRedirect{scheme, is_default ? "" : ":" + std::to_string(port), config_.redirect_permanent};
}

void EntryPoint::accept(event::TcpStream stream) {
  size_t worker = worker_.loads().take_seat(worker_.index());
  if (worker != worker_.index()) return hand_over(std::move(stream), worker);
  serve(std::move(stream));
}

void EntryPoint::hand_over(event::TcpStream stream, size_t worker) {
  auto carried = std::make_shared<Carried>(stream.detach());
  if (carried->fd < 0) {
    worker_.loads().leave_seat(worker);
    return stream.reset();
  }
  ++worker_.stats().handed_over_connections;
  worker_.post_to(worker, [carried, number = number_](Worker& other) {
    other.entry_point(number).take_over(std::exchange(carried->fd, -1));
  });
}

void EntryPoint::take_over(int fd) { serve(event::TcpStream::adopt(worker_.loop(), fd)); }

void EntryPoint::serve(event::TcpStream stream) {
  Admission::Ticket ticket = worker_.admission().enter(number_);
  if (!ticket) {
    ++worker_.stats().refused_connections;
    worker_.leave_seat();
    return stream.reset();
  }
  count_opened();
  // By the peer, never by its bytes: whoever must send a header cannot leave it out, and nobody else can forge one.
  bool preceded = !config_.proxy_protocol_trusted_cidrs.empty() &&
                  contains(config_.proxy_protocol_trusted_cidrs, stream.peer_address().ip);
  if (!preceded) return admit(std::move(stream), {std::move(ticket), 0, nullptr});
  ProxyPreamble::Owner& owner = *this;
  preambles_.push_front(std::make_unique<ProxyPreamble>(worker_.loop(), std::move(stream), std::move(ticket), owner));
  preambles_.front()->place = preambles_.begin();
  preambles_.front()->start(worker_.config().timeouts.proxy_protocol_ms);
}

void EntryPoint::on_preamble(ProxyPreamble& preamble, const http::ProxyHeader& header) {
  ClientFacts facts{std::move(preamble.ticket()), 0, nullptr};
  if (header.has_addresses || header.tls) facts.told = std::make_unique<const http::ProxyHeader>(header);
  admit(std::move(preamble.stream()), std::move(facts));
  remove(preamble);
}

void EntryPoint::on_preamble_failed(ProxyPreamble& preamble, const Error&) {
  ++worker_.stats().bad_proxy_headers;
  preamble.stream().reset();
  count_closed();
  remove(preamble);
}

void EntryPoint::admit(event::TcpStream stream, ClientFacts facts) {
  bool told = facts.told != nullptr && facts.told->has_addresses;
  IpAddress client = told ? facts.told->source.ip : stream.peer_address().ip;
  if (!worker_.admission().count_client(facts.ticket, client)) {
    ++worker_.stats().refused_connections;
    stream.reset();
    return count_closed();
  }
  if (!config_.tls) return add(std::move(stream), std::move(facts));
  TlsHandshake::Owner& owner = *this;
  handshakes_.push_front(std::make_unique<TlsHandshake>(worker_.loop(), std::move(stream), std::move(facts), owner));
  handshakes_.front()->place = handshakes_.begin();
  handshakes_.front()->start(worker_.tls().accept(config_.tls_options), worker_.config().timeouts.tls_handshake_ms);
}

void EntryPoint::on_handshake(TlsHandshake& handshake) {
  add(std::move(handshake.stream()), std::move(handshake.facts()));
  remove(handshake);
}

void EntryPoint::on_handshake_failed(TlsHandshake& handshake, const Error& reason) {
  log::debug("TLS handshake failed", {{"entry_point", name()}, {"error", reason.message}});
  count_closed();
  remove(handshake);
}

void EntryPoint::add(event::TcpStream stream, ClientFacts facts) {
  auto socket = std::make_unique<CountedSocket>(*this, std::move(facts.ticket));
  CountedSocket& counted = *socket;
  stream.keep(std::move(socket));
  connections_.push_front(
      std::make_unique<ClientConnection>(worker_, *this, std::move(stream), std::move(facts), counted));
  ClientConnection& connection = *connections_.front();
  connection.place = connections_.begin();
  connection.start();
  if (draining_) connection.drain();
}

void EntryPoint::remove(ProxyPreamble& preamble) {
  auto done = std::move(*preamble.place);
  preambles_.erase(preamble.place);
  worker_.loop().destroy_later(std::move(done));
}

void EntryPoint::remove(TlsHandshake& handshake) {
  auto done = std::move(*handshake.place);
  handshakes_.erase(handshake.place);
  worker_.loop().destroy_later(std::move(done));
}

void EntryPoint::remove(ClientConnection& connection) {
  auto closed = std::move(*connection.place);
  connections_.erase(connection.place);
  worker_.loop().destroy_later(std::move(closed));
}

void EntryPoint::count_opened() {
  ++open_connections_;
  worker_.connection_opened();
}

void EntryPoint::count_closed() {
  --open_connections_;
  worker_.connection_closed();
}

event::Loop& EntryPoint::loop() { return worker_.loop(); }

bool EntryPoint::park(ClientConnection& connection, uint64_t idle_ms) {
  if (draining_ || connections_.size() <= kUnparkedMax) return false;
  int fd = connection.detach();
  if (fd < 0) return false;
  ParkedClient& parked = parked_.emplace_front(*this, fd, std::move(connection.facts()));
  parked.place = parked_.begin();
  auto left = std::move(*connection.place);
  connections_.erase(connection.place);
  worker_.loop().destroy_later(std::move(left));
  worker_.connection_parked();
  if (!parked.start(idle_ms)) remove(parked);
  return true;
}

void EntryPoint::wake(ParkedClient& parked) {
  event::TcpStream stream = parked.wake();
  ClientFacts facts = std::move(parked.facts());
  forget(parked);
  if (!stream.open()) return count_closed();
  add(std::move(stream), std::move(facts));
}

void EntryPoint::remove(ParkedClient& parked) {
  forget(parked);
  count_closed();
}

void EntryPoint::forget(ParkedClient& parked) {
  worker_.connection_unparked();
  parked_.erase(parked.place);
  if (!parked_.empty()) return;
  parked_memory_.release();
  worker_.parked_memory_freed();
}

void EntryPoint::drain() {
  listener_.reset();
  draining_ = true;
  for (auto& parked : parked_) parked.expire_within(http::H1ServerSession::kDrainGraceMs);
  for (auto next = connections_.begin(); next != connections_.end();) (*next++)->drain();
}

void EntryPoint::cut() {
  for (auto next = connections_.begin(); next != connections_.end();) (*next++)->cut();
  while (!parked_.empty()) remove(parked_.front());
  while (!handshakes_.empty()) on_handshake_failed(*handshakes_.front(), Error{ErrorCode::cancelled, "draining"});
  while (!preambles_.empty()) on_preamble_failed(*preambles_.front(), Error{ErrorCode::cancelled, "draining"});
}

}  // namespace weir::proxy

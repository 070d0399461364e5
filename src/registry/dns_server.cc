#include "registry/dns_server.h"

#include <algorithm>
#include <optional>

#include "weir/event/loop.h"
#include "weir/event/timer.h"
#include "weir/event/turn_end.h"

namespace weir::registry {

/// One TCP client: messages behind two bytes of length, answered in order.
class DnsServer::Connection final : private event::TcpStream::Observer, private event::TurnEnd {
 public:
  Connection(DnsServer& server, event::TcpStream stream)
      : server_(server), stream_(std::move(stream)), idle_timer_(server.loop_, [this] { server_.remove(*this); }) {
    stream_.set_observer(*this);
    stream_.start_reading();
    idle_timer_.start_once(kConnectionIdleMs);
  }

 private:
  void on_read(std::span<char> bytes) override {
    received_.append(bytes.data(), bytes.size());
    answer();
  }
  void on_read_end() override {
    stream_.close_gracefully();
    server_.remove(*this);
  }
  void on_drained() override { answer(); }
  void on_turn_end() override { answer(); }
  void on_failed(const Error&) override { server_.remove(*this); }

  /// A turn's share of what was asked. Nothing more is read, nor its end heard of, before all of it is answered; a
  /// client that does not read its answers is not answered until it does, or has been idle for too long.
  void answer() {
    idle_timer_.start_once(kConnectionIdleMs);
    size_t at = 0;
    size_t bytes = 0;
    bool waits = false;
    for (size_t count = 0; std::optional<std::string_view> query = message_at(at); ++count) {
      bool turn_over = count == kAnswersPerTurn || bytes >= kDnsMessageBytesMax;
      if (turn_over) request_next_turn_end(server_.loop_);
      waits = turn_over || stream_.queued_bytes() > 0;
      if (waits) break;
      std::string found = server_.answer(*query, false);
      if (found.empty()) return server_.remove(*this);
      at += 2 + query->size();
      bytes += found.size();
      char prefix[2] = {static_cast<char>(found.size() >> 8), static_cast<char>(found.size() & 0xFF)};
      stream_.write({prefix, 2}, found);
    }
    received_.erase(0, at);
    waits ? stream_.stop_reading() : stream_.start_reading();
  }
  /// The message whose two bytes of length lie there, if it is there as a whole.
  [[nodiscard]] std::optional<std::string_view> message_at(size_t at) const {
    std::string_view rest = std::string_view(received_).substr(at);
    if (rest.size() < 2) return std::nullopt;
    size_t length = static_cast<uint8_t>(rest[0]) * 256U + static_cast<uint8_t>(rest[1]);
    if (rest.size() - 2 < length) return std::nullopt;
    return rest.substr(2, length);
  }

  DnsServer& server_;
  event::TcpStream stream_;
  event::Timer idle_timer_;
  std::string received_;  // what is not answered yet: a read's worth and less than one message
};

DnsServer::DnsServer(event::Loop& loop, DnsResolver& resolver, const Clock& clock, std::function<bool()> ready)
    : loop_(loop), resolver_(resolver), clock_(clock), ready_(std::move(ready)) {}

DnsServer::~DnsServer() = default;

Result<std::unique_ptr<DnsServer>> DnsServer::listen(event::Loop& loop, const SocketAddress& address,
                                                     DnsResolver& resolver, const Clock& clock,
                                                     std::function<bool()> ready) {
  std::unique_ptr<DnsServer> server(new DnsServer(loop, resolver, clock, std::move(ready)));
  DnsServer* self = server.get();
  Result<event::Listener> tcp = event::Listener::listen(
      loop, {.address = address}, [self](event::TcpStream stream) { self->accept(std::move(stream)); });
  if (!tcp) return fail(tcp.error());
  server->tcp_ = std::make_unique<event::Listener>(std::move(*tcp));
  auto on_datagram = [self](std::string_view bytes, const SocketAddress& from) {
    std::string answer = self->answer(bytes, true);
    if (!answer.empty()) self->udp_->send(answer, from);
  };
  Result<event::UdpSocket> udp = event::UdpSocket::bind(loop, server->tcp_->address(), on_datagram);
  if (!udp) return fail(udp.error());
  server->udp_ = std::make_unique<event::UdpSocket>(std::move(*udp));
  return server;
}

SocketAddress DnsServer::address() const { return tcp_->address(); }

std::string DnsServer::answer(std::string_view bytes, bool udp) {
  std::variant<DnsQuery, DnsRefusal> parsed = parse_dns_query(bytes);
  if (const auto* refusal = std::get_if<DnsRefusal>(&parsed)) {
    return refusal->reply ? write_dns_refusal(bytes, refusal->code) : "";
  }
  const DnsQuery& query = std::get<DnsQuery>(parsed);
  DnsAnswer found;
  if (ready_()) {
    found = resolver_.resolve(query, static_cast<uint32_t>(clock_.wall_ns() / 1'000'000'000));
  } else {
    found.code = DnsCode::server_failure;
    found.authoritative = false;
  }
  DnsAnswerLimits limits;
  if (udp && query.payload_bytes) {
    limits.bytes_max = std::clamp<size_t>(*query.payload_bytes, kPlainUdpBytesMax, kUdpBytesMax);
  } else if (udp) {
    limits = {kPlainUdpBytesMax, kPlainUdpAnswersMax};
  }
  trim_dns_answer(query, found, limits);
  return write_dns_answer(query, found);
}

void DnsServer::accept(event::TcpStream stream) {
  if (connections_.size() >= kConnectionsMax) return;
  connections_.push_back(std::make_unique<Connection>(*this, std::move(stream)));
}

// The connection may be on the stack: it goes at the end of the turn.
void DnsServer::remove(Connection& connection) {
  auto at = std::ranges::find_if(connections_, [&](const auto& one) { return one.get() == &connection; });
  if (at == connections_.end()) return;
  loop_.defer([gone = std::shared_ptr<Connection>(std::move(*at))] {});
  connections_.erase(at);
}

}  // namespace weir::registry

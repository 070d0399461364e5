#include "registry/dns_server.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "weir/base/subscriber.h"
#include "weir/event/loop.h"
#include "weir/event/timer.h"

namespace weir::registry {

/// One TCP client: messages behind two bytes of length, answered in order.
class DnsServer::Connection final : private event::TcpStream::Observer {
 public:
  Connection(DnsServer& server, event::TcpStream stream)
      : server_(server),
        stream_(std::move(stream)),
        subscriber_(subscriber_of(stream_.peer_address().ip)),
        idle_timer_(server.loop_, [this] { server_.remove(*this); }) {
    stream_.set_observer(*this);
    read_on();
  }
  [[nodiscard]] const IpAddress& subscriber() const { return subscriber_; }

  /// Answers the first message that waits; how long the answer is.
  size_t answer_next() {
    const std::string_view query = *next_message();
    std::string found = server_.answer(query, false);
    if (found.empty()) {
      server_.remove(*this);
      return 0;
    }
    answered_ += 2 + query.size();
    char prefix[2] = {static_cast<char>(found.size() >> 8), static_cast<char>(found.size() & 0xFF)};
    stream_.write({prefix, 2}, found);
    go_on();
    return found.size();
  }

 private:
  void on_read(std::span<char> bytes) override {
    received_.append(bytes.data(), bytes.size());
    go_on();
  }
  void on_read_end() override {
    stream_.close_gracefully();
    server_.remove(*this);
  }
  void on_drained() override { go_on(); }
  void on_failed(const Error&) override { server_.remove(*this); }

  /// Nothing more is read, nor its end heard of, before all of what was asked is answered; a client that does not read
  /// its answers is not answered until it does, or has been idle for too long.
  void go_on() {
    if (!next_message()) return read_on();
    stream_.stop_reading();
    if (stream_.queued_bytes() > 0) return idle_timer_.start_once(kConnectionIdleMs);
    idle_timer_.stop();  // it is not the client's fault what it waits for
    server_.stand_in_line(*this);
  }
  void read_on() {
    received_.erase(0, std::exchange(answered_, 0));
    stream_.start_reading();
    idle_timer_.start_once(kConnectionIdleMs);
  }
  /// If it is there as a whole.
  [[nodiscard]] std::optional<std::string_view> next_message() const {
    std::string_view rest = std::string_view(received_).substr(answered_);
    if (rest.size() < 2) return std::nullopt;
    size_t length = static_cast<uint8_t>(rest[0]) * 256U + static_cast<uint8_t>(rest[1]);
    if (rest.size() - 2 < length) return std::nullopt;
    return rest.substr(2, length);
  }

  DnsServer& server_;
  event::TcpStream stream_;
  const IpAddress subscriber_;
  event::Timer idle_timer_;
  std::string received_;  // a read's worth and less than one message
  size_t answered_ = 0;   // bytes of it
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

void DnsServer::stand_in_line(Connection& connection) {
  auto& line = lines_[connection.subscriber()];
  if (std::ranges::find(line, &connection) == line.end()) line.push_back(&connection);
  if (!is_answering_) request_turn_end(loop_);  // else the next one: this one's shares are being given
}

// Each subscriber has its share, which its connections take turns in.
void DnsServer::on_turn_end() {
  is_answering_ = true;
  for (auto next = lines_.begin(); next != lines_.end();) {
    auto& line = next->second;
    size_t bytes = 0;
    for (size_t count = 0; !line.empty() && count < kAnswersPerTurn && bytes < kDnsMessageBytesMax; ++count) {
      Connection& first = *line.front();
      line.pop_front();
      bytes += first.answer_next();
    }
    next = line.empty() ? lines_.erase(next) : std::next(next);
  }
  is_answering_ = false;
  if (!lines_.empty()) request_next_turn_end(loop_);
}

// The connection may be on the stack: it goes at the end of the turn.
void DnsServer::remove(Connection& connection) {
  auto at = std::ranges::find_if(connections_, [&](const auto& one) { return one.get() == &connection; });
  if (at == connections_.end()) return;
  if (auto line = lines_.find(connection.subscriber()); line != lines_.end()) std::erase(line->second, &connection);
  loop_.defer([gone = std::shared_ptr<Connection>(std::move(*at))] {});
  connections_.erase(at);
}

}  // namespace weir::registry

#pragma once
// The DNS interface's sockets: UDP and TCP on one port.

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "registry/dns_resolver.h"
#include "weir/base/clock.h"
#include "weir/base/ip.h"
#include "weir/base/result.h"
#include "weir/event/listener.h"
#include "weir/event/turn_end.h"
#include "weir/event/udp_socket.h"

namespace weir::registry {

/// Owned by Registry; loop's thread; destroying it closes everything.
class DnsServer : private event::TurnEnd {
 public:
  /// Port 0: the same free port for both. `ready` false answers SERVFAIL.
  static Result<std::unique_ptr<DnsServer>> listen(event::Loop& loop, const SocketAddress& address,
                                                   DnsResolver& resolver, const Clock& clock,
                                                   std::function<bool()> ready);
  ~DnsServer() override;
  [[nodiscard]] SocketAddress address() const;

  static constexpr size_t kPlainUdpBytesMax = 512;
  static constexpr size_t kPlainUdpAnswersMax = 3;  // as Consul: resolvers of old choke on more
  static constexpr size_t kUdpBytesMax = 65467;     // a datagram less its IP and UDP headers, and less room for options
  static constexpr size_t kConnectionsMax = 256;
  static constexpr uint64_t kConnectionIdleMs = 10'000;
  // Of one subscriber over TCP, by however many connections, in one turn of the loop, or fewer when they are long: an
  // answer that names a thousand instances costs a millisecond or two, in which nobody else is served.
  static constexpr size_t kAnswersPerTurn = 8;

 private:
  class Connection;

  DnsServer(event::Loop& loop, DnsResolver& resolver, const Clock& clock, std::function<bool()> ready);
  /// "" when no answer is due.
  [[nodiscard]] std::string answer(std::string_view bytes, bool udp);
  void accept(event::TcpStream stream);
  /// The connection has been asked something: it gets an answer_next() when its subscriber and it have their turn.
  void stand_in_line(Connection& connection);
  void on_turn_end() override;
  void remove(Connection& connection);

  event::Loop& loop_;
  DnsResolver& resolver_;
  const Clock& clock_;
  std::function<bool()> ready_;
  std::unique_ptr<event::UdpSocket> udp_;
  std::unique_ptr<event::Listener> tcp_;
  std::list<std::unique_ptr<Connection>> connections_;
  std::map<IpAddress, std::deque<Connection*>> lines_;  // by subscriber: those whose turn it is to be, each once
  bool is_answering_ = false;
};

}  // namespace weir::registry

#pragma once
// A listening socket of one worker and the connections it has brought.

#include <list>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string_view>

#include "proxy/admission.h"
#include "proxy/client_connection.h"
#include "proxy/counted_socket.h"
#include "proxy/entry_redirect.h"
#include "proxy/parked_client.h"
#include "proxy/proxy_preamble.h"
#include "proxy/tls_handshake.h"
#include "weir/base/result.h"
#include "weir/config/config.h"
#include "weir/event/listener.h"
#include "weir/proxy/stats.h"

namespace weir::proxy {

class Worker;

/// Accepts, passes on to a less loaded worker, limits, asks for a PROXY header where the peer must send one, and shakes
/// hands where TLS is spoken. Owned by its Worker; bound before the worker's thread starts, worker thread only from
/// then on.
class EntryPoint final : private ProxyPreamble::Owner, private TlsHandshake::Owner {
 public:
  /// `number`: its position in the configuration.
  EntryPoint(Worker& worker, const config::EntryPointConfig& config, size_t number);

  /// Each worker has a socket of its own on the same port; `address` is the one the first got.
  Status bind(const SocketAddress& address);
  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] const config::EntryPointConfig& config() const { return config_; }
  [[nodiscard]] std::string_view name() const { return config_.name; }
  /// With those whose session is over and whose socket is not closed yet.
  [[nodiscard]] size_t open_connections() const { return open_connections_; }
  [[nodiscard]] const http::H2Limits& h2_limits() const { return h2_limits_; }
  /// Where its requests are sent instead of being routed; null for most.
  [[nodiscard]] const EntryRedirect* redirect() const { return redirect_ ? &*redirect_ : nullptr; }
  void redirect_to(const EntryPoint& target);
  RequestStats stats;

  [[nodiscard]] event::Loop& loop();
  /// Its session is over.
  void remove(ClientConnection& connection);
  /// The session was over before, or this is what ended it.
  void on_socket_closed() { count_closed(); }
  /// A connection that another worker has accepted and given a seat here.
  void take_over(int fd);
  /// Gives an idle connection up for its socket and facts, where there are many; false where it stays.
  [[nodiscard]] bool park(ClientConnection& connection, uint64_t idle_ms);
  /// The client has said something.
  void wake(ParkedClient& parked);
  void remove(ParkedClient& parked);
  /// Stops accepting; connections close after their answer, idle ones in a moment.
  void drain();
  /// Ends every connection's exchange.
  void cut();

 private:
  void accept(event::TcpStream stream);
  void hand_over(event::TcpStream stream, size_t worker);
  void serve(event::TcpStream stream);
  void on_preamble(ProxyPreamble& preamble, const http::ProxyHeader& header) override;
  void on_preamble_failed(ProxyPreamble& preamble, const Error& reason) override;
  void admit(event::TcpStream stream, ClientFacts facts);
  void on_handshake(TlsHandshake& handshake) override;
  void on_handshake_failed(TlsHandshake& handshake, const Error& reason) override;
  void remove(ProxyPreamble& preamble);
  void add(event::TcpStream stream, ClientFacts facts);
  void remove(TlsHandshake& handshake);
  void forget(ParkedClient& parked);
  void count_opened();
  void count_closed();

  Worker& worker_;
  const config::EntryPointConfig& config_;
  const size_t number_;
  http::H2Limits h2_limits_;
  SocketAddress address_;
  std::optional<EntryRedirect> redirect_;
  std::optional<event::Listener> listener_;
  size_t open_connections_ = 0;
  std::list<std::unique_ptr<ProxyPreamble>> preambles_;
  std::list<std::unique_ptr<TlsHandshake>> handshakes_;
  std::list<std::unique_ptr<ClientConnection>> connections_;
  // In pieces of 64 KiB: a large one would lie on memory that the crowd has used before, and keep all of it.
  std::pmr::unsynchronized_pool_resource parked_memory_{{.max_blocks_per_chunk = 512}};
  ParkedClients parked_{&parked_memory_};
  bool draining_ = false;
};

}  // namespace weir::proxy

#pragma once
// TLS on one loop: makes the layers that its streams speak through.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weir/event/stream_layer.h"
#include "weir/tls/client.h"
#include "weir/tls/peer_certificate.h"
#include "weir/tls/server.h"

namespace weir::event {
class Loop;
class TcpStream;
}  // namespace weir::event

namespace weir::tls {

/// Since the engine was made.
struct Counters {
  uint64_t handshakes = 0;           // completed with clients, the resumed ones too
  uint64_t resumed = 0;              // of those: without a new key exchange's certificate
  uint64_t failed = 0;               // broken off by either side
  uint64_t delayed = 0;              // that waited for a later turn of the loop
  uint64_t upstream_handshakes = 0;  // the same with upstreams
  uint64_t upstream_resumed = 0;
  uint64_t upstream_failed = 0;
};

/// What was agreed on with the peer of an established connection.
class Connection {
 public:
  virtual ~Connection() = default;
  [[nodiscard]] virtual std::string_view version() const = 0;       // "TLSv1.3"; lives for ever
  [[nodiscard]] virtual std::string_view cipher() const = 0;        // by its IANA name; lives for ever
  [[nodiscard]] virtual std::string_view server_name() const = 0;   // that the client asked for; "" none
  [[nodiscard]] virtual std::string_view options_name() const = 0;  // of the server options in use
  [[nodiscard]] virtual bool resumed() const = 0;
  [[nodiscard]] virtual CertificateFacts peer_certificate() const = 0;
  /// Of a client: all it has shown, the leaf first; none when it has shown none. Read when first asked for, then kept
  /// with the connection.
  [[nodiscard]] virtual const std::vector<PeerCertificate>& client_certificates() const = 0;
  /// Of its leaf: "CN=a,O=b", as Traefik logs it; "" where there is none. Lives as long as the connection.
  [[nodiscard]] virtual std::string_view client_subject() const = 0;
};
/// Null for a plain stream. Lives as long as the stream's layer.
const Connection* connection_of(const event::TcpStream& stream);

/// One a loop. Its layers may outlive it. Loop's thread.
class Engine {
 public:
  static constexpr uint32_t kHandshakesPerTurn = 4;

  explicit Engine(event::Loop& loop, std::shared_ptr<Library> library = make_library(),
                  uint32_t handshakes_per_turn_max = kHandshakesPerTurn);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Any thread.
  [[nodiscard]] const std::shared_ptr<Library>& library() const;

  // Connections made from now on use these; those that exist keep what they have.
  void use(std::shared_ptr<const ServerContext> context);
  void use(std::shared_ptr<const TicketKeys> keys);
  void use(std::shared_ptr<const HostOptions> host_options);

  /// A layer for an accepted stream. `options` is the entry point's; the name the client asks for may change it.
  [[nodiscard]] std::unique_ptr<event::StreamLayer> accept(const std::string& options);
  /// A layer for a stream that connects.
  [[nodiscard]] std::unique_ptr<event::StreamLayer> connect(std::shared_ptr<ClientContext> context,
                                                            const ClientTarget& target);
  [[nodiscard]] const Counters& counters() const;

  struct State;  // private to tls/: src/tls/engine_state.h

 private:
  std::shared_ptr<State> state_;
};

}  // namespace weir::tls

#pragma once
// One TLS connection inside a stream.

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "tls/client_context.h"
#include "tls/engine_state.h"
#include "weir/event/stream_layer.h"
#include "weir/event/stream_port.h"

namespace weir::tls {

/// Shakes hands, then turns records into bytes and back. Buffers are the engine's: an established, idle connection has
/// its SSL object and nothing else. Owned by the stream's cell. Loop's thread.
class Layer final : public event::StreamLayer, public Connection {
 public:
  /// For an accepted stream.
  Layer(std::shared_ptr<Engine::State> engine, std::string options);
  /// For one that connects.
  Layer(std::shared_ptr<Engine::State> engine, std::shared_ptr<ClientContext> context, const ClientTarget& target);
  ~Layer() override;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  static Layer& of(const SSL* ssl) { return *static_cast<Layer*>(SSL_get_app_data(ssl)); }

  // StreamLayer
  void on_open(event::StreamPort port) override;
  void on_read(std::span<char> bytes) override;
  void on_read_end() override;
  void send(const std::array<std::string_view, 3>& pieces) override;
  void end() override;
  [[nodiscard]] std::string_view protocol() const override;

  // Connection
  [[nodiscard]] std::string_view version() const override { return SSL_get_version(ssl_.get()); }
  [[nodiscard]] std::string_view cipher() const override {
    const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_.get());
    return cipher == nullptr ? "" : SSL_CIPHER_standard_name(cipher);
  }
  [[nodiscard]] std::string_view server_name() const override;
  [[nodiscard]] std::string_view options_name() const override { return options_name_; }
  [[nodiscard]] bool resumed() const override { return SSL_session_reused(ssl_.get()) == 1; }
  [[nodiscard]] CertificateFacts peer_certificate() const override;
  [[nodiscard]] const std::vector<PeerCertificate>& client_certificates() const override;
  [[nodiscard]] std::string_view client_subject() const override;

  /// Its turn has come: goes on with the bytes that waited.
  void resume();

  // Asked by the handshake's callbacks.
  [[nodiscard]] const TicketKeys* ticket_keys() const { return engine_->ticket_keys.get(); }
  [[nodiscard]] const Library& library() const { return *engine_->library; }
  [[nodiscard]] const ServerContext& server() const { return *server_; }
  [[nodiscard]] const Profile& profile() const { return *profile_; }
  [[nodiscard]] const HostOptions* host_options() const { return engine_->host_options.get(); }
  [[nodiscard]] SocketAddress local_address() const { return port_.local_address(); }
  [[nodiscard]] ClientContext* client() const { return client_.get(); }
  [[nodiscard]] const std::string& session_key() const { return session_key_; }
  void set_profile(const Profile& profile) { profile_ = &profile; }
  void set_pairs(const KeyPairs* pairs) { pairs_ = pairs; }
  [[nodiscard]] const KeyPairs* pairs() const { return pairs_; }

 private:
  enum class State : uint8_t {
    idle,     // nothing has come yet
    waiting,  // its first bytes wait for a turn that has time for them
    handshake,
    open,
    ended,  // the peer's close_notify or FIN has come; writing still works
    failed,
  };

  [[nodiscard]] bool begin();
  void take(std::span<char> bytes);
  void shake_hands();
  void established();
  void note_message();
  void read_records();
  [[nodiscard]] size_t open_records(State& after);
  void seal(std::string_view bytes);
  void flush();
  void fail_with(Error error);
  [[nodiscard]] Error handshake_error(int result) const;

  // constant after construction
  const std::shared_ptr<Engine::State> engine_;
  const std::shared_ptr<ClientContext> client_;  // null on the client side
  const std::string session_key_;

  // loop thread only
  event::StreamPort port_;
  SslPtr ssl_;
  std::string options_name_;                     // of the entry point; then those in use
  std::shared_ptr<const ServerContext> server_;  // as it was when the handshake began; until it is done
  const Profile* profile_ = nullptr;             // of server_
  const KeyPairs* pairs_ = nullptr;              // what was chosen to be shown; of server_; null: the default ones
  std::string held_;                             // while waiting
  // Null until somebody asks; most never do.
  mutable std::unique_ptr<const std::vector<PeerCertificate>> client_certificates_;
  mutable std::unique_ptr<const std::string> client_subject_;
  std::list<Layer*>::iterator place_;
  uint64_t messages_since_ms_ = 0;
  uint32_t messages_ = 0;  // about the connection itself, since then
  State state_ = State::idle;
  bool end_sent_ = false;

  friend struct Engine::State;
};

/// For OpenSSL: src/tls/ticket_keys.cc.
int seal_or_open_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                        int sealing);

}  // namespace weir::tls
